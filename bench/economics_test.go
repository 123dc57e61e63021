package bench_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/bench"
	"github.com/mabus-project/mabus/shared/natstest"
)

// economicsKeys are what readers of the figures rely on.
var economicsKeys = map[string]string{
	"bids": `bid_ratio_64 bid_ops_64 bid_echo_ops_64 bid_commands_ratio_64 bid_accepted_64 bid_p50_64 bid_p99_64 sealed_bid_ratio_64 bid_ratio_512 bid_ops_512
		bid_accepted_512`,
	"growth":    "bid_growth bid_new_p50 bid_old_p50",
	"auctions":  "auction_commands_ratio auction_commands_ops auction_log_ops auctions_per_s",
	"orders":    "orders_ratio orders_ops orders_log_ops matching_orders_per_s",
	"bundles":   "vcg_12x100_ms wdp_30x200_ms",
	"neighbour": "other_auction_p99_growth other_auction_p99 other_auction_p99_beside",
	"restore":   "restore_1m_ms",
}

// The whole suite, with turns too short to mean anything.
func TestEveryFigureOfEconomicsIsTaken(t *testing.T) {
	report, err := bench.Economics(t.Context(), bench.Config{URL: natstest.StartProcess(t).URL(), Duration: 60 * time.Millisecond, Rounds: 1},
		bench.EconomicsSize{Bids: 200, Commands: 500, Instances: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range bench.EconomicsNames() {
		if m[1] == "" || m[2] == "" || economicsKeys[m[0]] == "" {
			t.Errorf("nothing explains %s, or nobody expects it", m[0])
		}
		for _, key := range strings.Fields(economicsKeys[m[0]]) {
			got, ok := report.Metrics[key]
			if !ok || got.Value <= 0 || math.IsNaN(got.Value) || got.Unit == "" {
				t.Errorf("%s: %+v (there: %v)", key, got, ok)
			}
		}
	}
}
