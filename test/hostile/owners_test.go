package hostile_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// owners has a second host do what is the first one's to do: change, remove and stand in for what that has registered. Each is refused and
// changes nothing; with its own it may do all of it, and so may an operator.
func (w *world) owners(t *testing.T) {
	const other = "h2"
	h2 := w.client(t, api.KindHost, other)
	ctx := w.within(t)
	h1, err := w.op.Hosts.Get(ctx, api.GetRequest{ID: names[api.KindHost]})
	if err != nil || h1.Principal != names[api.KindHost] {
		t.Fatalf("%+v, %v", h1, err)
	}
	list, err := w.op.Services.List(ctx, api.ServicesListRequest{Name: "registry"})
	if err != nil || len(list.Services) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	reg := list.Services[0]
	inHosts, err := rpc.Call(ctx, h2.Conn(), api.LeasesAcquire, &api.LeaseAcquireRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]error{
		"changes a host":      do(ctx, h2, api.HostsRegister, api.Host{ID: h1.ID, Lease: h1.Lease, Draining: true}),
		"removes a host":      do(ctx, h2, api.HostsDeregister, api.DeregisterRequest{ID: h1.ID}),
		"changes an instance": do(ctx, h2, api.ServicesRegister, api.Service{ID: reg.ID, Name: reg.Name, Lease: reg.Lease, Version: "9.9.9"}),
		"removes an instance": do(ctx, h2, api.ServicesDeregister, api.DeregisterRequest{ID: reg.ID}),
	} {
		if api.CodeOf(try) != api.PermissionDenied || api.ReasonOf(try) != api.ReasonNotSelf {
			t.Errorf("a host %s of another: %v", what, try)
		}
	}
	for what, try := range map[string]error{
		"a live host":     do(ctx, h2, api.HostsRegister, api.Host{ID: h1.ID, Lease: inHosts.ID}),
		"a live instance": do(ctx, h2, api.ServicesRegister, api.Service{ID: reg.ID, Name: reg.Name, Lease: inHosts.ID}),
	} {
		if api.ReasonOf(try) != api.ReasonAlreadyRegistered {
			t.Errorf("%s has another beside it: %v", what, try)
		}
	}
	if now, err := w.op.Hosts.Get(ctx, api.GetRequest{ID: h1.ID}); err != nil || now.Revision != h1.Revision {
		t.Errorf("%+v, %v", now, err)
	}
	if now, err := w.op.Services.Get(ctx, api.GetRequest{ID: reg.ID}); err != nil || now.Revision != reg.Revision {
		t.Errorf("%+v, %v", now, err)
	}
	for what, err := range map[string]error{
		"in its own name":       do(ctx, h2, api.HostsRegister, api.Host{ID: other, Lease: inHosts.ID, Draining: true}),
		"under another id":      do(ctx, h2, api.HostsRegister, api.Host{ID: "spare", Lease: inHosts.ID, Draining: true}),
		"an instance of its":    do(ctx, h2, api.ServicesRegister, api.Service{ID: "s2", Name: "search"}),
		"and removes it":        do(ctx, h2, api.ServicesDeregister, api.DeregisterRequest{ID: "s2"}),
		"and the operator both": do(ctx, w.op, api.HostsDeregister, api.DeregisterRequest{ID: "spare"}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := do(ctx, h2, api.HostsDeregister, api.DeregisterRequest{ID: other}); err != nil {
		t.Error(err)
	}
	if err := do(ctx, h2, api.LeasesRelease, api.LeaseRenewRequest{ID: inHosts.ID, Token: inHosts.Token}); err != nil {
		t.Error(err)
	}
}
