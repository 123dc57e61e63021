package loadbalancer_test

import (
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A replica that starts asks for the loads when it knows whose they are: what is answered at once counts from its first choice on.
func TestLoadsAreAskedForWhenAgentsAreKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.host(t, agenthost.Config{ID: "h1", Modules: []agent.Module{w.tellers(&sync.Map{})}})
	w.start(t, api.AgentSpec{ID: "t0", Module: "teller", Capabilities: []string{"x"}}, "h1")
	a, err := w.Agents.Get(t.Context(), api.GetRequest{ID: "t0"})
	if err != nil {
		t.Fatal(err)
	}
	report, err := codec.Marshal(api.HostLoad{Host: "h1", Lease: a.HostLease, Seq: 1 << 40, Full: true, Agents: []api.AgentLoad{{ID: "t0", Waiting: 7}}})
	if err != nil {
		t.Fatal(err)
	}
	nc := w.Conn().NC
	sub, err := nc.Subscribe(api.LoadRequestSubject("mabus"), func(*nats.Msg) { _ = nc.Publish(api.LoadSubject("mabus", "h1"), report) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	w.replica(t, loadbalancer.Config{})
	w.anyMachine(t)
	natstest.Eventually(t, patience, func() bool {
		m, err := w.Balancer.Member(t.Context(), "t0")
		return err == nil && m.Others == 7
	}, "the load is known")

	// What was overtaken on its way changes nothing.
	busy := api.Measure(0.5)
	for _, l := range []api.HostLoad{
		{Seq: 1<<40 - 1, Agents: []api.AgentLoad{{ID: "t0", Waiting: 1}}},
		{Seq: 1<<40 + 1, CPU: busy, MemoryShare: 0.25, MemoryTotal: 1 << 30},
	} {
		l.Host, l.Lease = "h1", a.HostLease
		if report, err = codec.Marshal(l); err != nil {
			t.Fatal(err)
		}
		if err := nc.Publish(api.LoadSubject("mabus", "h1"), report); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, patience, func() bool {
		m, err := w.Balancer.Member(t.Context(), "t0")
		return err == nil && m.CPU != nil && *m.CPU == busy && m.Others == 7
	}, "the newer report is known, and the older one is not")
}

// What is not known of an agent takes nothing off the averages, and is nowhere said to be 0.
func TestAveragesAreOfWhatIsKnown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	ids := w.outside(t, 3, "x")
	w.known(t, 3)
	busy, idle, active := api.Measure(0.6), api.Measure(0), 1
	for i, m := range []api.AgentMetrics{{CPU: &busy}, {CPU: &idle}, {Active: &active}} {
		if err := w.Balancer.Report(t.Context(), api.BalanceReport{Agent: ids[i], Metrics: &m}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := w.Balancer.Stats(t.Context())
	if err != nil || st.Reported != 3 || st.CPU == nil || *st.CPU != 0.3 || st.Memory != nil {
		t.Errorf("%+v, %v", st, err)
	}
	for i, want := range []*api.Measure{&busy, &idle, nil} {
		m, err := w.Balancer.Member(t.Context(), ids[i])
		if err != nil || (m.CPU == nil) != (want == nil) || want != nil && *m.CPU != *want || m.Memory != nil {
			t.Errorf("%+v, %v", m, err)
		}
	}
}
