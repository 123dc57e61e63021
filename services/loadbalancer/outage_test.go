package loadbalancer_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Answers that come while the connection is lost are not heard: nothing is known of the agents then, and none of them has failed.
func TestAnOutageIsNoFailureOfAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.outside(t, 2, "x")
	w.known(t, 2)
	nc := w.Conn().NC
	for _, id := range ids { // they take it, and their answers are lost
		if _, err := nc.Subscribe(api.AgentSubject("mabus", id), func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		msg := &nats.Msg{Subject: api.BalancedSubject("mabus", "x"), Reply: nc.NewInbox(), Header: nats.Header{api.HeaderTimeout: {"30s"}}}
		if err := nc.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 40 }, "all are under way")
	w.srv.Restart(t)
	natstest.Eventually(t, patience, func() bool { return w.replicas[0].Flights() == 0 }, "nothing is under way")
	for _, id := range ids {
		natstest.Eventually(t, patience, func() bool {
			m, err := w.Balancer.Member(t.Context(), id)
			if err == nil && (m.Errors != 0 || m.Ejected || m.Outstanding != 0) {
				t.Fatalf("%+v", m)
			}
			return err == nil
		}, "the replica answers")
	}
}
