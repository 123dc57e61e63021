package roster_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
)

func TestHosts(t *testing.T) {
	live, event, err := roster.RegisterHost(nil, api.Host{ID: "h1", Lease: "l1", Modules: []string{"m", "m"}}, t0)
	if err != nil || event != roster.Registered {
		t.Fatalf("register: %q, %v", event, err)
	}
	want := &api.Host{ID: "h1", Lease: "l1", Modules: []string{"m"}, Status: api.HostLive, RegisteredAt: t0}
	if diff := cmp.Diff(want, live); diff != "" {
		t.Errorf("host (-want +got):\n%s", diff)
	}
	if same, event, err := roster.RegisterHost(live, api.Host{ID: "h1", Lease: "l1", Modules: []string{"m"}}, t1); err != nil || event != roster.NoChange || same != live {
		t.Errorf("the same again: %q, %v", event, err)
	}
	if more, event, err := roster.RegisterHost(live, api.Host{ID: "h1", Lease: "l1", MaxAgents: 5}, t1); err != nil || event != roster.Updated || more.MaxAgents != 5 || more.RegisteredAt != t0 {
		t.Errorf("update: %+v, %q, %v", more, event, err)
	}
	_, _, err = roster.RegisterHost(live, api.Host{ID: "h1", Lease: "l2"}, t1)
	refusedWith(t, err, api.Conflict, api.ReasonAlreadyRegistered)

	if _, event, _ := roster.HostDead(live, "l2"); event != roster.NoChange {
		t.Errorf("another lease: %q", event)
	}
	dead, event, err := roster.HostDead(live, "l1")
	if err != nil || event != roster.Dead || dead.Status != api.HostDead || live.Status != api.HostLive {
		t.Fatalf("dead: %+v, %q, %v", dead, event, err)
	}
	if _, event, _ := roster.HostDead(dead, "l1"); event != roster.NoChange {
		t.Errorf("dead twice: %q", event)
	}
	_, _, err = roster.RegisterHost(dead, api.Host{ID: "h1", Lease: "l1"}, t1)
	refusedWith(t, err, api.Fenced, api.ReasonLeaseLost)
	if back, event, err := roster.RegisterHost(dead, api.Host{ID: "h1", Lease: "l2"}, t1); err != nil || event != roster.Registered || back.Status != api.HostLive || back.RegisteredAt != t1 {
		t.Errorf("back: %+v, %q, %v", back, event, err)
	}
	if gone, event, err := roster.DeregisterHost(live); gone != nil || event != roster.Deregistered || err != nil {
		t.Errorf("deregister: %v, %q, %v", gone, event, err)
	}
	if gone, event, err := roster.DeregisterHost(nil); gone != nil || event != roster.NoChange || err != nil {
		t.Errorf("deregister nobody: %v, %q, %v", gone, event, err)
	}
}

func TestServices(t *testing.T) {
	live, event, err := roster.RegisterService(nil, api.Service{ID: "s1", Name: "search", Lease: "l1"}, t0)
	if err != nil || event != roster.Registered || live.Status != api.HostLive || live.RegisteredAt != t0 {
		t.Fatalf("register: %+v, %q, %v", live, event, err)
	}
	if _, event, err := roster.RegisterService(live, api.Service{ID: "s1", Name: "search", Lease: "l1"}, t1); err != nil || event != roster.NoChange {
		t.Errorf("the same again: %q, %v", event, err)
	}
	if _, event, err := roster.RegisterService(live, api.Service{ID: "s1", Name: "search", Lease: "l1", Version: "2"}, t1); err != nil || event != roster.Updated {
		t.Errorf("update: %q, %v", event, err)
	}
	for _, lease := range []string{"", "l2"} {
		_, _, err = roster.RegisterService(live, api.Service{ID: "s1", Name: "search", Lease: lease}, t1)
		refusedWith(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	}
	free, _, _ := roster.RegisterService(nil, api.Service{ID: "s2", Name: "search"}, t0)
	_, _, err = roster.RegisterService(free, api.Service{ID: "s2", Name: "search"}, t1)
	refusedWith(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	if _, event, _ := roster.ServiceDead(free, ""); event != roster.NoChange {
		t.Errorf("an instance without a lease died: %q", event)
	}

	dead, event, _ := roster.ServiceDead(live, "l1")
	if event != roster.Dead || dead.Status != api.HostDead {
		t.Fatalf("dead: %+v, %q", dead, event)
	}
	if _, event, err := roster.RegisterService(dead, api.Service{ID: "s1", Name: "search", Lease: "l2"}, t1); err != nil || event != roster.Registered {
		t.Errorf("back: %q, %v", event, err)
	}
	if gone, event, err := roster.DeregisterService(live); gone != nil || event != roster.Deregistered || err != nil {
		t.Errorf("deregister: %v, %q, %v", gone, event, err)
	}
	if gone, event, err := roster.DeregisterService(nil); gone != nil || event != roster.NoChange || err != nil {
		t.Errorf("deregister nobody: %v, %q, %v", gone, event, err)
	}
}
