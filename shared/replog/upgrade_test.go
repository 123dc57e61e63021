package replog_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/tell"
)

// Replicas with new rules come beside those with old ones, under load; when the last old one is gone the new rules are put in force,
// and a binary that lacks them does not serve.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	older, newer := base(), base()
	newer.Machine = machine(1, 2)
	var told atomic.Int64
	newer.Applied = func(a *engine.Applied, _ *accounts, live bool) {
		for _, c := range tell.Rules(a) {
			if live && (c.What != "used" || c.ID != "2" || c.Principal != "") {
				t.Errorf("%+v", c)
			}
			told.Add(1)
		}
	}
	olds := []*replica{run(t, srv.URL(), older), run(t, srv.URL(), older)}
	news := []*replica{run(t, srv.URL(), newer), run(t, srv.URL(), newer)}

	for _, l := range append(news, olds...) {
		do(t, l, add("d", 1)) // and has said before that it is there
	}

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
	if _, err := news[0].Use(within(t, patience), 2); api.ReasonOf(err) != api.ReasonRulesMissing || api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("with old replicas there: %v", err)
	}
	if r, err := news[0].Rules(within(t, patience)); err != nil || r.Version != 1 || r.Available != 1 || len(r.Replicas) != 4 {
		t.Errorf("with old replicas there: %+v, %v", r, err)
	}
	// A new replica goes back to the old rules: nothing has come into the log that they lack.
	if err := news[1].Close(within(t, patience)); err != nil {
		t.Errorf("close: %v", err)
	}
	back := start(t, srv.URL(), older)
	do(t, back, add("c", 1))
	if err := back.Close(within(t, patience)); err != nil {
		t.Errorf("close: %v", err)
	}
	news[1] = start(t, srv.URL(), newer)
	for _, l := range olds {
		if err := l.Close(within(t, patience)); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if r, err := news[0].Use(within(t, patience), 2); err != nil || r.Version != 2 || r.Available != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	equalRules(2)
	if _, err := news[1].Use(within(t, patience), 2); err != nil {
		t.Errorf("again: %v", err)
	}
	if _, err := news[1].Use(within(t, patience), 1); api.ReasonOf(err) != api.ReasonRulesFinal || !strings.Contains(err.Error(), "no way back") {
		t.Errorf("the way back: %v", err)
	}
	do(t, news[1], add("b", 1))
	late := start(t, srv.URL(), older)
	natstest.Eventually(t, patience, func() bool { return late.Status().State == replog.StateNoRules }, "the old binary has not the rules")
	if late.Ready() {
		t.Error("it serves")
	}
	if _, err := late.Do(within(t, patience), add("a", 1)); api.CodeOf(err) != api.Unavailable || !strings.Contains(err.Error(), string(replog.StateNoRules)) {
		t.Errorf("it says %v", err)
	}
	close(stop)
	wg.Wait()
	if n := told.Load(); n != int64(len(news)) {
		t.Errorf("that the rules have changed was told %d times by %d replicas", n, len(news))
	}
	equal(t, news...)
	if got := look(t, news[0], func(s *accounts) int { return s.Counters["a"] }); got != int(acked.Load()) {
		t.Errorf("%d were done, and %d answered", got, acked.Load())
	}
	if got := look(t, news[1], func(s *accounts) int { return s.Rules }); got != 2 {
		t.Errorf("the state is of version %d", got)
	}
}
