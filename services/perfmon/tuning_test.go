package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestTheIntervalIsChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	conn, srv, _ := run(t, 1, perfmon.Config{Interval: 10 * time.Minute})
	s, err := registry.Start(t.Context(), dial(t, srv.URL(), ""), registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	send(t, conn, deltaOf("s1", 1, 1))
	config := client.New(conn).Config
	natstest.Eventually(t, patience, func() bool { _, err := config.Describe(t.Context(), "perfmon"); return err == nil }, "the section is registered")
	if n, _ := counted(t, conn, fleet); n != 0 {
		t.Fatalf("%d are counted before anything was written", n)
	}
	for path, value := range map[string]any{"perfmon.interval": "6s", "perfmon.max_series": 0, "perfmon.alerts_every": "soon"} {
		if _, err := config.Set(t.Context(), path, value); api.ReasonOf(err) != api.ReasonValueRefused {
			t.Errorf("%s: %v", path, err)
		}
	}
	done, err := config.Change(t.Context(), api.ConfigSetRequest{Values: []api.ConfigValue{
		{Path: "perfmon.interval", Value: []byte(`"20ms"`)}, {Path: "perfmon.max_series", Value: []byte(`5000`)},
	}})
	if err != nil || len(done.Restart) != 1 || done.Restart[0] != "perfmon.max_series" {
		t.Fatalf("%+v, %v", done, err)
	}
	natstest.Eventually(t, patience, func() bool { n, _ := counted(t, conn, fleet); return n == 1 }, "it is written")
}
