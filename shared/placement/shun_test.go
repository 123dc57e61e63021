package placement_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/placement"
)

// An agent that a host could not start goes to others, and comes to all of them in time; where there is only that host, it is
// tried there again.
func TestAFailedStartIsTriedElsewhere(t *testing.T) {
	hosts := fleet(5)
	a := crowd(1, nil)[0]
	a.Wanted, a.Status, a.Reason, a.Host = true, api.AgentFailed, api.ReasonStartFailed+": no such program", hosts[0].ID
	tried := map[string]bool{}
	for epoch := range uint64(60) {
		a.Epoch = epoch + 1
		r := placement.Plan(hosts, []*api.Agent{a}, nil)
		if len(r.Assignments) != 1 || r.Assignments[0].Host == a.Host {
			t.Fatalf("after a failed start on %s: %+v", a.Host, r)
		}
		a.Host = r.Assignments[0].Host
		tried[a.Host] = true
	}
	if len(tried) != len(hosts) {
		t.Errorf("only %d of %d hosts were tried", len(tried), len(hosts))
	}
	for _, h := range hosts[1:] {
		h.Status = api.HostDead
	}
	a.Host = hosts[0].ID
	if r := placement.Plan(hosts, []*api.Agent{a}, nil); len(r.Assignments) != 1 || r.Assignments[0].Host != a.Host {
		t.Errorf("on the only host: %+v", r)
	}
}
