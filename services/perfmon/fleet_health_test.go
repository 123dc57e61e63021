package perfmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Agents that were lost with their host are not alive, and take nothing from those that run elsewhere.
func TestADeadHostTakesNoneOfTheOthersAgents(t *testing.T) {
	c, _, _ := run(t, 1, quick)
	reg, err := registry.Start(t.Context(), dial(t, c.NC.ConnectedUrl(), ""), registry.Config{Sweep: 200 * time.Millisecond, TakeUp: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = reg.Stop(ctx)
	})
	l := must(t, c, api.LeasesAcquire, api.LeaseAcquireRequest{ID: "l1"}) // and never renewed
	must(t, c, api.HostsRegister, api.Host{ID: "h1", Lease: "l1", Modules: []string{"echo"}})
	for _, id := range []string{"lost", "ended"} {
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id, Module: "echo"})
		a := must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "h1", HostLease: "l1"})
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentRunning, Epoch: a.Epoch})
		if id == "ended" {
			must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentStopped, Epoch: a.Epoch})
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		must(t, c, api.AgentsRegister, api.AgentSpec{ID: id})
		must(t, c, api.AgentsTransition, api.AgentTransitionRequest{ID: id, Status: api.AgentRunning})
	}
	must(t, c, api.LeasesRelease, api.LeaseRenewRequest{ID: "l1", Token: l.Token}) // or it might run out before all of them run
	natstest.Eventually(t, patience, func() bool {
		return must(t, c, api.AgentsGet, api.GetRequest{ID: "lost"}).Status == api.AgentFailed
	}, "the host's agents are marked")
	var f *api.FleetHealth
	natstest.Eventually(t, patience, func() bool { // a registry that does not answer in time is unknown, and one that does may be a moment behind
		f = must(t, c, api.HealthGet, api.HealthRequest{}).Fleet
		return f != nil && f.HostsDead == 1 && f.AgentsAlive == 3
	}, "the registry has answered, and knows who is dead")
	if f.AgentsWanted != 4 {
		t.Errorf("got %+v", f)
	}
}
