package registry_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A replica spends at most a kilobyte on each agent that it knows, the mirror and the index together. The first replica makes
// the agents; what counts is what a second one that only loads them adds to what one takes that knows none.
func TestAReplicaIsLean(t *testing.T) {
	const bulks, most = 10, 1024
	srv := natstest.StartProcess(t) // its memory is not the replica's
	before := heap()
	_, stop := replicaOn(t, dialTo(t, srv.URL(), "empty"), registry.Config{})
	fixed := heap() - before
	stop()
	c := dial(t, srv.URL(), "")
	_, stop = replica(t, srv.URL(), registry.Config{})
	for b := range bulks {
		req := api.AgentsRegisterManyRequest{}
		for n := range api.MaxBulk {
			req.Agents = append(req.Agents, api.AgentSpec{
				ID: fmt.Sprintf("agent-%02d-%08d", b, n), Type: "worker", Module: "echo",
				Capabilities: []string{fmt.Sprintf("capability-%d", n%50), "summarise"}, Tags: []string{"batch"},
			})
		}
		must(t, c, api.AgentsRegisterMany, req)
	}
	stop()
	before = heap()
	replica(t, srv.URL(), registry.Config{})
	if got := must(t, c, api.AgentsStats, api.Empty{}).Total; got != bulks*api.MaxBulk {
		t.Fatalf("%d agents", got)
	}
	each := func() int64 { return (heap() - before - fixed) / (bulks * api.MaxBulk) }
	t.Logf("%d bytes for each agent, and %d for the replica", each(), fixed)
	natstest.Eventually(t, patience, func() bool { return each() <= most }, "a replica takes at most %d bytes for each agent, once it has loaded them", most)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
