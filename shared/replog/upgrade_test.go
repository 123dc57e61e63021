package replog_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
)

// Replicas with new rules come beside those with old ones, under load; when the last old one is gone the new rules are put in force,
// and a binary that lacks them does not serve.
func TestRollingUpgrade(t *testing.T) {
	srv := natstest.Start(t)
	older, newer := base(), base()
	newer.Machine = machine(1, 2)
	olds := []*replica{run(t, srv.URL(), older), run(t, srv.URL(), older)}
	news := []*replica{run(t, srv.URL(), newer), run(t, srv.URL(), newer)}

	stop, acked := make(chan struct{}), atomic.Int64{}
	var wg sync.WaitGroup
	for _, l := range append(news, olds...) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := l.Do(within(t, patience), add("a", 1)); err == nil {
					acked.Add(1)
				} else if e := api.AsError(err); e == nil || e.Details.MaybeExecuted {
					t.Error(err)
				} else if e.Details.Reason == api.ReasonDraining || e.Details.Reason == api.ReasonNotReady {
					return
				}
			}
		})
	}
	equalRules := func(want int) {
		t.Helper()
		for i, l := range news {
			natstest.Eventually(t, patience, func() bool { return l.Status().Version == want }, "replica %d goes by version %d", i, want)
		}
	}
	equalRules(1)
	if err := news[0].Use(within(t, patience), 2); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("with old replicas there: %v", err)
	}
	for _, l := range olds {
		if err := l.Close(within(t, patience)); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if err := news[0].Use(within(t, patience), 2); err != nil {
		t.Fatal(err)
	}
	equalRules(2)
	if err := news[1].Use(within(t, patience), 2); err != nil {
		t.Errorf("again: %v", err)
	}
	do(t, news[1], add("b", 1))
	late := start(t, srv.URL(), older)
	natstest.Eventually(t, patience, func() bool { return late.Status().State == replog.StateNoRules }, "the old binary has not the rules")
	if late.Ready() {
		t.Error("it serves")
	}
	close(stop)
	wg.Wait()
	equal(t, news...)
	if got := look(t, news[0], func(s *accounts) int { return s.Counters["a"] }); got != int(acked.Load()) {
		t.Errorf("%d were done, and %d answered", got, acked.Load())
	}
	if got := look(t, news[1], func(s *accounts) int { return s.Rules }); got != 2 {
		t.Errorf("the state is of version %d", got)
	}
}
