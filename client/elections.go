package client

import (
	"context"
	"iter"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Elections elects one leader among candidates.
type Elections struct {
	conn *rpc.Conn
	seen *session
}

// Leadership is the leading of an election, by a lease.
type Leadership struct {
	// Term grows with every leader. It is the fencing token of what the leader writes.
	Term uint64

	held *Held
}

// Campaign stands for election until it leads or ctx ends. Data is what observers are told of the leader: nil, or anything that is
// written as a JSON object of at most api.MaxLockData bytes. Errors are as those of Locks.Acquire.
func (e Elections) Campaign(ctx context.Context, l *Lease, name string, data any) (*Leadership, error) {
	body, err := encode(data)
	if err != nil {
		return nil, err
	}
	held, err := hold(ctx, e.seen, l, api.ElectionsCampaign, api.ElectionsResign, 0, "", func(ticket string, wait api.Duration) (string, *api.CampaignRequest) {
		return name, &api.CampaignRequest{Name: name, Lease: l.id, Wait: wait, Ticket: ticket, Data: body}
	})
	if err != nil {
		return nil, err
	}
	return &Leadership{Term: held.Token, held: held}, nil
}

// Context ends when the leader resigns, and when its lease ends: before anybody else can lead.
func (l *Leadership) Context() context.Context { return l.held.ctx }

// Err returns nil while the leader may act as one; see Held.Err.
func (l *Leadership) Err() error { return l.held.Err() }

// Resign gives the leadership up; see Held.Release.
func (l *Leadership) Resign(ctx context.Context) error { return l.held.Release(ctx) }

// Observe returns how an election stands.
func (e Elections) Observe(ctx context.Context, name string) (*api.Election, error) {
	return rpc.Call(ctx, e.conn, api.ElectionsObserve, &api.ObserveRequest{Name: name})
}

// observeWait is how long a request waits for another leader.
const observeWait = 5 * time.Second

// Watch tells how an election stands, and again whenever there is another leader, until ctx ends. That nobody leads it tells within
// some seconds. An error ends it; a replica that stops does not.
func (e Elections) Watch(ctx context.Context, name string) iter.Seq2[api.Election, error] {
	return func(yield func(api.Election, error) bool) {
		var last *api.Election
		req := api.ObserveRequest{Name: name}
		for {
			now, err := e.observe(ctx, &req)
			if err != nil {
				yield(api.Election{}, err)
				return
			}
			if news(last, now) && !yield(*now, nil) {
				return
			}
			last, req.After, req.Wait = now, now.Term, api.Duration(observeWait)
		}
	}
}

// observe asks once, and again when the replica that waited has gone.
func (e Elections) observe(ctx context.Context, req *api.ObserveRequest) (*api.Election, error) {
	return bounded(ctx, observeWait+2*time.Second, 1, isTransient, func(ctx context.Context) (*api.Election, error) {
		return rpc.Call(ctx, e.conn, api.ElectionsObserve, req)
	})
}

func news(last, now *api.Election) bool {
	switch {
	case last == nil || last.Term != now.Term || (last.Leader == nil) != (now.Leader == nil):
		return true
	case now.Leader == nil:
		return false
	}
	return last.Leader.ID != now.Leader.ID
}

// List returns one page of elections.
func (e Elections) List(ctx context.Context, req api.LocksListRequest) (*api.ElectionsListResponse, error) {
	return read(e.seen, req.MinRevision, func(rev string) (*api.ElectionsListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, e.conn, api.ElectionsList, &req)
	})
}

// All returns all elections that meet the request's conditions. An error ends it.
func (e Elections) All(ctx context.Context, req api.LocksListRequest) iter.Seq2[api.Election, error] {
	return pages(func(cursor string) ([]api.Election, string, error) {
		req.Cursor = cursor
		resp, err := e.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Elections, resp.Next, nil
	})
}
