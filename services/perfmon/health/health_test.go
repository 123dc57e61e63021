package health_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/health"
	"github.com/mabus-project/mabus/shared/api"
)

func well() api.Health {
	return api.Health{
		Store: api.StoreHealth{Streams: 4}, Services: []api.ServiceHealth{{Name: "registry", Ready: 2, Live: 2}, {Name: "perfmon", Ready: 1, Live: 1, Dead: 3}},
		Fleet:      &api.FleetHealth{HostsLive: 2, AgentsWanted: 3, AgentsAlive: 3, AgentsTotal: 5},
		Operations: []api.OperationHealth{{Of: api.SourceAgent, Operations: 90}, {Of: api.SourceService, Operations: 10}}, Alerts: &api.AlertHealth{},
	}
}

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(h *api.Health, e *health.Errors)
		status  api.HealthStatus
		score   float64 // -1 for none
		part    string
		partIs  api.HealthStatus
		unknown bool // the part has no score
	}{
		{name: "all well", status: api.Healthy, score: 1, part: "agents", partIs: api.Healthy},
		{name: "none of three agents is alive", change: func(h *api.Health, _ *health.Errors) { h.Fleet.AgentsAlive = 0 }, status: api.Unhealthy, score: 0, part: "agents", partIs: api.Unhealthy},
		{name: "two of three", change: func(h *api.Health, _ *health.Errors) { h.Fleet.AgentsAlive = 2 }, status: api.Degraded, score: 2.0 / 3, part: "agents", partIs: api.Degraded},
		{name: "no agents are no fault", change: func(h *api.Health, _ *health.Errors) { h.Fleet.AgentsWanted, h.Fleet.AgentsAlive = 0, 0 }, status: api.Healthy, score: 1, part: "agents", partIs: api.Healthy, unknown: true},
		{name: "the registry is away", change: func(h *api.Health, e *health.Errors) { h.Fleet, e.Fleet = nil, "no answer" }, status: api.HealthUnknown, score: 1, part: "agents", partIs: api.HealthUnknown, unknown: true},
		{name: "a service nobody answers for", change: func(h *api.Health, _ *health.Errors) { h.Services[0].Ready = 0 }, status: api.Degraded, score: 0.5, part: "services", partIs: api.Degraded},
		{name: "a host is dead", change: func(h *api.Health, _ *health.Errors) { h.Fleet.HostsDead = 1 }, status: api.Degraded, score: 2.0 / 3, part: "hosts", partIs: api.Degraded},
		{name: "most streams are away", change: func(h *api.Health, _ *health.Errors) { h.Store.Unreachable = []string{"a", "b", "c"} }, status: api.Unhealthy, score: 0.25, part: "store", partIs: api.Unhealthy},
		{name: "the store is not known", change: func(h *api.Health, _ *health.Errors) { h.Store = api.StoreHealth{Error: "no answer"} }, status: api.HealthUnknown, score: 1, part: "store", partIs: api.HealthUnknown, unknown: true},
		{name: "a fifth fails", change: func(h *api.Health, _ *health.Errors) { h.Operations[0].Errors = 20 }, status: api.Degraded, score: 0.8, part: "operations", partIs: api.Degraded},
		{name: "nothing is done", change: func(h *api.Health, _ *health.Errors) { h.Operations = nil }, status: api.Healthy, score: 1, part: "operations", partIs: api.Healthy, unknown: true},
		{name: "a warning", change: func(h *api.Health, _ *health.Errors) { h.Alerts.Warning = 1 }, status: api.Degraded, score: 1, part: "alerts", partIs: api.Degraded, unknown: true},
		{name: "a critical alert", change: func(h *api.Health, _ *health.Errors) { h.Alerts.Critical = 1 }, status: api.Unhealthy, score: 1, part: "alerts", partIs: api.Unhealthy, unknown: true},
		{name: "nothing is known", change: func(h *api.Health, e *health.Errors) {
			*h, *e = api.Health{Store: api.StoreHealth{Error: "x"}}, health.Errors{Services: "x", Fleet: "x", Operations: "x"}
		}, status: api.HealthUnknown, score: -1, part: "alerts", partIs: api.HealthUnknown, unknown: true},
	} {
		h, e := well(), health.Errors{}
		if c.change != nil {
			c.change(&h, &e)
		}
		health.Sum(&h, e)
		if h.Status != c.status || (h.Score == nil) != (c.score < 0) || h.Score != nil && float64(*h.Score) != c.score {
			t.Errorf("%s: got %s %v", c.name, h.Status, h.Score)
		}
		for _, p := range h.Parts {
			if p.Why == "" {
				t.Errorf("%s: %s does not say why", c.name, p.Name)
			}
			if p.Name == c.part && (p.Status != c.partIs || (p.Score == nil) != c.unknown) {
				t.Errorf("%s: got %+v", c.name, p)
			}
		}
	}
}

// Whatever was counted, the whole is no better than its worst part, and a score is a share that is in the parts.
func TestTheWholeIsItsWorstPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string) int { return rapid.IntRange(0, 4).Draw(t, name) }
		h := api.Health{Store: api.StoreHealth{Streams: n("streams")}, Alerts: &api.AlertHealth{Critical: n("critical"), Warning: n("warning")}}
		for range n("away") {
			h.Store.Unreachable = append(h.Store.Unreachable, "s")
		}
		for range n("services") {
			h.Services = append(h.Services, api.ServiceHealth{Ready: n("ready"), Live: n("live")})
		}
		if rapid.Bool().Draw(t, "registry") {
			h.Fleet = &api.FleetHealth{HostsLive: n("hosts"), HostsDead: n("dead"), AgentsWanted: n("wanted"), AgentsAlive: n("alive")}
		}
		h.Operations = []api.OperationHealth{{Operations: uint64(n("done")), Errors: uint64(n("failed"))}}
		health.Sum(&h, health.Errors{})
		worst, lowest := api.Healthy, api.Measure(2)
		for _, p := range h.Parts {
			for i, s := range api.HealthStatuses {
				for j, w := range api.HealthStatuses {
					if p.Status == s && worst == w && i > j {
						worst = s
					}
				}
			}
			if p.Score != nil {
				if *p.Score < 0 || *p.Score > 1 || p.Status == api.HealthUnknown {
					t.Fatalf("got %+v", p)
				}
				lowest = min(lowest, *p.Score)
			}
		}
		if h.Status != worst || (h.Score == nil) != (lowest == 2) || h.Score != nil && *h.Score != lowest {
			t.Fatalf("got %s %v of %+v", h.Status, h.Score, h.Parts)
		}
	})
}
