package client

import (
	"context"
	"iter"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Protocols are what many sessions have in common, under a name.
type Protocols struct {
	conn *rpc.Conn
	seen *session
}

// Register registers a protocol: conflict (already_registered) if there is one of its name.
func (s Protocols) Register(ctx context.Context, p api.Protocol) (*api.Protocol, error) {
	resp, err := change(ctx, s.conn, api.ProtocolsRegister, &p)
	return changed(s.seen, func(p *api.Protocol) string { return p.Revision }, resp, err)
}

// Update replaces a protocol: not_found (protocol_not_found) if there is none.
func (s Protocols) Update(ctx context.Context, p api.Protocol) (*api.Protocol, error) {
	resp, err := change(ctx, s.conn, api.ProtocolsUpdate, &p)
	return changed(s.seen, func(p *api.Protocol) string { return p.Revision }, resp, err)
}

// Get returns a protocol: not_found (protocol_not_found) if there is none.
func (s Protocols) Get(ctx context.Context, name string) (*api.Protocol, error) {
	return read(s.seen, "", func(revision string) (*api.Protocol, error) {
		return look(ctx, s.conn, api.ProtocolsGet, &api.NameRequest{Name: name, MinRevision: revision})
	})
}

// List returns the protocols in the order of their names.
func (s Protocols) List(ctx context.Context) ([]api.Protocol, error) {
	var all []api.Protocol
	for after := ""; ; {
		page, err := read(s.seen, "", func(revision string) (*api.ProtocolsListResponse, error) {
			return look(ctx, s.conn, api.ProtocolsList, &api.PageRequest{After: after, Limit: api.MaxPage, MinRevision: revision})
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Protocols...)
		if after = page.Next; after == "" {
			return all, nil
		}
	}
}

// Unregister removes a protocol, and tells whether there was one.
func (s Protocols) Unregister(ctx context.Context, name string) (existed bool, err error) {
	resp, err := change(ctx, s.conn, api.ProtocolsUnregister, &api.NameRequest{Name: name})
	if err == nil {
		s.seen.wrote(resp.Revision)
	}
	return resp != nil && resp.Existed, err
}

// Sessions has agents agree.
type Sessions struct {
	conn *rpc.Conn
	seen *session
}

// Start starts a session, and returns it as it begins, or with a wait as it stands when that is over.
func (s Sessions) Start(ctx context.Context, r api.SessionStartRequest) (*api.Session, error) {
	resp, err := change(ctx, s.conn, api.SessionsStart, &r)
	return changed(s.seen, func(x *api.Session) string { return x.Revision }, resp, err)
}

// Run starts a session and returns it when it has ended. Whether it has a result is in its State. When ctx ends first, the session
// goes on without the caller.
func (s Sessions) Run(ctx context.Context, r api.SessionStartRequest) (*api.Session, error) {
	r.Wait = 0
	x, err := s.Start(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.Wait(ctx, x.ID)
}

// Wait returns a session when it has ended.
func (s Sessions) Wait(ctx context.Context, id string) (*api.Session, error) {
	return until(ctx, func(ctx context.Context) (*api.Session, error) {
		return rpc.Call(ctx, s.conn, api.SessionsGet, &api.SessionGetRequest{ID: id, Wait: followWait})
	}, func(x *api.Session) bool { return x.State != api.SessionActive })
}

// until asks for something that a service waits for, again and again, until it is done or ctx ends. A replica that dies while it waits
// costs a little more than the wait of one request, however long ctx lasts.
func until[T any](ctx context.Context, f func(context.Context) (T, error), done func(T) bool) (T, error) {
	for {
		v, err := repeat(ctx, isTransient, func(ctx context.Context) (T, error) {
			one, cancel := context.WithTimeout(ctx, followWait.Std()+graceWait)
			defer cancel()
			v, err := f(one)
			if err != nil && ctx.Err() == nil && one.Err() != nil { // it was lost with its replica
				err = api.Errorf(api.Unavailable, "no answer came in time: %v", err).WithReason(api.ReasonNotReady)
			}
			return v, err
		})
		if err != nil || done(v) || ctx.Err() != nil {
			return v, err
		}
	}
}

// graceWait is how much longer than its wait a request may take.
const graceWait = 5 * time.Second

// Get returns a session as it stands: not_found (session_not_found) if there never was one.
func (s Sessions) Get(ctx context.Context, id string) (*api.Session, error) {
	return read(s.seen, "", func(revision string) (*api.Session, error) {
		return look(ctx, s.conn, api.SessionsGet, &api.SessionGetRequest{ID: id, MinRevision: revision})
	})
}

// Follow yields the steps of a session from its beginning to its end, as they happen. The last one comes with the session itself, whose
// transcript is complete then.
func (s Sessions) Follow(ctx context.Context, id string) iter.Seq2[api.SessionStep, error] {
	return func(yield func(api.SessionStep, error) bool) {
		for after := 0; ; {
			page, err := until(ctx, func(ctx context.Context) (*api.SessionFollowResponse, error) {
				return rpc.Call(ctx, s.conn, api.SessionsFollow, &api.SessionFollowRequest{ID: id, After: after, Wait: followWait})
			}, func(page *api.SessionFollowResponse) bool { return len(page.Steps) > 0 || page.Session != nil })
			if err != nil {
				yield(api.SessionStep{}, err)
				return
			}
			for _, step := range page.Steps {
				if !yield(step, nil) {
					return
				}
			}
			if after = page.Next; page.Session != nil {
				return
			}
		}
	}
}

// Steps returns what has happened in a session so far.
func (s Sessions) Steps(ctx context.Context, id string) ([]api.SessionStep, error) {
	var all []api.SessionStep
	for {
		page, err := look(ctx, s.conn, api.SessionsFollow, &api.SessionFollowRequest{ID: id, After: len(all)})
		if err != nil || len(page.Steps) == 0 {
			return all, err
		}
		all = append(all, page.Steps...)
	}
}

// Answer gives an answer in the name of this client's principal, who must have been asked.
func (s Sessions) Answer(ctx context.Context, id string, round int, answer any) (*api.SessionReceipt, error) {
	body, err := encode(answer)
	if err != nil {
		return nil, err
	}
	resp, err := change(ctx, s.conn, api.SessionsAnswer, &api.SessionAnswerRequest{Session: id, Round: round, Answer: body})
	return changed(s.seen, func(r *api.SessionReceipt) string { return r.Revision }, resp, err)
}

// List yields sessions, without their transcripts.
func (s Sessions) List(ctx context.Context, r api.SessionsListRequest) iter.Seq2[api.Session, error] {
	return func(yield func(api.Session, error) bool) {
		for {
			page, err := look(ctx, s.conn, api.SessionsList, &r)
			if err != nil {
				yield(api.Session{}, err)
				return
			}
			for i := range page.Sessions {
				if !yield(page.Sessions[i], nil) {
					return
				}
			}
			if r.After = page.Next; r.After == "" {
				return
			}
		}
	}
}

// Cancel ends a session: failed_precondition (session_ended) if it has ended.
func (s Sessions) Cancel(ctx context.Context, id, reason string) (*api.Session, error) {
	resp, err := change(ctx, s.conn, api.SessionsCancel, &api.SessionCancelRequest{ID: id, Reason: reason})
	return changed(s.seen, func(x *api.Session) string { return x.Revision }, resp, err)
}

// Stats counts the sessions of the namespace.
func (s Sessions) Stats(ctx context.Context) (*api.SessionsStatsResponse, error) {
	return look(ctx, s.conn, api.SessionsStats, &api.Empty{})
}
