package replog_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestOverload(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	gate, held := make(chan struct{}), atomic.Bool{}
	cfg := base()
	cfg.Queue = 4
	at := stoppable(&cfg)
	replog.At(&cfg, func(point string) bool {
		if point == replog.Published && held.Load() {
			<-gate
		}
		return true
	})
	l := run(t, srv.URL(), cfg)
	do(t, l, add("a", 1))
	at.stop(t, l) // else it may leave because the store is held, and refuse commands for that
	held.Store(true)
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range 20 {
		wg.Go(func() {
			_, err := l.Do(within(t, patience), add("a", 1))
			if api.CodeOf(err) == api.Overloaded {
				refused.Add(1)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return refused.Load() > 0 }, "commands are refused")
	held.Store(false)
	close(gate)
	wg.Wait()
	at.goOn()
	want := strconv.FormatInt(1+20-refused.Load()+1, 10)
	if got := string(do(t, l, add("a", 1)).Body); got != want {
		t.Errorf("counted to %s instead of %s", got, want)
	}
}

// A log that is full refuses commands, and takes them again when a snapshot has made room.
func TestFullLog(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	cfg.MaxBytes = 16 << 20
	cfg.SnapshotBytes = 1 << 40
	l := run(t, srv.URL(), cfg)
	big := engine.Command{Kind: "add", Key: "a", Hash: string(make([]byte, 5_000)), Body: []byte("1")}
	natstest.Eventually(t, patience, func() bool {
		_, err := l.Do(within(t, patience), big)
		if err != nil && api.CodeOf(err) != api.Overloaded && api.ReasonOf(err) != api.ReasonNotReady {
			t.Fatal(err)
		}
		for err == nil {
			_, err = l.Do(within(t, patience), big)
		}
		return api.CodeOf(err) == api.Overloaded
	}, "the log is full")
	if s := l.Status(); s.State != replog.StateFull && s.State != replog.StateServing {
		t.Errorf("it is %s", s.State)
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := l.Do(within(t, patience), add("a", 1))
		return err == nil
	}, "it takes commands again")
}

// Commands that wait while NATS is away are carried out when it is back, once.
func TestNATSAway(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	cfg := base()
	at := stoppable(&cfg)
	var queued, maybe, done atomic.Int64
	replog.At(&cfg, func(point string) bool {
		if point == replog.Queued {
			queued.Add(1)
		}
		return true
	})
	ls := three(t, srv.URL(), cfg)
	do(t, ls[0], add("a", 1))
	at.stop(t, ls...) // else a server that takes long to stop leaves no replica that takes a command
	before := queued.Load()
	srv.Stop()
	var wg sync.WaitGroup
	for _, l := range ls {
		wg.Go(func() {
			_, err := l.Do(within(t, patience), add("a", 1))
			switch {
			case err == nil:
				done.Add(1)
			case api.AsError(err).Details.MaybeExecuted:
				maybe.Add(1)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return queued.Load() == before+3 }, "the commands wait")
	at.goOn()
	for i, l := range ls {
		natstest.Eventually(t, patience, func() bool { return !l.Ready() }, "replica %d leaves", i)
	}
	if _, err := ls[0].Do(t.Context(), add("a", 1)); api.ReasonOf(err) != api.ReasonNotReady {
		t.Errorf("while NATS is away: %v", err)
	}
	srv.Restart(t)
	serves(t, ls...)
	wg.Wait()
	equal(t, ls...)
	got := look(t, ls[0], func(s *accounts) int { return s.Counters["a"] })
	if got < 1+int(done.Load()) || got > 1+int(done.Load()+maybe.Load()) || done.Load() == 0 {
		t.Errorf("%d were done; %d callers heard so, %d may", got, done.Load(), maybe.Load())
	}
	for i, l := range ls {
		if s := l.Status(); s.Rebuilds > 0 {
			t.Errorf("replica %d: %+v", i, s)
		}
	}
}

// The clocks of replicas say nothing: timers fire by the time of the log, once.
func TestTimersWithSkewedClocks(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	begin := time.Now()
	var ls []*replica
	for _, speed := range []time.Duration{50, 100, 400} {
		cfg := base()
		replog.Clock(&cfg, func() time.Duration { return speed*time.Hour + time.Since(begin)*speed/100 })
		ls = append(ls, start(t, srv.URL(), cfg))
	}
	serves(t, ls...)
	const timers = 30
	for i := range timers {
		natstest.Eventually(t, patience, func() bool {
			_, err := ls[i%3].Do(within(t, patience), engine.Command{Kind: "remind", Key: strconv.Itoa(i), Body: []byte("200ms")})
			return err == nil
		}, "a reminder is set")
	}
	natstest.Eventually(t, patience, func() bool {
		var n int
		ls[0].Peek(func(s *accounts) { n = len(s.Came) })
		return n == timers
	}, "all timers have fired")
	serves(t, ls...)
	equal(t, ls...)
	for id, n := range look(t, ls[1], func(s *accounts) map[string]int { return s.Came }) {
		if n != 1 {
			t.Errorf("timer %s fired %d times", id, n)
		}
	}
}
