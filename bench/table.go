package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// targets are what we aim at: the figures that prototypes of the parts reached, and what the design bounds.
var targets = map[string]string{
	"echo_ratio_64": ">= 0.85", "echo_p50_ratio_1": "<= 1.15",
	"busy_agents_ratio": ">= 0.90",
	"tasks_ratio":       ">= 0.50",
	"overload_goodput":  ">= 0.90",
	"mirror_get_ns":     "<= 100", "mirror_get_allocs": "0",
	"first_chunk_added_ms_1": "<= 1", "first_chunk_added_ms_64": "<= 1", "first_chunk_work_added_ms_1": "<= 1", "first_chunk_work_added_ms_64": "<= 1",
	"first_chunk_exec_added_ms_1": "<= 1", "first_chunk_exec_added_ms_64": "<= 1",
	"exec_call_ratio_256": ">= 0.80",
	"lock_ratio_1":        ">= 0.80", "lock_ratio_64": ">= 0.80", "lock_handover_p99_ms": "<= 10", "barrier200_ms": "<= 100",
	"kill_to_first_reply_p99_ms": "<= 1500", "kill10k_to_first_reply_p99_ms": "<= 3000", "kill_leader_to_first_reply_p99_ms": "<= 12000",
	"pause_to_first_reply_p99_ms": "<= 20000", "cut_to_first_reply_p99_ms": "<= 20000", "servers_agents_moved": "0",
	"drain_failed_requests": "0", "drain_lost_counts": "0", "handover_p99_ms": "<= 200",
	"bytes_per_agent": "<= 1024", "bytes_per_agent_loaded": "<= 1024",
	"bid_ratio_64": ">= 0.55", "bid_ratio_512": ">= 0.55", "bid_growth": "<= 1.2", "auction_commands_ratio": ">= 0.8", "orders_ratio": ">= 0.8",
	"matching_orders_per_s": ">= 2,000,000", "vcg_12x100_ms": "<= 50", "wdp_30x200_ms": "<= 2,000", "other_auction_p99_growth": "<= 1.2",
	"restore_1m_ms":         "<= 3,000",
	"slow_member_of_oracle": ">= 0.7", "slow_member_p99_ms": "<= 25", "grey_p99_ratio": "<= 1.5", "fast_fail_share": "< 0.01",
	"pick_ns_10k": "<= 300", "pick_allocs_10k": "0", "spread_max_over_mean": "<= 3",
	"sample_ns": "<= 25", "sample_allocs": "0", "ingest_cores": "<= 1", "freshness_ms": "<= 1,000", "quantile_error": "<= 0.01",
	"raw_records_per_s": ">= 100,000", "raw_growth": "> 1", "event_append_ratio": ">= 0.7", "correlation_1m_ms": "<= 20",
	"replog_ratio_64": ">= 0.65", "replog_ratio_512": ">= 0.65", "replog_p50_ratio_1": "<= 2.5", "replog_always_x_kv_64": ">= 4",
	"majority5_p50_ms": "<= 5", "majority5_per_s_64": ">= 2000", "session_start_growth": "<= 1.2", "pbft4_p50_ms": "<= 15",
}

// order lists the figures as a reader looks for them; what is not named here follows by name.
var order = []string{
	"echo_ratio_", "echo_deadline_", "echo_p50_ratio_", "echo_added_cpu_", "echo_", "busy_agents_ratio", "busy_", "tasks_ratio", "tasks_single_ratio",
	"tasks_batch_ratio", "tasks_outcome_ratio", "tasks_", "overload_goodput", "overload_", "mirror_", "bytes_", "registry_get_", "registry_register_",
	"first_chunk_added_", "first_chunk_work_", "first_chunk_exec_added_", "first_chunk_exec_work_", "first_chunk_", "streams_",
	"exec_call_ratio", "exec_pipe_", "exec_mabus_", "exec_go_call_ratio", "exec_go_runtime_ratio", "exec_go_bridge_ratio", "exec_", "guard_added_", "guard_", "http_call_ratio", "http_added_", "http_",
	"kill_to_first_reply_", "kill_", "kill10k_", "kill_exec_", "kill_leader_", "pause_", "cut_", "servers_", "drain_failed_requests", "drain_lost", "drain_", "handover_",
	"lock_ratio_", "lock_handover_p99_ms", "barrier200_ms", "lock_",
	"replog_ratio_", "replog_p50_ratio_", "replog_direct_ratio_", "replog_always_x_kv_", "replog_", "majority5_per_s_", "majority5_", "session_start_growth", "session_",
	"pbft4_",
	"slow_member_of_oracle", "slow_member_routed_of_oracle", "slow_member_queue_of_oracle", "slow_member_p99_ms", "slow_member_", "grey_p99_ratio", "grey_",
	"fast_fail_share", "fast_fail_", "pick_", "spread_max_over_mean", "spread_service_", "spread_",
	"sample_ns", "sample_", "ingest_cores", "ingest_", "freshness_ms", "freshness_", "quantile_error", "raw_records_per_s", "raw_", "event_append_ratio", "event_append_",
	"correlation_",
}

// Rows returns the report as rows of name, value, unit, spread and target, without a heading.
func (r *Report) Rows() [][]string {
	names := slices.Collect(maps.Keys(r.Metrics))
	rank := func(name string) int {
		i := slices.IndexFunc(order, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if i < 0 {
			return len(order)
		}
		return i
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		if d := len(a) - len(b); d != 0 && rank(a) < len(order) { // 1 before 64 before 512
			return d
		}
		return strings.Compare(a, b)
	})
	var rows [][]string
	for _, name := range names {
		m := r.Metrics[name]
		rows = append(rows, []string{name, number(m.Value), m.Unit, number(m.Spread[0]) + " to " + number(m.Spread[1]), targets[name]})
	}
	return rows
}

func number(x float64) string {
	if x >= 1000 || x <= -1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.4g", x)
}
