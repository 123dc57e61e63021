package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleHosts(srv *rpc.Server) {
	rpc.Handle(srv, api.HostsRegister, s.registerHost)
	rpc.Handle(srv, api.HostsGet, s.hosts.get)
	rpc.Handle(srv, api.HostsList, s.listHosts)
	rpc.Handle(srv, api.HostsDeregister, s.deregisterHost)
	rpc.Handle(srv, api.HostsWatch, func(context.Context, *api.Empty) (*api.WatchResponse, error) { return s.hosts.watch(s.conn), nil })
}

func (s *Service) registerHost(ctx context.Context, h *api.Host) (*api.Host, error) {
	refusal, err := s.needLease(ctx, h.Lease)
	if err != nil {
		return nil, err
	}
	if old, _, ok := s.hosts.mirror.Get(h.ID); ok {
		s.reapIfDead(ctx, old.Lease, h.Lease)
	}
	former := ""
	h.Principal = rpc.CauseFrom(ctx).Principal
	host, err := s.hosts.write(ctx, h.ID, unless(refusal, owned(ctx, s, h.ID, hostOwner, func(old *api.Host, now time.Time) (*api.Host, roster.Event, error) {
		if former = ""; old != nil && old.Lease != h.Lease {
			former = old.Lease
		}
		return roster.RegisterHost(old, *h, now)
	})))
	if err == nil && former != "" {
		// Nothing says any more that the former incarnation is lost, as long as its lease is not dead.
		if err := s.failAgents(ctx, api.Cause{}, h.ID, former, true); err != nil {
			s.cfg.Log.Debug().Err(err).Str("lease", former).Msg("not reaped yet")
		}
	}
	return host, err
}

// lost tells whether the incarnation of a host that holds a lease is lost: the lease is dead, or nobody reaches the host.
func (s *Service) lost(host, leaseID string) bool {
	return s.watcher.State(leaseID) == lease.Dead || s.markedDead(host, leaseID)
}

// markedDead tells whether the record of a host is marked dead under a lease.
func (s *Service) markedDead(host, leaseID string) bool {
	h, _, ok := s.hosts.mirror.Get(host)
	return ok && h.Status == api.HostDead && h.Lease == leaseID
}

// needHost is needLease for the host of a claim, which must not have been taken for dead either. A host that hands an agent over
// is not the one that is fenced.
func (s *Service) needHost(ctx context.Context, r *api.AgentTransitionRequest) (refusal, err error) {
	switch {
	case !s.markedDead(r.Host, r.HostLease):
		return s.needLease(ctx, r.HostLease)
	case r.HandOver:
		return api.Errorf(api.FailedPrecondition, "host %s does not live under lease %s; hand the agent over to another", r.Host, r.HostLease).
			WithReason(api.ReasonUnknownLease), nil
	}
	return roster.HostFenced(r.Host, r.HostLease), nil
}

func (s *Service) listHosts(ctx context.Context, r *api.HostsListRequest) (*api.HostsListResponse, error) {
	p, err := s.hosts.list(ctx, roster.HostFilter(r), r.Cursor, r.Limit, r.MinRevision)
	if err != nil {
		return nil, err
	}
	return &api.HostsListResponse{Hosts: p.items, Next: p.next, Revision: p.revision}, nil
}

// deregisterHost fails the host's agents before it removes the host, so that one who repeats a request that was cut off finds
// the host still there, and once more after it, for those that were claimed in between or that this replica had not seen.
func (s *Service) deregisterHost(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	cause := rpc.CauseFrom(ctx)
	cause.RequestID, cause.BodyHash = "", "" // these stand for the host alone
	leaseID := ""
	rule := owned(ctx, s, r.ID, hostOwner, func(old *api.Host, _ time.Time) (*api.Host, roster.Event, error) { return roster.DeregisterHost(old) })
	if h, _, ok := s.hosts.mirror.Get(r.ID); ok {
		if _, _, err := rule(h, time.Time{}); err != nil { // before anything is failed
			return nil, err
		}
		leaseID = h.Lease
		if err := s.failAgents(ctx, cause, r.ID, leaseID, true); err != nil {
			return nil, err
		}
	}
	resp, err := s.hosts.remove(ctx, r.ID, func(old *api.Host, now time.Time) (*api.Host, roster.Event, error) {
		if old != nil {
			leaseID = old.Lease
		}
		return rule(old, now)
	})
	if err != nil || leaseID == "" {
		return resp, err
	}
	if err := s.agents.mirror.CatchUp(ctx); err != nil {
		return nil, err
	}
	return resp, s.failAgents(ctx, cause, r.ID, leaseID, true)
}
