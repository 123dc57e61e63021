package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// part returns one part of a health.
func part(h *api.Health, name string) api.HealthPart {
	for _, p := range h.Parts {
		if p.Name == name {
			return p
		}
	}
	return api.HealthPart{Why: "there is no such part"}
}

// isPart tells whether a part has a status and a score; below 0 for none.
func isPart(h *api.Health, name string, status api.HealthStatus, score float64) bool {
	p := part(h, name)
	return p.Status == status && (p.Score == nil) == (score < 0) && (p.Score == nil || float64(*p.Score) == score)
}

func TestHealthMatchesReality(t *testing.T) {
	t.Parallel()
	conn, srv, _ := run(t, 2, quick)
	c := client.New(conn)
	var h *api.Health
	now := func(what string, is func() bool) {
		t.Helper()
		natstest.Eventually(t, patience, func() (ok bool) {
			var err error
			if h, err = c.Health(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if !ok && t.Failed() {
					t.Logf("%+v", h)
				}
			}()
			return is()
		}, "%s", what)
	}
	now("without a registry", func() bool {
		return h.Status == api.HealthUnknown && h.Fleet == nil && isPart(h, "agents", api.HealthUnknown, -1) && isPart(h, "services", api.HealthUnknown, -1) && isPart(h, "store", api.Healthy, 1)
	})
	if h.Store.RoundTrip <= 0 || h.Store.Streams < 5 || len(h.Operations) != 2 || h.Operations[0].P99 != nil || h.Metrics.Replica == "" {
		t.Errorf("got %+v", h)
	}
	reg := dial(t, srv.URL(), "")
	s, err := registry.Start(t.Context(), reg, registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	now("an empty fleet is no sick one", func() bool {
		for _, one := range h.Services { // one that does not answer in time is not counted
			if want := map[string]int{"registry": 1, "perfmon": 2}[one.Name]; one.Ready != want {
				return false
			}
		}
		return h.Status == api.Healthy && *h.Score == 1 && isPart(h, "agents", api.Healthy, -1) && isPart(h, "services", api.Healthy, 1)
	})
	epochs := threeAgents(t, conn)
	now("all of three", func() bool {
		return h.Status == api.Healthy && isPart(h, "agents", api.Healthy, 1) && h.Fleet.AgentsWanted == 3
	})
	for i, id := range []string{"a1", "a2", "a3"} {
		must(t, conn, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentFailed, Epoch: epochs[i], Reason: "it broke"})
		if i == 0 {
			now("two of three", func() bool {
				return h.Status == api.Degraded && isPart(h, "agents", api.Degraded, 2.0/3) && float64(*h.Score) == 2.0/3
			})
		}
	}
	now("0 of 3 is 0 %", func() bool {
		return h.Status == api.Unhealthy && *h.Score == 0 && isPart(h, "agents", api.Unhealthy, 0) && h.Fleet.AgentsAlive == 0
	})
	stop()
	now("the registry is away, and nobody remembers", func() bool { return h.Fleet == nil && part(h, "agents").Status == api.HealthUnknown })
}

// threeAgents has a host run three agents, as far as the registry knows.
func threeAgents(t *testing.T, conn *rpc.Conn) (epochs []uint64) {
	t.Helper()
	l, err := client.New(conn).OpenLease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	must(t, conn, api.HostsRegister, api.Host{ID: "h1", Lease: l.ID(), Modules: []string{"echo"}})
	pings, err := conn.NC.Subscribe(api.HostSubject("mabus", "h1", "ping"), func(m *nats.Msg) { _ = m.Respond(nil) }) // or it is taken for dead
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pings.Unsubscribe() })
	for _, id := range []string{"a1", "a2", "a3"} {
		must(t, conn, api.AgentsRegister, api.AgentSpec{ID: id, Module: "echo"})
		a := must(t, conn, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "h1", HostLease: l.ID()})
		must(t, conn, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentRunning, Epoch: a.Epoch})
		epochs = append(epochs, a.Epoch)
	}
	return epochs
}

func TestHealthTellsOfOperations(t *testing.T) {
	t.Parallel()
	conn, _, _ := run(t, 1, quick)
	c := client.New(conn)
	for metric, n := range map[string]int{api.MetricLatency: 10, api.MetricErrors: 8} {
		v := api.Measure(0.25)
		must(t, conn, api.MetricsRecord, api.RecordRequest{MetricRecord: api.MetricRecord{Metric: metric, Kind: api.SourceAgent, ID: "a", Value: &v, Count: n}})
	}
	natstest.Eventually(t, patience, func() bool {
		h, err := c.Health(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o := h.Operations[0]
		return o.Of == api.SourceAgent && o.Operations == 10 && o.Errors == 8 && *o.ErrorShare == 0.8 && *o.P99 > 0.24 && *o.P99 < 0.26 && isPart(h, "operations", api.Unhealthy, 0.2) && time.Since(h.At) < patience
	}, "the agents' operations count")
}
