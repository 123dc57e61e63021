package roster

import (
	"cmp"
	"reflect"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// RegisterHost stores a host under its lease. The same lease again updates the host, a dead host is replaced under another
// lease, and a live one under another lease is conflict (already_registered). Death is final for a lease (lease_lost): others
// may have taken over what the host ran.
func RegisterHost(old *api.Host, h api.Host, now time.Time) (*api.Host, Event, error) {
	h.Modules, h.Tags = unique(h.Modules), unique(h.Tags)
	h.Status, h.RegisteredAt = api.HostLive, now
	if old != nil && old.Status == api.HostDead && old.Lease == h.Lease {
		return nil, NoChange, HostFenced(h.ID, h.Lease)
	}
	if old == nil || old.Status == api.HostDead {
		return &h, Registered, nil
	}
	if old.Lease != h.Lease {
		return nil, NoChange, taken("host", h.ID)
	}
	h.RegisteredAt, h.Revision, h.Principal = old.RegisteredAt, old.Revision, cmp.Or(old.Principal, h.Principal)
	if reflect.DeepEqual(old, &h) {
		return old, NoChange, nil
	}
	return &h, Updated, nil
}

// HostFenced is what a host is told that was marked dead under the lease which it holds.
func HostFenced(id, lease string) error {
	return api.Errorf(api.Fenced, "host %s was taken for dead under lease %s, and others take over its agents; stop them, and start again under a fresh lease", id, lease).
		WithReason(api.ReasonLeaseLost)
}

// HostDead marks a host whose lease is dead, or which nobody reaches. One that has come back under another lease is left alone.
func HostDead(old *api.Host, lease string) (*api.Host, Event, error) {
	if old == nil || old.Lease != lease || old.Status == api.HostDead {
		return old, NoChange, nil
	}
	h := *old
	h.Status = api.HostDead
	return &h, Dead, nil
}

// DeregisterHost removes a host; there is nothing to do for one that does not exist.
func DeregisterHost(old *api.Host) (*api.Host, Event, error) {
	if old == nil {
		return nil, NoChange, nil
	}
	return nil, Deregistered, nil
}

// RegisterService stores an instance of a service. The same lease again updates the instance, a dead one is replaced, and a
// live one under another lease, or under none, is conflict (already_registered).
func RegisterService(old *api.Service, s api.Service, now time.Time) (*api.Service, Event, error) {
	s.Tags = unique(s.Tags)
	s.Status, s.RegisteredAt = api.HostLive, now
	if old == nil || old.Status == api.HostDead {
		return &s, Registered, nil
	}
	if old.Lease != s.Lease || s.Lease == "" {
		return nil, NoChange, taken("service", s.ID)
	}
	s.RegisteredAt, s.Revision, s.Principal = old.RegisteredAt, old.Revision, cmp.Or(old.Principal, s.Principal)
	if reflect.DeepEqual(old, &s) {
		return old, NoChange, nil
	}
	return &s, Updated, nil
}

// ServiceDead marks an instance whose lease is dead. One that has come back under another lease is left alone.
func ServiceDead(old *api.Service, lease string) (*api.Service, Event, error) {
	if old == nil || lease == "" || old.Lease != lease || old.Status == api.HostDead {
		return old, NoChange, nil
	}
	s := *old
	s.Status = api.HostDead
	return &s, Dead, nil
}

// DeregisterService removes an instance; there is nothing to do for one that does not exist.
func DeregisterService(old *api.Service) (*api.Service, Event, error) {
	if old == nil {
		return nil, NoChange, nil
	}
	return nil, Deregistered, nil
}

func taken(noun, id string) error {
	return api.Errorf(api.Conflict, "%s %s is registered by a process that lives; choose another id, or deregister it first", noun, id).
		WithReason(api.ReasonAlreadyRegistered)
}

// ForgetService removes a dead instance of a lease; another one is left alone.
func ForgetService(old *api.Service, lease string) (*api.Service, Event, error) {
	if old == nil || old.Status != api.HostDead || old.Lease != lease {
		return old, NoChange, nil
	}
	return nil, Deregistered, nil
}
