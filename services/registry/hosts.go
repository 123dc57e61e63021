package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
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
	return s.hosts.write(ctx, h.ID, unless(refusal, func(old *api.Host, now time.Time) (*api.Host, roster.Event, error) {
		return roster.RegisterHost(old, *h, now)
	}))
}

func (s *Service) listHosts(ctx context.Context, r *api.HostsListRequest) (*api.HostsListResponse, error) {
	p, err := s.hosts.list(ctx, roster.HostFilter(r), r.Cursor, r.Limit, r.MinRevision)
	if err != nil {
		return nil, err
	}
	return &api.HostsListResponse{Hosts: p.items, Next: p.next, Revision: p.revision}, nil
}

// deregisterHost fails the host's agents before it removes the host, so that one who repeats a request that was cut off finds
// the host still there, and once more after it, for those that were claimed in between.
func (s *Service) deregisterHost(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	cause := rpc.CauseFrom(ctx)
	cause.RequestID, cause.BodyHash = "", "" // these stand for the host alone
	lease := ""
	if h, _, ok := s.hosts.mirror.Get(r.ID); ok {
		lease = h.Lease
		if err := s.failAgents(ctx, cause, lease); err != nil {
			return nil, err
		}
	}
	resp, err := s.hosts.remove(ctx, r.ID, func(old *api.Host, _ time.Time) (*api.Host, roster.Event, error) {
		if old != nil {
			lease = old.Lease
		}
		return roster.DeregisterHost(old)
	})
	if err != nil || lease == "" {
		return resp, err
	}
	return resp, s.failAgents(ctx, cause, lease)
}
