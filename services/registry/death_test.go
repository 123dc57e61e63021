package registry_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Two of three replicas lose their connection in the middle of the work, as if they were killed. Callers that repeat their
// requests under the same id all get the answer of the one registration that happened, and every event comes.
func TestReplicasDieAtWork(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for what a dead replica had taken out of the outbox")
	}
	const agents = 300
	srv := natstest.Start(t)
	var conns []*rpc.Conn
	for range 3 {
		conns = append(conns, dial(t, srv.URL(), ""))
		replicaOn(t, conns[len(conns)-1], registry.Config{})
	}
	c := dial(t, srv.URL(), "tester")
	ch := events(t, c, must(t, c, api.AgentsWatch, api.Empty{}).Subject)
	var wg sync.WaitGroup
	next := make(chan int)
	for range 8 {
		wg.Go(func() {
			for n := range next {
				id := fmt.Sprintf("a%03d", n)
				for err := error(api.Errorf(api.Unavailable, "")); err != nil; {
					ctx, cancel := context.WithTimeout(rpc.WithRequestID(t.Context(), "r-"+id), 300*time.Millisecond)
					_, err = rpc.Call(ctx, c, api.AgentsRegister, &api.AgentSpec{ID: id})
					cancel()
					if code := api.CodeOf(err); code == api.Conflict || code == api.Internal || t.Context().Err() != nil {
						t.Errorf("%s: %v", id, err)
						break
					}
				}
			}
		})
	}
	for n := range agents {
		if n == agents/3 || n == 2*agents/3 {
			conns[n*3/agents-1].NC.Close()
		}
		next <- n
	}
	close(next)
	wg.Wait()
	if got := must(t, c, api.AgentsStats, api.Empty{}); got.Total > agents {
		t.Errorf("%d agents, want %d", got.Total, agents)
	}
	seen := map[string]bool{}
	for len(seen) < agents {
		select {
		case msg := <-ch:
			seen[msg.Subject] = true
		case <-time.After(patience):
			t.Fatalf("events of %d agents of %d", len(seen), agents)
		}
	}
}
