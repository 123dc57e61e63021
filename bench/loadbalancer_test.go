package bench_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// balanceKeys are what readers of the figures rely on. The share of one that is avoided may be none.
var balanceKeys = map[string]string{
	"slow": `slow_member_of_oracle slow_member_routed_of_oracle slow_member_queue_of_oracle slow_member_p99_ms slow_member_routed_p99_ms slow_member_queue_p99_ms
		slow_member_ops slow_member_oracle_ops slow_member_routed_ops slow_member_queue_ops slow_member_share`,
	"grey":    "grey_p99_ratio grey_healthy_p99_ms grey_first_p99_ms grey_p99_ms grey_p99_ratio_queue grey_share",
	"failing": "fast_fail_share fast_fail_errors fast_fail_share_queue",
	"pick":    "pick_ns_10k pick_done_ns_10k pick_cpu_ns_10k pick_allocs_10k",
	"spread": `spread_max_over_mean spread_p2c_ewma spread_round_robin spread_least_outstanding spread_resource_aware spread_performance_weighted
		spread_capability_based spread_consistent_hash spread_service_p2c_ewma spread_service_consistent_hash`,
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureOfLoadBalancerIsTaken(t *testing.T) {
	t.Parallel() // both wait more than they work
	report, err := bench.LoadBalancer(t.Context(), bench.Config{URL: natstest.StartProcess(t).URL(), Duration: 100 * time.Millisecond, Rounds: 1}, bench.BalanceSize{Members: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range bench.LoadBalancerNames() {
		if m[1] == "" || m[2] == "" || balanceKeys[m[0]] == "" {
			t.Errorf("nothing explains %s, or nobody expects it", m[0])
		}
		for _, key := range strings.Fields(balanceKeys[m[0]]) {
			got, ok := report.Metrics[key]
			sane := got.Value > 0 || got.Value == 0 && (strings.HasSuffix(key, "_share") || key == "pick_allocs_10k")
			if !ok || !sane || math.IsNaN(got.Value) || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
	}
	if got := report.Metrics["spread_round_robin"]; got.Value != 1 {
		t.Errorf("round_robin gives equal agents unequal shares: %+v", got)
	}
}
