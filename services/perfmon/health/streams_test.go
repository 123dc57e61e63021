package health_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/services/perfmon/health"
)

func TestStreamsOfOneNamespace(t *testing.T) {
	t.Parallel()
	all := []string{
		"mabus_events", "KV_mabus_agents", "OBJ_mabus_blobs", "mabus_perf_minutes", "mabus_economics_archive", "KV_mabus_task_state",
		"mabus_x_events", "KV_mabus_x_agents", "mabus_x_perf_minutes", "mabus_x_y_events", "OBJ_mabus_x_y_blobs",
		"mabus2_events", "other_events", "KV_other", "_events", "mabus",
	}
	for namespace, want := range map[string][]string{
		"mabus": all[:6], "mabus_x": all[6:9], "mabus_x_y": all[9:11], "mabus2": {"mabus2_events"}, "other": {"other_events"}, "none": nil, "x": nil,
	} {
		if got := health.Streams(namespace, all); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", namespace, got, want)
		}
	}
}
