package client_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestElections(t *testing.T) {
	w := coordinate(t, 2)
	one, oneLease := w.join(t)
	two, twoLease := w.join(t)
	ctx := within(t, patience)
	seen := make(chan api.Election, 16)
	watch, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for e, err := range one.Elections.Watch(watch, "e") {
			if err != nil {
				return
			}
			seen <- e
		}
	})
	defer func() { stop(); watching.Wait() }()
	if e := <-seen; e.Leader != nil {
		t.Errorf("somebody leads: %+v", e)
	}
	first, err := one.Elections.Campaign(ctx, oneLease, "e", map[string]string{"at": "one"})
	if err != nil {
		t.Fatal(err)
	}
	if e := <-seen; e.Term != first.Term || e.Leader == nil || string(e.Leader.Data) != `{"at":"one"}` {
		t.Errorf("got %+v", e)
	}
	got := make(chan *client.Leadership, 1)
	go func() {
		l, err := two.Elections.Campaign(ctx, twoLease, "e", nil)
		if err != nil {
			t.Error(err)
		}
		got <- l
	}()
	natstest.Eventually(t, patience, func() bool {
		e, err := one.Elections.Observe(ctx, "e")
		return err == nil && e.Candidates == 1
	}, "the second stands")
	for e, err := range two.Elections.All(ctx, api.LocksListRequest{}) {
		if err != nil || e.Name != "e" || e.Term != first.Term {
			t.Errorf("got %+v, %v", e, err)
		}
	}
	if err := first.Resign(ctx); err != nil {
		t.Fatal(err)
	}
	second := <-got
	if second == nil || second.Term <= first.Term || second.Err() != nil || first.Err() == nil {
		t.Fatalf("got %+v after %+v", second, first)
	}
	natstest.Eventually(t, patience, func() bool { return (<-seen).Term == second.Term }, "the watcher hears of the second")
}

func TestCellsRefuseTheFormerHolder(t *testing.T) {
	w := coordinate(t, 1)
	c, l := w.join(t)
	ctx := within(t, patience)
	if _, err := c.Cells.Get(ctx, "state"); api.ReasonOf(err) != api.ReasonCellNotFound {
		t.Errorf("got %v", err)
	}
	var tokens []uint64
	for range 2 {
		err := c.Locks.Do(ctx, l, api.LockAcquireRequest{Name: "m"}, func(ctx context.Context, token uint64) error {
			tokens = append(tokens, token)
			if _, err := c.Cells.Open(ctx, "state", token); err != nil {
				return err
			}
			_, err := c.Cells.Put(ctx, "state", token, map[string]uint64{"by": token})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Cells.Put(ctx, "state", tokens[0], "late"); api.ReasonOf(err) != api.ReasonStaleToken {
		t.Errorf("got %v", err)
	}
	cell, err := c.Cells.Get(ctx, "state")
	if err != nil || string(cell.Value) != fmt.Sprintf(`{"by":%d}`, tokens[1]) || cell.Version != 2 {
		t.Errorf("got %+v, %v", cell, err)
	}
	if err := c.Cells.Remove(ctx, "state", tokens[0]); api.ReasonOf(err) != api.ReasonStaleToken {
		t.Errorf("got %v", err)
	}
	if err := c.Cells.Remove(ctx, "state", tokens[1]); err != nil {
		t.Error(err)
	}
}

func TestBarriersAndLatches(t *testing.T) {
	w := coordinate(t, 2)
	c, _ := w.join(t)
	ctx := within(t, patience)
	for generation := range uint64(2) {
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				b, err := c.Barriers.Arrive(ctx, api.BarrierArriveRequest{Name: "b", Parties: 5, Member: fmt.Sprint("m", i)})
				if err != nil || b.Generation != generation+1 {
					t.Errorf("got %+v, %v", b, err)
				}
			})
		}
		all.Wait()
	}
	if _, err := c.Barriers.Arrive(within(t, 200*time.Millisecond), api.BarrierArriveRequest{Name: "b", Parties: 2}); api.CodeOf(err) != api.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if _, err := c.Latches.Wait(ctx, "l"); api.ReasonOf(err) != api.ReasonLatchNotFound {
		t.Errorf("got %v", err)
	}
	if _, err := c.Latches.Create(ctx, "l", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Latches.Wait(within(t, 200*time.Millisecond), "l"); api.CodeOf(err) != api.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	open := make(chan error, 1)
	go func() {
		_, err := c.Latches.Wait(ctx, "l")
		open <- err
	}()
	for range 3 {
		if _, err := c.Latches.CountDown(ctx, "l", 1); err != nil {
			t.Error(err)
		}
	}
	if err := <-open; err != nil {
		t.Error(err)
	}
	if existed, err := c.Latches.Remove(ctx, "l"); err != nil || !existed {
		t.Errorf("got %v, %v", existed, err)
	}
}

// Every addition counts once, though replicas stop and NATS is restarted in the middle.
func TestCountersAreExact(t *testing.T) {
	srv := natstest.Start(t)
	w, err := startCoordinated(within(t, patience), srv.URL(), 2, quick)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	ctx := within(t, 2*patience)
	var all sync.WaitGroup
	var done atomic.Int64
	const each, counters = 50, 4
	for range counters {
		c, _ := w.join(t)
		all.Go(func() {
			for range each {
				if _, err := c.Counters.Add(ctx, "n", 2); err != nil {
					t.Error(err)
				}
				done.Add(1)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return done.Load() > each }, "some are counted")
	srv.Restart(t)
	natstest.Eventually(t, patience, func() bool { return done.Load() > 2*each }, "more are counted")
	w.stop[0]()
	all.Wait()
	c, _ := w.join(t)
	if n, err := c.Counters.Get(ctx, "n"); err != nil || n.Value != 2*each*counters {
		t.Errorf("got %+v, %v, want %d", n, err, 2*each*counters)
	}
	if r, err := c.Sequences.Next(ctx, "s", 10); err != nil || r.First != 1 || r.Last != 10 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := c.Sequences.Next(client.WithRequestID(ctx, "once"), "s", 1); err != nil || r.First != 11 {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := c.Sequences.Next(client.WithRequestID(ctx, "once"), "s", 1); err != nil || r.First != 11 {
		t.Errorf("got %+v, %v", r, err)
	}
	if existed, err := c.Counters.Remove(ctx, "n"); err != nil || !existed {
		t.Errorf("got %v, %v", existed, err)
	}
}
