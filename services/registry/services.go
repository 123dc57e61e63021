package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/registry/roster"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleServices(srv *rpc.Server) {
	rpc.Handle(srv, api.ServicesRegister, s.registerService)
	rpc.Handle(srv, api.ServicesGet, s.services.get)
	rpc.Handle(srv, api.ServicesList, s.listServices)
	rpc.Handle(srv, api.ServicesWaitFor, s.waitForService)
	rpc.Handle(srv, api.ServicesDeregister, s.deregisterService)
	rpc.Handle(srv, api.ServicesStats, s.serviceStats)
	rpc.Handle(srv, api.ServicesWatch, func(context.Context, *api.Empty) (*api.WatchResponse, error) { return s.services.watch(s.conn), nil })
}

func (s *Service) registerService(ctx context.Context, v *api.Service) (*api.Service, error) {
	refusal, err := s.needLease(ctx, v.Lease)
	if err != nil {
		return nil, err
	}
	if old, _, ok := s.services.mirror.Get(v.ID); ok {
		s.reapIfDead(ctx, old.Lease, v.Lease)
	}
	v.Principal = rpc.CauseFrom(ctx).Principal
	return s.services.write(ctx, v.ID, unless(refusal, owned(ctx, s, v.ID, serviceOwner, func(old *api.Service, now time.Time) (*api.Service, roster.Event, error) {
		return roster.RegisterService(old, *v, now)
	})))
}

func (s *Service) listServices(ctx context.Context, r *api.ServicesListRequest) (*api.ServicesListResponse, error) {
	p, err := s.services.list(ctx, roster.ServiceFilter(r), r.Cursor, r.Limit, r.MinRevision)
	if err != nil {
		return nil, err
	}
	return &api.ServicesListResponse{Services: p.items, Next: p.next, Revision: p.revision}, nil
}

func (s *Service) waitForService(ctx context.Context, r *api.ServicesWaitForRequest) (*api.Service, error) {
	if r.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Timeout.Std())
		defer cancel()
	}
	live := roster.ServiceFilter(&api.ServicesListRequest{Name: r.Name, Status: api.HostLive})
	for {
		changed := s.services.change()
		p, err := s.services.list(ctx, live, "", 1, "")
		if err != nil {
			return nil, err
		}
		if len(p.items) > 0 {
			return &p.items[0], nil
		}
		select {
		case <-changed:
		case <-s.stopping:
			return nil, api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining)
		case <-ctx.Done():
			return nil, api.Errorf(api.DeadlineExceeded, "no live instance of service %s was registered in time", r.Name).WithReason(api.ReasonTimeout)
		}
	}
}

func (s *Service) deregisterService(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	return s.services.remove(ctx, r.ID, owned(ctx, s, r.ID, serviceOwner, func(old *api.Service, _ time.Time) (*api.Service, roster.Event, error) {
		return roster.DeregisterService(old)
	}))
}

func (s *Service) serviceStats(context.Context, *api.Empty) (*api.ServicesStatsResponse, error) {
	d := s.services
	mirrored := d.mirror.Revision()
	d.mu.RLock()
	defer d.mu.RUnlock()
	byStatus := d.index.Counts(roster.FieldStatus)
	resp := &api.ServicesStatsResponse{
		Total: d.index.Len(), ByName: d.index.Counts(roster.FieldName), ByStatus: make(map[api.HostStatus]int, len(byStatus)), Revision: d.token(mirrored),
	}
	for status, n := range byStatus {
		resp.ByStatus[api.HostStatus(status)] = n
	}
	return resp, nil
}
