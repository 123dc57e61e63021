package meter_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Over a real connection: nobody needs to listen, who listens gets deltas that want no answer, and what was recorded while NATS was away comes
// in one delta when it is back.
func TestDeltasOverNATS(t *testing.T) {
	srv := natstest.Start(t)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Principal: "p", Namespace: "n"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := meter.New(meter.Config{Conn: conn, Namespace: "n", Source: "s", Incarnation: "i"})
	r, mon := m.Series(series("a")), newMonitor(t)
	listener := srv.Connect(t)
	sub, err := listener.SubscribeSync("n.as.p.perfmon.deltas.add")
	if err != nil {
		t.Fatal(err)
	}
	hear := func() {
		t.Helper()
		msg, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if msg.Reply != "" {
			t.Errorf("an answer is wanted on %s", msg.Reply)
		}
		if err := mon.Tell("n.perfmon.deltas.add", msg.Data); err != nil {
			t.Error(err)
		}
	}
	if err := listener.Flush(); err != nil {
		t.Fatal(err)
	}
	r.Record(1)
	m.Collect()
	hear()
	srv.Stop()
	natstest.Eventually(t, 10*time.Second, func() bool { return !conn.NC.IsConnected() && !listener.IsConnected() }, "the connections are away")
	for range 3 {
		r.Record(2)
		m.Collect()
	}
	if err := conn.Tell("x", nil); api.CodeOf(err) != api.Unavailable {
		t.Errorf("told while NATS is away: %v", err)
	}
	srv.Restart(t)
	natstest.Eventually(t, 10*time.Second, func() bool {
		return conn.NC.IsConnected() && listener.FlushTimeout(time.Second) == nil && listener.Status() == nats.CONNECTED
	}, "the connections are back")
	r.Record(3)
	m.Collect()
	hear()
	if s := mon.of(t, "a"); s.Count() != 5 || s.Sum() != 10 || len(mon.deltas) != 2 {
		t.Errorf("%d samples, sum %v, in %d deltas", s.Count(), s.Sum(), len(mon.deltas))
	}
}
