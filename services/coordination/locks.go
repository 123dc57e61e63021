package coordination

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/lock/queue"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleLocks(srv *rpc.Server) {
	rpc.Handle(srv, api.LocksAcquire, once(s, s.acquire))
	rpc.Handle(srv, api.LocksRelease, once(s, s.release))
	rpc.Handle(srv, api.LocksGet, s.getLock)
	rpc.Handle(srv, api.LocksList, s.listLocks)
	rpc.Handle(srv, api.ElectionsCampaign, once(s, s.campaign))
	rpc.Handle(srv, api.ElectionsResign, once(s, s.release))
	rpc.Handle(srv, api.ElectionsObserve, s.observe)
	rpc.Handle(srv, api.ElectionsList, s.listElections)
}

// once keeps the answers of requests that carry an id: a delayed repetition does not take a lock again that was given back since.
// What it wraps is begun again while there is no answer, by a ticket of the same name, which keeps its place.
func once[Req, Resp any](s *Service, h rpc.Handler[Req, Resp]) rpc.Handler[Req, Resp] {
	return func(ctx context.Context, r *Req) (*Resp, error) {
		return kv.Kept(ctx, s.requests, "coordination", rpc.CauseFrom(ctx), func(ctx context.Context) (*Resp, error) { return h(ctx, r) })
	}
}

func (s *Service) acquire(ctx context.Context, r *api.LockAcquireRequest) (*api.LockGrant, error) {
	q := lock.Request{Name: r.Name, Kind: r.Kind, Capacity: r.Capacity, Takes: r.Permits, Ticket: r.Ticket, Lease: r.Lease}
	if r.Kind == api.LockRW && !r.Shared {
		q.Takes = api.MaxLockCapacity
	}
	return s.take(ctx, q, r.Wait.Std())
}

func (s *Service) campaign(ctx context.Context, r *api.CampaignRequest) (*api.LockGrant, error) {
	return s.take(ctx, lock.Request{Name: r.Name, Kind: api.LockElection, Ticket: r.Ticket, Lease: r.Lease, Data: r.Data}, r.Wait.Std())
}

// take takes a lock for whoever asks. The wait ends a little before the request does, so that its answer is heard.
func (s *Service) take(ctx context.Context, q lock.Request, wait time.Duration) (*api.LockGrant, error) {
	cause := rpc.CauseFrom(ctx)
	q.Owner, q.Ticket = cause.Principal, nameOr(q.Ticket, cause)
	if wait > 0 {
		free, err := s.seats.Take()
		if err != nil {
			return nil, err
		}
		defer free()
		q.Wait = await.Patience(ctx, wait)
	}
	return s.locks.Acquire(ctx, q)
}

func (s *Service) release(ctx context.Context, r *api.LockReleaseRequest) (*api.Empty, error) {
	release := s.locks.Release
	if r.Strays {
		release = s.locks.Bar
	}
	return &api.Empty{}, release(ctx, r.Name, r.Ticket, rpc.CauseFrom(ctx).Principal)
}

func (s *Service) getLock(ctx context.Context, r *api.GetRequest) (*api.Lock, error) {
	return s.locks.Get(ctx, r.ID)
}

func (s *Service) listLocks(ctx context.Context, r *api.LocksListRequest) (*api.LocksListResponse, error) {
	return s.locks.List(ctx, *r)
}

func (s *Service) observe(ctx context.Context, r *api.ObserveRequest) (*api.Election, error) {
	if r.Wait == 0 {
		return s.locks.Observe(ctx, r.Name, r.After, 0)
	}
	free, err := s.seats.Take()
	if err != nil {
		return nil, err
	}
	defer free()
	return s.locks.Observe(ctx, r.Name, r.After, await.Patience(ctx, r.Wait.Std()))
}

func (s *Service) listElections(ctx context.Context, r *api.LocksListRequest) (*api.ElectionsListResponse, error) {
	if r.Kind != "" && r.Kind != api.LockElection {
		return nil, api.Errorf(api.Invalid, "elections.list lists elections: leave kind out, or use locks.list").WithFields("kind")
	}
	q := *r
	q.Kind = api.LockElection
	page, err := s.locks.List(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &api.ElectionsListResponse{Elections: make([]api.Election, len(page.Locks)), Next: page.Next, Revision: page.Revision}
	for i := range page.Locks {
		resp.Elections[i] = queue.Stand(&page.Locks[i])
		resp.Elections[i].Revision = page.Locks[i].Revision
	}
	return resp, nil
}
