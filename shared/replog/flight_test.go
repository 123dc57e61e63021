package replog_test

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// A replica that cannot read on does not append its last batch again and again, since it would never see it, and tells who waits for it.
func TestWhatIsUnderWayWhenItBreaks(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var armed atomic.Bool
	held, gate := make(chan struct{}), make(chan struct{})
	var once sync.Once
	cfg := base()
	at := stoppable(&cfg)
	cfg.Applied = func(*engine.Applied, *accounts, bool) {
		if armed.Load() {
			once.Do(func() { close(held); <-gate })
		}
	}
	l := run(t, srv.URL(), cfg)
	do(t, l, add("a", 1))
	at.stop(t, l) // else it may leave because it is held, and take no command
	c := dial(t, srv.URL())
	st, err := c.JS.Stream(within(t, patience), l.Stream())
	if err != nil {
		t.Fatal(err)
	}
	last := func() uint64 {
		info, err := st.Info(within(t, patience))
		if err != nil {
			t.Fatal(err)
		}
		return info.State.LastSeq
	}
	armed.Store(true)
	if _, err := c.JS.Publish(within(t, patience), l.Subject(), []byte("junk")); err != nil {
		t.Fatal(err)
	}
	<-held
	if _, err := c.JS.Publish(within(t, patience), l.Subject(), []byte("mlog\x03 of a later binary")); err != nil {
		t.Fatal(err)
	}
	before := last()
	ctx, answered := within(t, patience), make(chan error, 1)
	go func() {
		_, err := l.Do(ctx, add("a", 1))
		answered <- err
	}()
	natstest.Eventually(t, patience, func() bool { return last() > before }, "the batch is in the log")
	close(gate)
	leaves(t, l, replog.StateNoRules)
	at.goOn()
	err = <-answered
	if e := api.AsError(err); e == nil || !e.Details.MaybeExecuted || ctx.Err() != nil {
		t.Errorf("who waited was told %v", err)
	}
	if n := last() - before; n > 2 {
		t.Errorf("the batch is in the log %d times", n)
	}
}

// Outcomes that keep coming do not keep a replica from renewing the claim of an effect that takes long.
func TestClaimsBesideOutcomes(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var long atomic.Int64
	done := make(chan struct{})
	pay := func(ctx context.Context, e engine.Effect) ([]byte, error) {
		if e.ID == "long" {
			long.Add(1)
			select {
			case <-done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return []byte("paid"), nil
	}
	cfg := with(base(), pay)
	replog.At(&cfg, func(point string) bool { // a store that takes its time
		if point == replog.Published {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			<-ctx.Done()
			cancel()
		}
		return true
	})
	busy, idle := run(t, srv.URL(), cfg), run(t, srv.URL(), with(base(), pay))
	ran := even(t, srv.URL())
	do(t, busy, engine.Command{Kind: "pay", Key: "long"})
	begin := busy.LogTime()
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			for i := 0; busy.LogTime().Sub(begin) < 3*engine.Claim; i++ {
				if _, err := ask(t, busy, engine.Command{Kind: "pay", Key: strconv.Itoa(n) + "-" + strconv.Itoa(i)}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := long.Load(); n != 1 && ran() {
		t.Errorf("an effect whose runner lives was run %d times", n)
	}
	close(done)
	natstest.Eventually(t, patience, func() bool { return idle.Status().Effects == 0 }, "all effects have an outcome")
}

// The server takes smaller messages than before: what waits and is too large is refused, and holds up nothing.
func TestServerTakesLess(t *testing.T) {
	t.Parallel()
	cfg := natsd.Config{DataDir: t.TempDir()}
	srv := natstest.StartWith(t, cfg)
	gate, inside, held := make(chan struct{}), make(chan struct{}, 1), atomic.Bool{}
	replica := base()
	when := stoppable(&replica)
	replog.At(&replica, func(point string) bool {
		if point == replog.Published && held.CompareAndSwap(true, false) {
			inside <- struct{}{}
			<-gate
		}
		return true
	})
	l := run(t, srv.URL(), replica)
	do(t, l, add("a", 1))
	at, err := url.Parse(srv.URL())
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Port, err = strconv.Atoi(at.Port()); err != nil {
		t.Fatal(err)
	}
	cfg.MaxPayload = 64 << 10
	var wg sync.WaitGroup
	when.stop(t, l) // else it may leave because the store is held, and take no command
	held.Store(true)
	wg.Go(func() {
		if _, err := l.Do(within(t, patience), add("a", 1)); err != nil {
			t.Error(err)
		}
	})
	<-inside
	big := engine.Command{Kind: "add", Key: "a", Hash: string(make([]byte, 300_000)), Body: []byte("1")}
	for range 8 {
		wg.Go(func() {
			ctx := within(t, patience)
			if _, err := l.Do(ctx, big); err == nil || ctx.Err() != nil {
				t.Errorf("a command that is too large came as %v", err)
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return l.Status().Queued == 8 }, "they wait")
	when.goOn()
	srv.Stop()
	natstest.StartWith(t, cfg)
	close(gate)
	wg.Wait()
	do(t, l, add("a", 1))
	if _, err := l.Do(t.Context(), big); api.ReasonOf(err) != api.ReasonPayloadTooLarge {
		t.Errorf("a command that is too large came as %v", err)
	}
	if n := look(t, l, func(s *accounts) int { return s.Counters["a"] }); n != 3 {
		t.Errorf("counted to %d", n)
	}
}

// A replica that has heard of an entry that is not there, as when NATS lost it after it was acknowledged, finds out and goes on.
func TestHeardOfWhatIsNot(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	l := run(t, srv.URL(), base())
	a := do(t, l, add("a", 1))
	for len(l.Changes()) > 0 {
		<-l.Changes()
	}
	natstest.Eventually(t, patience, func() bool { // it forgets when it asks the stream anew, and may be back before anybody looks
		l.HeardOf(a.Seq + 1000)
		return len(l.Changes()) > 0
	}, "it lags")
	serves(t, l)
	do(t, l, add("a", 1))
}
