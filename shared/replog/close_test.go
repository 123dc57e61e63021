package replog_test

import (
	"context"
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

// A replica that is closed answers what was asked of it, and others take up its effects at once.
func TestClose(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	var b bank
	other := run(t, srv.URL(), with(base(), b.pay))
	l := run(t, srv.URL(), with(base(), func(ctx context.Context, _ engine.Effect) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	for i := range 20 {
		do(t, l, engine.Command{Kind: "pay", Key: strconv.Itoa(i)})
	}
	for len(l.Changes()) > 0 {
		<-l.Changes()
	}
	var wg sync.WaitGroup
	var closing atomic.Bool
	for range 200 {
		wg.Go(func() {
			for {
				_, err := l.Do(within(t, patience), add("a", 1))
				if err == nil {
					continue
				}
				if e := api.AsError(err); e == nil || e.Code != api.Unavailable || e.Details.MaybeExecuted {
					t.Errorf("a command came as %v", err)
					return
				}
				// Before it closes, it is behind for a moment at most.
				natstest.Eventually(t, patience, func() bool { return closing.Load() || l.Ready() }, "it is back")
				if closing.Load() {
					return
				}
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return other.Status().Seq > 50 }, "commands are carried out")
	closing.Store(true)
	begin := time.Now()
	if err := l.Close(within(t, patience)); err != nil {
		t.Errorf("close: %v", err)
	}
	wg.Wait()
	<-l.Changes()
	if l.Ready() {
		t.Error("it is ready after it was closed")
	}
	paid(t, other, 20)
	if took := time.Since(begin); took > engine.Claim {
		t.Logf("the other took %s to take up the effects", took)
	}
	if err := l.Close(within(t, patience)); err != nil {
		t.Errorf("close again: %v", err)
	}
}

// A replica whose connection is closed, before its end or in the middle of it, has nobody to say goodbye to, and does not wait for an answer.
func TestCloseWithoutAConnection(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	for _, when := range []string{"before", "meanwhile"} {
		conn := dial(t, srv.URL())
		l, err := replog.Open(within(t, patience), conn, base())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Kill)
		serves(t, l)
		if when == "before" {
			conn.Close()
		} else {
			srv.Stop()
		}
		closed, ctx := make(chan error, 1), within(t, patience)
		go func() { closed <- l.Close(ctx) }()
		natstest.Eventually(t, patience, func() bool { return !l.Ready() }, "it closes")
		conn.Close()
		if err := <-closed; err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
}
