package daemon_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// listener answers on a queue group, and leaves it in order.
type listener struct {
	sub     *nats.Subscription
	stopped chan struct{}
}

func (l *listener) Ready() bool { return true }

func (l *listener) Stop(context.Context) error {
	defer func() { l.stopped <- struct{}{} }()
	return l.sub.Drain()
}

// A service that leaves its queue group while NATS is away gets no more requests when both are back: nobody would answer them.
func TestNothingListensFromAnEarlierLife(t *testing.T) {
	srv := natstest.Start(t)
	leases, stopped := make(chan *lease.Lease, 16), make(chan struct{}, 16)
	ready, end := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}}, daemon.Service{Name: "a", Start: func(_ context.Context, env daemon.Env) (daemon.Running, error) {
		sub, err := env.Conn.NC.QueueSubscribe("who", "q", func(m *nats.Msg) { _ = m.Respond(nil) })
		leases <- env.Lease
		if err == nil {
			err = env.Conn.NC.FlushTimeout(10 * time.Second) // else the server may hear of the listener after it hears of a request
		}
		return &listener{sub, stopped}, err
	}})
	conn := wait(t, ready)
	srv.Stop()
	natstest.Eventually(t, 20*time.Second, func() bool { return !conn.NC.IsConnected() }, "the daemon notices")
	(<-leases).Abandon(api.Errorf(api.Fenced, "others have what ran here").WithReason(api.ReasonLeaseLost))
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Fatal("the service was not stopped")
	}
	srv.Restart(t)
	wait(t, ready)
	nc := srv.Connect(t)
	for n := range 20 {
		if _, err := nc.Request("who", nil, 10*time.Second); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}
