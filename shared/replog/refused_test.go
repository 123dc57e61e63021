package replog_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// While those who wait for a batch are answered, the stream may refuse the next one, and the one after it goes out: each command is
// answered what it was answered, all the same.
func TestAnswersWhileBatchesAreRefused(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	for round := range 4 {
		answersBeside(t, srv.URL(), "r"+strconv.Itoa(round))
	}
}

// answersBeside has a batch of commands carried out that nearly fills the log, then one that finds no room, and then others.
func answersBeside(t *testing.T, url, realm string) {
	t.Helper()
	const size = 64 << 10
	cfg := base()
	cfg.Realm, cfg.MaxBytes, cfg.SnapshotBytes = realm, size, 1<<40
	var armed atomic.Bool
	var queued atomic.Int64
	held, gate := make(chan struct{}), make(chan struct{})
	var once, open sync.Once
	at := stoppable(&cfg)
	replog.At(&cfg, func(point string) bool {
		if armed.Load() {
			switch point {
			case replog.Queued:
				queued.Add(1)
			case replog.Published:
				once.Do(func() { close(held); <-gate })
			}
		}
		return true
	})
	l := run(t, url, cfg)
	defer l.Kill()
	goOn := func() { open.Do(func() { close(gate) }) }
	defer goOn()
	large := func(n int) engine.Command { return engine.Command{Kind: "large", Body: make([]byte, n)} }
	if _, err := ask(t, l, large(24<<10)); api.CodeOf(err) != api.Invalid {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	sends := func(n int, c func(i int) engine.Command, check func(i int, a replog.Answer, err error)) {
		before := queued.Load()
		for i := range n {
			wg.Go(func() {
				a, err := l.Do(within(t, patience), c(i))
				check(i, a, err)
			})
		}
		natstest.Eventually(t, patience, func() bool { return queued.Load() == before+int64(n) }, "%d commands wait", n)
	}
	at.stop(t, l) // else it may leave because its batch is held, and take no command
	armed.Store(true)
	wg.Go(func() { _, _ = l.Do(within(t, patience), add("first", 1)) })
	<-held
	queued.Store(0)
	count := func(i int) engine.Command { return add(strconv.Itoa(i), i) }
	sends(engine.MaxCommands, count, func(i int, a replog.Answer, err error) {
		if err != nil || string(a.Body) != strconv.Itoa(i) {
			t.Errorf("%s: a command that adds %d was answered %s, %v", realm, i, a.Body, err)
		}
	})
	sends(1, func(int) engine.Command { return large(24 << 10) }, func(_ int, _ replog.Answer, err error) {
		if api.ReasonOf(err) != api.ReasonServerFull {
			t.Errorf("%s: what finds no room was answered %v", realm, err)
		}
	})
	sends(engine.MaxCommands, func(i int) engine.Command { return add("late", 1) }, func(_ int, a replog.Answer, err error) {
		if err != nil && api.ReasonOf(err) != api.ReasonServerFull {
			t.Errorf("%s: a command that came later was answered %s, %v", realm, a.Body, err)
		}
	})
	goOn()
	wg.Wait()
}
