package registry_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// gathered returns the values of a metric, each under those of its labels.
func gathered(t *testing.T, reg *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = m.GetGauge().GetValue()
		}
	}
	return got
}

func TestWhatPrometheusIsToldOfTheNamespace(t *testing.T) {
	t.Parallel()
	srv, reg := natstest.Start(t), prometheus.NewRegistry()
	replicaOn(t, dialTo(t, srv.URL(), "other"), registry.Config{})
	_, stop := replica(t, srv.URL(), registry.Config{Metrics: reg})
	c := dial(t, srv.URL(), "tester")
	for _, id := range []string{"a1", "a2", "a3"} {
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id})
	}
	must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentRunning})
	must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: "a1", Status: api.AgentFailed, Reason: "broken"})
	want := map[string]float64{"registered": 2, "failed": 1, "running": 0, "starting": 0, "stopping": 0, "stopped": 0}
	natstest.Eventually(t, patience, func() bool { return cmp.Equal(gathered(t, reg, "mabus_agents"), want) }, "three agents, one of them failed")
	if got := gathered(t, reg, "mabus_hosts"); !cmp.Equal(got, map[string]float64{"live": 0, "dead": 0}) {
		t.Errorf("hosts: %v", got)
	}
	var bytes, most map[string]float64
	natstest.Eventually(t, 2*patience, func() bool { // what the store does not tell in time is left out, until it is asked again
		bytes, most = gathered(t, reg, "mabus_stream_bytes"), gathered(t, reg, "mabus_stream_max_bytes")
		return len(bytes) > 0 && len(gathered(t, reg, "mabus_store_bytes")) > 0
	}, "the store has told")
	if bytes["KV_mabus_agents"] == 0 || most["KV_mabus_agents refuses"] != 1<<30 || most["mabus_events drops"] == 0 {
		t.Errorf("streams: %v, %v", bytes, most)
	}
	if _, ok := bytes["KV_other_agents"]; ok {
		t.Error("the streams of another namespace are told")
	}
	if got := gathered(t, reg, "mabus_store_bytes"); got[""] == 0 {
		t.Errorf("the account: %v", got)
	}
	stop()
	if got := gathered(t, reg, "mabus_agents"); len(got) != 0 {
		t.Errorf("a replica that has stopped tells of %v", got)
	}
}

// A scrape must not hang, nor fail as a whole, when the store is away.
func TestPrometheusIsToldWhatIsKnownWhenTheStoreIsAway(t *testing.T) {
	t.Parallel()
	srv, reg := natstest.Start(t), prometheus.NewRegistry()
	conn := dial(t, srv.URL(), "")
	s, err := registry.Start(t.Context(), conn, registry.Config{Metrics: reg})
	if err != nil {
		t.Fatal(err)
	}
	srv.Stop()
	if got := gathered(t, reg, "mabus_agents"); len(got) != len(api.AgentStatuses) {
		t.Errorf("agents: %v", got)
	}
	if got := gathered(t, reg, "mabus_stream_bytes"); len(got) != 0 {
		t.Errorf("streams: %v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_ = s.Stop(ctx) // which cannot say goodbye
}
