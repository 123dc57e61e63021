package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Events keeps what has happened, in the form of CloudEvents: what services tell of their changes, and what anybody appends.
type Events struct {
	conn *rpc.Conn
	seen *session
}

// Append appends an event, of which only Type is required. An id that is given is permanent: the same event again gives the same
// answer, another one is conflict (already_exists).
func (s Events) Append(ctx context.Context, e api.Event) (*api.EventReceipt, error) {
	name(&e)
	resp, err := change(ctx, s.conn, api.EventsAppend, &e)
	return changed(s.seen, func(r *api.EventReceipt) string { return r.Revision }, resp, err)
}

// name gives an event an id here, so that repeating what was lost on the way appends nothing twice.
func name(e *api.Event) {
	if e.ID == "" {
		e.ID = rpc.NewRequestID()
	}
}

// AppendMany appends up to api.MaxEventBatch events, all of them or none.
func (s Events) AppendMany(ctx context.Context, events []api.Event) ([]api.EventReceipt, error) {
	r := api.EventAppendManyRequest{Events: append([]api.Event(nil), events...)}
	for i := range r.Events {
		name(&r.Events[i])
	}
	resp, err := change(ctx, s.conn, api.EventsAppendMany, &r)
	resp, err = changed(s.seen, func(r *api.EventAppendManyResponse) string { return r.Revision }, resp, err)
	if err != nil {
		return nil, err
	}
	return resp.Receipts, nil
}

// Get returns an event: not_found (event_not_found) if there is none, or it is no longer kept.
func (s Events) Get(ctx context.Context, id string) (*api.Event, error) {
	return read(s.seen, "", func(revision string) (*api.Event, error) {
		return look(ctx, s.conn, api.EventsGet, &api.EventGetRequest{ID: id, MinRevision: revision})
	})
}

// Page returns a page of the events that meet every given condition.
func (s Events) Page(ctx context.Context, r api.EventQueryRequest) (*api.EventQueryResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.EventQueryResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.EventsQuery, &r)
	})
}

// Query yields the events that meet every given condition, in the given order. Limit is that of one page.
func (s Events) Query(ctx context.Context, r api.EventQueryRequest) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		for {
			page, err := s.Page(ctx, r)
			if err != nil {
				yield(api.Event{}, err)
				return
			}
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
			if r.Cursor = page.Next; r.Cursor == "" {
				return
			}
		}
	}
}

// Recent returns the newest events, the newest first: at most api.MaxPage of them.
func (s Events) Recent(ctx context.Context, n int) ([]api.Event, error) {
	page, err := s.Page(ctx, api.EventQueryRequest{Newest: true, Limit: n})
	if err != nil {
		return nil, err
	}
	return page.Events, nil
}

// Follow yields events as they come, some at a time, until ctx ends: from now on, or from where the request says. Each answer has the
// position behind it as Next; a request with that as After goes on there later, at any replica. The first comes at once and may have none;
// Wait is the client's to choose.
func (s Events) Follow(ctx context.Context, r api.EventFollowRequest) iter.Seq2[*api.EventFollowResponse, error] {
	return func(yield func(*api.EventFollowResponse, error) bool) {
		// The first answer comes at once, so that there is a position before there is anything to lose.
		for r.Wait = 0; ; r.Wait = followWait {
			resp, err := until(ctx, func(ctx context.Context) (*api.EventFollowResponse, error) {
				resp, err := rpc.Call(ctx, s.conn, api.EventsFollow, &r)
				if err == nil {
					r.After = resp.Next
				}
				return resp, err
			}, func(resp *api.EventFollowResponse) bool { return len(resp.Events) > 0 || resp.Lost || r.Wait == 0 })
			if err != nil {
				yield(nil, err)
				return
			}
			if ctx.Err() != nil || !yield(resp, nil) {
				return
			}
		}
	}
}

// Chain returns the events of a correlation as a tree, each behind its cause.
func (s Events) Chain(ctx context.Context, r api.EventChainRequest) (*api.EventChainResponse, error) {
	return read(s.seen, r.MinRevision, func(revision string) (*api.EventChainResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.EventsChain, &r)
	})
}

// Prune removes events for good, the oldest first, and tells how many.
func (s Events) Prune(ctx context.Context, r api.EventPruneRequest) (uint64, error) {
	resp, err := rpc.Call(ctx, s.conn, api.EventsPrune, &r)
	if err != nil {
		return 0, err
	}
	return resp.Pruned, nil
}

// Stats counts events.
func (s Events) Stats(ctx context.Context) (*api.EventStatsResponse, error) {
	return read(s.seen, "", func(revision string) (*api.EventStatsResponse, error) {
		return look(ctx, s.conn, api.EventsStats, &api.EventStatsRequest{MinRevision: revision})
	})
}

// Replay publishes events once more, as Limit and Rate say, for as long as one request takes: asking again with the answer's Next as
// After goes on.
func (s Events) Replay(ctx context.Context, r api.EventReplayRequest) (*api.EventReplayResponse, error) {
	return rpc.Call(ctx, s.conn, api.EventsReplay, &r)
}
