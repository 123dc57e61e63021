package loadbalancer_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What perfmon has measured stands for agents of which nobody else tells: the quick one is chosen.
func TestMeasuredLatenciesCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	p, err := perfmon.Start(within(t, patience), w.dial(t, ""), perfmon.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopped(t, p) })
	ids := w.outside(t, 2, "x")
	for i, v := range []api.Measure{0.5, 0.001} {
		for range 10 {
			if err := w.Metrics.Record(t.Context(), api.MetricRecord{Metric: api.MetricLatency, Kind: api.SourceAgent, ID: ids[i], Value: &v}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.replica(t, loadbalancer.Config{})
	w.configure(t, func(c *api.BalanceConfig) { c.SlowStart = 0 })
	natstest.Eventually(t, patience, func() bool {
		slow, err := w.Balancer.Member(t.Context(), ids[0])
		if err != nil {
			return false
		}
		quick, err := w.Balancer.Member(t.Context(), ids[1])
		return err == nil && slow.Latency.Std() > 400*time.Millisecond && quick.Latency > 0
	}, "the replica knows what was measured")
	for range 10 { // it takes so many before it is over its threshold
		pick, err := w.Balancer.Pick(t.Context(), api.PickRequest{Capabilities: []string{"x"}, Hold: api.Duration(time.Hour)})
		if err != nil || pick.Agent != ids[1] {
			t.Fatalf("%+v, %v, want %s", pick, err, ids[1])
		}
	}
}
