package coordination_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// With three servers and three copies reads of followers are stale and innocent writes fail, which one server never shows. The
// server that leads the bucket dies in the middle of the work: nothing is lost, nothing happens twice.
func TestThreeServers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts three servers")
	}
	cluster := natstest.StartCluster(t, 3)
	for i := range 3 {
		replica(t, cluster.URL(i), coordination.Config{Replicas: 3})
	}
	c := dial(t, cluster.URLs(), "tester")
	info, err := c.JS.Stream(t.Context(), "KV_mabus_primitives")
	if err != nil || info.CachedInfo().Config.Replicas != 3 {
		t.Fatalf("the bucket of primitives: %+v, %v", info, err)
	}
	const parties = 20
	var waits []<-chan answer[api.Barrier]
	for n := range parties - 1 {
		waits = append(waits, untilAnswered(t, c, fmt.Sprintf("b%d", n), api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: parties}))
	}
	arrived(t, c, parties-1)
	must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 1})
	latch := untilAnswered(t, c, "", api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(patience)})

	const counters, each = 4, 60
	var wg sync.WaitGroup
	half := make(chan struct{}, counters)
	for n := range counters {
		conn := dial(t, cluster.URLs(), "tester")
		wg.Go(func() { count(t, conn, n, each, half) })
	}
	<-half
	dead := -1
	natstest.Eventually(t, 2*patience, func() bool { dead = cluster.StreamLeader("KV_mabus_primitives"); return dead >= 0 }, "a server leads the bucket")
	cluster.StopNode(dead)
	wg.Wait()
	if got := eventually(t, c, api.CountersGet, api.GetRequest{ID: "c"}); got.Value != counters*each {
		t.Errorf("counted %d, want %d", got.Value, counters*each)
	}
	if err := insist(t, c, "last", api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: parties}); err != nil {
		t.Fatal(err)
	}
	for _, w := range waits {
		if got, err := heard(t, w); err != nil || got.Generation != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if err := insist(t, c, "down", api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"}); err != nil {
		t.Fatal(err)
	}
	if _, err := heard(t, latch); err != nil {
		t.Error(err)
	}
	if b := eventually(t, c, api.BarriersGet, api.GetRequest{ID: "b"}); b.Generation != 1 || len(b.Arrived) > 0 {
		t.Errorf("after all: %+v", b)
	}
}

// count adds to counter c, and says when half is done.
func count(t *testing.T, c *rpc.Conn, n, each int, half chan<- struct{}) {
	for i := range each {
		if i == each/2 {
			half <- struct{}{}
		}
		if err := insist(t, c, fmt.Sprintf("r%d-%d", n, i), api.CountersAdd, api.CounterAddRequest{Name: "c"}); err != nil {
			t.Error(err)
			return
		}
	}
}

// eventually reads until the store answers.
func eventually[Req, Resp any](t *testing.T, c *rpc.Conn, m api.Method[Req, Resp], req Req) (resp *Resp) {
	t.Helper()
	natstest.Eventually(t, 2*patience, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var err error
		resp, err = rpc.Call(ctx, c, m, &req)
		return err == nil
	}, "%s answers", m.Noun)
	return resp
}
