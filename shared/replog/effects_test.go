package replog_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// bank counts how often each effect was run, on all replicas.
type bank struct {
	mu  sync.Mutex
	ran map[string]int
}

func (b *bank) pay(_ context.Context, e engine.Effect) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ran == nil {
		b.ran = map[string]int{}
	}
	b.ran[e.ID]++
	return []byte("paid"), nil
}

func (b *bank) times(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ran[id]
}

func with(cfg config, pay replog.Runner) config {
	cfg.Runners = map[string]replog.Runner{"pay": pay}
	return cfg
}

func paid(t *testing.T, l *replica, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		return look(t, l, func(s *accounts) int { return len(s.Paid) }) == n
	}, "all effects have an outcome")
	for id, n := range look(t, l, func(s *accounts) map[string]int { return s.Paid }) {
		if n != 1 {
			t.Errorf("effect %s has %d outcomes", id, n)
		}
	}
}

func TestEffectsRunOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var b bank
	cfg := with(base(), b.pay)
	cfg.EffectsAtOnce = 16
	ls := three(t, srv.URL(), cfg)
	ran := even(t, srv.URL())
	const effects = 1000
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			for i := range effects / 10 {
				id := strconv.Itoa(n*1000 + i)
				if _, err := ask(t, ls[n%3], engine.Command{Kind: "pay", Key: id}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	paid(t, ls[0], effects)
	equal(t, ls...)
	b.mu.Lock() // where replicas had no time, one that was given up may still run an effect
	defer b.mu.Unlock()
	for id, n := range b.ran {
		if n != 1 && ran() {
			t.Errorf("effect %s ran %d times", id, n)
		}
	}
}

// The effects of a replica that dies in the middle of them, those that wait for a place among them, are taken over.
func TestEffectsAreTakenOver(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var b bank
	others := []*replica{run(t, srv.URL(), with(base(), b.pay)), run(t, srv.URL(), with(base(), b.pay))}
	var running atomic.Int64
	hangs := with(base(), func(ctx context.Context, _ engine.Effect) ([]byte, error) {
		running.Add(1)
		defer running.Add(-1)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	hangs.EffectsAtOnce = 10
	victim := run(t, srv.URL(), hangs)
	ran := even(t, srv.URL())
	const effects = 100
	for i := range effects {
		do(t, victim, engine.Command{Kind: "pay", Key: strconv.Itoa(i)})
	}
	natstest.Eventually(t, patience, func() bool { return running.Load() == 10 }, "as many effects run as may")
	// While their runner lives and renews its claims, they stay its own.
	begin := victim.LogTime()
	natstest.Eventually(t, patience, func() bool { return victim.LogTime().Sub(begin) > 2*engine.Claim }, "the first claims would have run out")
	if n := b.times("0"); n > 0 && ran() {
		t.Errorf("another replica ran an effect %d times while it was claimed", n)
	}
	victim.Kill()
	paid(t, others[0], effects)
	equal(t, others...)
}

func TestEffectsAreTriedAgain(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var tries atomic.Int64
	l := run(t, srv.URL(), with(base(), func(context.Context, engine.Effect) ([]byte, error) {
		switch tries.Add(1) {
		case 1:
			return nil, errors.New("not now")
		case 2:
			panic("planted")
		}
		return nil, nil
	}))
	do(t, l, engine.Command{Kind: "pay", Key: "a"})
	paid(t, l, 1)
	if n := tries.Load(); n != 3 {
		t.Errorf("the runner was called %d times", n)
	}
}

// Nothing runs while a replica replays what has happened.
func TestEffectsDoNotRunInAReplay(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var b bank
	first := run(t, srv.URL(), with(base(), b.pay))
	for i := range 50 {
		do(t, first, engine.Command{Kind: "pay", Key: strconv.Itoa(i)})
	}
	paid(t, first, 50)
	second := run(t, srv.URL(), with(base(), func(_ context.Context, e engine.Effect) ([]byte, error) {
		t.Errorf("effect %s ran again", e.ID)
		return nil, nil
	}))
	equal(t, first, second)
}
