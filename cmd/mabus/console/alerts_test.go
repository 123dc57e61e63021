package console_test

import (
	"context"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Alerts are those of the service, without where they are sent.
func TestAlerts(t *testing.T) {
	srv := natstest.Start(t)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	perfmon := rpc.NewServer(conn, rpc.ServerConfig{Service: "perfmon", Version: "0.0.1"})
	rpc.Handle(perfmon, api.AlertsList, func(_ context.Context, r *api.AlertsListRequest) (*api.AlertsListResponse, error) {
		if r.Status != api.AlertActive {
			return &api.AlertsListResponse{Alerts: []api.Alert{}}, nil
		}
		return &api.AlertsListResponse{Active: 1, Alerts: []api.Alert{{ID: "a1", Rule: "slow", Status: r.Status, Severity: api.SeverityCritical, Route: &api.AlertRoute{}}}}, nil
	})
	if err := perfmon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = perfmon.Stop(ctx)
	})
	b := browse(t, serve(t, console.Config{NATS: client.Options{URL: srv.URL()}}))
	b.follow("events").until(func(m *message) bool {
		a, ok := row[api.Alert](t, m.Tables["alerts"], "a1")
		return ok && a.Rule == "slow" && a.Severity == api.SeverityCritical && !strings.Contains(string(m.Tables["alerts"].Set["a1"]), "route")
	}, "the alert is there")
}
