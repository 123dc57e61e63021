package agenthost_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// An outage far longer than the lease is held restarts nothing: what was in hand ends when the host may not act any more, and
// with NATS every agent is back where it was, as the same instance.
func TestALongOutageRestartsNothing(t *testing.T) {
	w := newWorldWith(t, natstest.Start(t), quick)
	h, p := w.standard(t, "h1")
	w.start(t, api.AgentSpec{ID: "a", Module: "puppet"})
	w.start(t, api.AgentSpec{ID: "b", Module: "puppet"})
	w.ask(t, "a", order{Do: "add", N: 7}, "null")
	go func() { _, _ = w.Call(t.Context(), "b", order{Do: "wait"}) }() // nobody releases it: its context has to end
	<-p.entered
	w.srv.Stop()
	stopped := time.Now()
	select {
	case <-h.lease.Done():
	case <-time.After(patience):
		t.Fatal("the lease is held without NATS")
	}
	natstest.Eventually(t, patience, func() bool { return time.Since(stopped) > 3*quick.Challenge }, "the outage is long")
	w.srv.Restart(t)
	w.eventuallyAsk(t, "a", order{Do: "list"}, "[7]")
	w.eventuallyAsk(t, "b", order{Do: "list"}, "[]")
	for _, id := range []string{"a", "b"} {
		if a := w.get(t, id); a.Status != api.AgentRunning || a.Epoch != 1 || a.Restarts != 0 {
			t.Errorf("%s: %s, epoch %d, %d restarts", id, a.Status, a.Epoch, a.Restarts)
		}
	}
	if p.made.Load() != 2 || !h.lease.Held() {
		t.Errorf("%d instances were made, the lease is held: %v", p.made.Load(), h.lease.Held())
	}
}
