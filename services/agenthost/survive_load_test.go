package agenthost_test

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Whatever else a host has to sort, no call fails when it drains.
func TestAHandOverOfABusyHost(t *testing.T) {
	w := newWorld(t)
	old, _ := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet", Concurrency: 32, Mailbox: 10_000})
	w.start(t, api.AgentSpec{ID: "noise", Module: "puppet", Mailbox: 1})
	w.standard(t, "h2")
	var conns []*client.Client
	for range 4 {
		conns = append(conns, client.New(w.dial(t, "")))
	}
	var sent, failed atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		nc := w.dial(t, "").NC
		wg.Go(func() {
			subject := api.AgentSubject(w.Conn().Namespace, "noise")
			for ctx.Err() == nil {
				for range 1000 {
					_ = nc.Publish(subject, []byte(`{"do":"echo"}`))
				}
				// The host has come so far, whatever it answers: no machine is so slow that the noise grows without end.
				_, _ = nc.Request(subject, []byte(`{"do":"echo"}`), time.Second)
				<-time.After(10 * time.Millisecond)
			}
		})
	}
	for i := range 100 {
		wg.Go(func() {
			for ctx.Err() == nil {
				call, end := context.WithTimeout(t.Context(), patience)
				_, err := conns[i%4].Call(call, "a", order{Do: "echo", Payload: json.RawMessage("1")})
				end()
				sent.Add(1)
				if err != nil && failed.Add(1) < 3 {
					t.Error(err)
				}
			}
		})
	}
	natstest.Eventually(t, patience, func() bool { return sent.Load() > 2000 }, "under way")
	for range 3000 { // the host has these to sort first, whatever the others have come to
		if err := w.Conn().NC.Publish(api.AgentSubject(w.Conn().Namespace, "noise"), []byte(`{"do":"echo"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Conn().NC.Flush(); err != nil {
		t.Fatal(err)
	}
	old.stop()
	before := sent.Load()
	natstest.Eventually(t, patience, func() bool { return sent.Load() > before+1000 }, "under way")
	cancel()
	wg.Wait()
	t.Logf("%d calls, %d failed", sent.Load(), failed.Load())
}
