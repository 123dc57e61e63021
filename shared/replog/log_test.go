package replog_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestDoAndRead(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	first := do(t, l, add("a", 1))
	second := do(t, l, add("a", 2))
	if string(first.Body) != "1" || string(second.Body) != "3" || second.Seq <= first.Seq {
		t.Errorf("answers %+v, %+v", first, second)
	}
	other := run(t, srv.URL(), base())
	var sum int
	rev, err := read(t, other, second.Revision, func(s *accounts, _ uint64, at time.Time) {
		sum = s.Counters["a"]
		if at.IsZero() {
			t.Error("the log has no time")
		}
	})
	if err != nil || sum != 3 || rev == "" {
		t.Errorf("the other replica read %d, %q, %v", sum, rev, err)
	}
	if _, err := ask(t, l, engine.Command{Kind: "fail"}); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("a refusal came as %v", err)
	}
	if _, err := l.Do(t.Context(), engine.Command{Kind: engine.KindLeave}); api.CodeOf(err) != api.Invalid {
		t.Errorf("a command of the log itself came as %v", err)
	}
	if _, err := l.Do(t.Context(), engine.Command{Kind: "add", Body: make([]byte, engine.MaxCommandSize+1)}); api.ReasonOf(err) != api.ReasonPayloadTooLarge {
		t.Errorf("a huge command came as %v", err)
	}
	if err := l.Close(within(t, patience)); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := l.Do(t.Context(), add("a", 1)); api.CodeOf(err) != api.Unavailable || api.AsError(err).Details.MaybeExecuted {
		t.Errorf("after close: %v", err)
	}
}

func TestThreeReplicasAreEqual(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ls := three(t, srv.URL(), base())
	var wg sync.WaitGroup
	const callers, each = 30, 50
	for n := range callers {
		wg.Go(func() {
			for i := range each {
				c := add("a", 1)
				c.Principal, c.ID, c.Hash = "p", fmt.Sprintf("%d-%d", n, i), fmt.Sprintf("%d-%d", n, i)
				if _, err := ask(t, ls[n%3], c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	equal(t, ls...)
	for i, l := range ls {
		if got := look(t, l, func(s *accounts) int { return s.Counters["a"] }); got != callers*each {
			t.Errorf("replica %d has %d", i, got)
		}
		if s := l.Status(); s.State != "serving" || s.Contradictions > 0 || s.Rebuilds > 0 {
			t.Errorf("replica %d: %+v", i, s)
		}
	}
	equal(t, append(ls, run(t, srv.URL(), base()))...)
}

func TestTimersFireOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ls := three(t, srv.URL(), base())
	const timers = 50
	for i := range timers {
		do(t, ls[i%3], engine.Command{Kind: "remind", Key: strconv.Itoa(i), Body: fmt.Appendf(nil, "%dms", 5*i)})
	}
	natstest.Eventually(t, patience, func() bool {
		return look(t, ls[0], func(s *accounts) int { return len(s.Came) }) == timers
	}, "all timers have fired")
	equal(t, ls...)
	for id, n := range look(t, ls[1], func(s *accounts) map[string]int { return s.Came }) {
		if n != 1 {
			t.Errorf("timer %s fired %d times", id, n)
		}
	}
}
