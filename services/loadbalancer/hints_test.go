package loadbalancer_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
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

// What was measured of an agent counts no more when nothing was measured for a while: it gets messages again, and so a chance to be quick. While
// perfmon is away it stays.
func TestMeasuredLatenciesEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	conn := w.dial(t, "")
	perf := rpc.NewServer(conn, rpc.ServerConfig{Service: "perfmon", Version: "1.0.0"})
	var says atomic.Pointer[api.MetricsListResponse]
	var asked atomic.Int64
	rpc.Handle(perf, api.MetricsWindow, func(context.Context, *api.MetricsWindowRequest) (*api.MetricsListResponse, error) {
		asked.Add(1)
		if said := says.Load(); said != nil {
			return said, nil
		}
		return nil, api.Errorf(api.Unavailable, "it is away")
	})
	if err := perf.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = perf.Stop(context.WithoutCancel(t.Context())) })
	id := w.outside(t, 1, "x")[0]
	says.Store(&api.MetricsListResponse{Series: []api.MetricSummary{{Series: api.Series{Kind: api.SourceAgent, ID: id, Metric: api.MetricLatency}, Count: 1, P50: 0.5}}})
	w.replica(t, loadbalancer.Config{})
	latency := func() time.Duration {
		m, err := w.Balancer.Member(t.Context(), id)
		if err != nil {
			return -1
		}
		return m.Latency.Std()
	}
	natstest.Eventually(t, patience, func() bool { return latency() == 500*time.Millisecond }, "it is known")
	says.Store(nil)
	before := asked.Load()
	natstest.Eventually(t, patience, func() bool { return asked.Load() >= before+2 }, "it is asked in vain")
	if got := latency(); got != 500*time.Millisecond {
		t.Errorf("%s, without perfmon", got)
	}
	says.Store(&api.MetricsListResponse{})
	natstest.Eventually(t, patience, func() bool { return latency() == 0 }, "it is known no more")
}
