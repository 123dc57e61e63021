package coordination

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (c *council) handleSessions(srv *rpc.Server) {
	rpc.Handle(srv, api.SessionsStart, c.start)
	rpc.Handle(srv, api.SessionsAnswer, c.answer)
	rpc.Handle(srv, api.SessionsGet, c.get)
	rpc.Handle(srv, api.SessionsFollow, c.follow)
	rpc.Handle(srv, api.SessionsList, c.list)
	rpc.Handle(srv, api.SessionsCancel, c.end)
	rpc.Handle(srv, api.SessionsStats, c.stats)
}

// start starts a session. Whether the members are agents is looked up here; all else is the machine's matter.
func (c *council) start(ctx context.Context, r *api.SessionStartRequest) (*api.Session, error) {
	cause := rpc.CauseFrom(ctx)
	in := session.Start{Request: *r}
	in.Request.ID = nameOr(r.ID, cause)
	c.traced.note(in.Request.ID, cause.Traceparent)
	x, a, err := c.begin(byItself(ctx), &in, r.ID != "" || cause.RequestID != "")
	if err != nil {
		return nil, err
	}
	x.Revision = a.Revision
	if r.Wait == 0 || x.State != api.SessionActive {
		return x, nil
	}
	x, err = c.await(ctx, x.ID, r.Wait.Std())
	return x, begun(err)
}

// begun says of an error after which there is no more to tell of what was asked for that it was done, or begun, all the same: whoever
// asks once more without the request id would have it twice.
func begun(err error) error {
	if e := api.AsError(err); e != nil {
		return e.MaybeExecuted()
	}
	return err
}

// byItself takes the request id off what the machine knows by itself when it is repeated: the start of a session by its id, an answer
// by its member and round. So there is nothing to remember of it.
func byItself(ctx context.Context) context.Context {
	cause := rpc.CauseFrom(ctx)
	cause.RequestID, cause.BodyHash = "", ""
	return rpc.WithCause(ctx, cause)
}

// begin begins the session, or finds the one that the same request has begun. One whose id may have been used may be in the archive: it
// is looked for there, and if others were archived meanwhile, once more.
func (c *council) begin(ctx context.Context, in *session.Start, used bool) (*api.Session, replog.Answer, error) {
	filled, current, revision := false, false, ""
	for {
		old, err := sure(ctx, c, func() (old *session.Record, err error) {
			old, revision, err = c.look(ctx, in, used)
			return old, err
		})
		if err != nil {
			return nil, replog.Answer{}, err
		}
		if old != nil && !current && old.Session.State == api.SessionActive { // it may have gone on where this replica has not come yet
			if current = c.log.CatchUp(ctx) == nil; current {
				continue
			}
		}
		if old != nil {
			return shown(old, ""), replog.Answer{Revision: revision}, nil // a copy: the record belongs to the state
		}
		if !filled {
			if err := c.fill(ctx, &in.Request); err != nil {
				return nil, replog.Answer{}, err
			}
			filled = true
		}
		x, a, err := do[api.Session](ctx, c, session.KindStart, in)
		if api.ReasonOf(err) == session.Unchecked.Details.Reason && ctx.Err() == nil {
			continue
		}
		return x, a, err
	}
}

// look finds the session that the request has begun before, or tells, for a new one, whether it could begin.
func (c *council) look(ctx context.Context, in *session.Start, used bool) (old *session.Record, revision string, err error) {
	by := rpc.CauseFrom(ctx).Principal
	var fits error
	if revision, err = c.log.Read(ctx, "", func(s *realm.State, seq uint64, _ time.Time) {
		if old = s.Sessions.Sessions[in.Request.ID]; old == nil {
			fits = s.Sessions.Fits(in, by, realm.Protocols())
		}
		if used {
			in.Checked = max(seq, 1)
		}
	}); err != nil {
		return nil, "", err
	}
	if old == nil && used {
		if old, err = c.archive.get(ctx, in.Request.ID); err != nil {
			return nil, "", err
		}
	}
	if old != nil {
		return old, revision, session.Same(old, session.Fingerprint(&in.Request, by))
	}
	return nil, revision, fits
}

func (c *council) answer(ctx context.Context, r *api.SessionAnswerRequest) (*api.SessionReceipt, error) {
	if rpc.CauseFrom(ctx).Principal == "" {
		return nil, api.Errorf(api.Unauthenticated, "an answer counts for the principal who gives it: send it to %s",
			api.As(c.conn.Namespace, "<agent>", api.SessionsAnswer.Subject(c.conn.Namespace))).WithReason(api.ReasonPrincipalMissing)
	}
	c.traced.note(r.Session, rpc.CauseFrom(ctx).Traceparent)
	resp, a, err := do[api.SessionReceipt](byItself(ctx), c, session.KindAnswer, r)
	if api.ReasonOf(err) == api.ReasonSessionNotFound {
		old, lost := c.archive.get(ctx, r.Session)
		if lost != nil { // whether there is one cannot be said
			return nil, lost
		}
		if old != nil {
			return c.repeated(ctx, old, r)
		}
	}
	if err == nil {
		resp.Revision = a.Revision
	}
	return resp, err
}

// repeated answers whoever gives an answer to a session that is in the archive. The answer is compared in the form in which it would have
// been stored.
func (c *council) repeated(ctx context.Context, old *session.Record, r *api.SessionAnswerRequest) (*api.SessionReceipt, error) {
	raw, err := codec.Marshal(r)
	if err != nil {
		return nil, err
	}
	var stored api.SessionAnswerRequest
	if err := codec.Read(raw, &stored); err != nil {
		return nil, err
	}
	return session.Receipt(old, &stored, rpc.CauseFrom(ctx).Principal)
}

// end cancels a session. The machine's answer, which is kept for repetitions, is a receipt: the session may be long.
func (c *council) end(ctx context.Context, r *api.SessionCancelRequest) (*api.Session, error) {
	_, _, err := do[api.SessionReceipt](ctx, c, session.KindCancel, r)
	if api.ReasonOf(err) == api.ReasonSessionNotFound {
		old, lost := c.archive.get(ctx, r.ID)
		if lost != nil { // whether there is one cannot be said
			return nil, lost
		}
		if old != nil {
			return nil, session.Ended(&old.Session)
		}
	}
	if err != nil {
		return nil, err
	}
	record, revision, err := c.find(ctx, r.ID)
	if err != nil {
		return nil, begun(err)
	}
	return shown(record, revision), nil
}

func (c *council) get(ctx context.Context, r *api.SessionGetRequest) (*api.Session, error) {
	if r.MinRevision != "" {
		if _, err := c.log.Read(ctx, r.MinRevision, func(*realm.State, uint64, time.Time) {}); err != nil {
			return nil, err
		}
	}
	if r.Wait > 0 {
		return c.await(ctx, r.ID, r.Wait.Std())
	}
	record, revision, err := c.find(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	return shown(record, revision), nil
}

// shown is a session as it is told to others.
func shown(r *session.Record, revision string) *api.Session {
	x := r.Session
	x.Revision = revision
	return &x
}

// find returns a session from the state, or from the archive.
func (c *council) find(ctx context.Context, id string) (found *session.Record, revision string, err error) {
	found, err = sure(ctx, c, func() (found *session.Record, err error) {
		found, revision, err = c.lookUp(ctx, id)
		return found, err
	})
	return found, revision, err
}

func (c *council) lookUp(ctx context.Context, id string) (*session.Record, string, error) {
	var found *session.Record
	revision, err := c.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) { found = s.Sessions.Sessions[id] })
	if err != nil || found != nil {
		return found, revision, err
	}
	if found, err = c.archive.get(ctx, id); err != nil {
		return nil, "", err
	}
	if found == nil {
		return nil, "", session.Missing(id)
	}
	return found, revision, nil
}

// await waits for the end of a session, and returns it as it stands then, or when the wait is over.
func (c *council) await(ctx context.Context, id string, wait time.Duration) (*api.Session, error) {
	record, revision, err := c.watch(ctx, id, wait, func(r *session.Record) bool { return r.Session.State != api.SessionActive })
	if err != nil {
		return nil, err
	}
	return shown(record, revision), nil
}

// watch waits until a session is as wanted, or the wait is over, and returns it as it stands then.
func (c *council) watch(ctx context.Context, id string, wait time.Duration, wanted func(*session.Record) bool) (*session.Record, string, error) {
	free, err := c.seats.Take()
	if err != nil {
		return nil, "", err
	}
	defer free()
	over, cancel := await.Limit(ctx, wait)
	defer cancel()
	for {
		bell, forget := c.bells.Listen(id)
		record, revision, err := c.find(ctx, id)
		if err != nil || wanted(record) {
			forget()
			return record, revision, err
		}
		select {
		case <-bell.Rung:
			forget()
		case <-over.Done():
			forget()
			return record, revision, nil
		case <-c.front.Leaving():
			forget()
			return nil, "", front.ErrLeaving
		}
	}
}

func (c *council) follow(ctx context.Context, r *api.SessionFollowRequest) (*api.SessionFollowResponse, error) {
	news := func(x *session.Record) bool { return len(x.Steps) > r.After || x.Session.State != api.SessionActive }
	var record *session.Record
	var revision string
	var err error
	if r.Wait > 0 {
		record, revision, err = c.watch(ctx, r.ID, r.Wait.Std(), news)
	} else {
		record, revision, err = c.find(ctx, r.ID)
	}
	if err != nil {
		return nil, err
	}
	resp := &api.SessionFollowResponse{Steps: []api.SessionStep{}, Next: max(r.After, 0)}
	if r.After < len(record.Steps) {
		resp.Steps = record.Steps[r.After:min(len(record.Steps), r.After+maxSteps)]
		resp.Next = r.After + len(resp.Steps)
	}
	if record.Session.State != api.SessionActive && resp.Next >= len(record.Steps) {
		resp.Session = shown(record, revision)
	}
	return resp, nil
}

const maxSteps = 1000 // of one answer

func (c *council) stats(ctx context.Context, _ *api.Empty) (*api.SessionsStatsResponse, error) {
	resp := &api.SessionsStatsResponse{Types: []api.SessionCount{}}
	var err error
	resp.Revision, err = c.log.Read(ctx, "", func(s *realm.State, _ uint64, _ time.Time) {
		resp.Active, resp.Protocols = s.Sessions.Active, len(s.Sessions.Protocols)
		for _, t := range api.SessionTypes {
			n := s.Sessions.Counts[t]
			if n == nil {
				continue
			}
			one := api.SessionCount{
				Type: t, Started: n.Started, Completed: n.Completed, Failed: n.Failed, Timeout: n.Timeout, Cancelled: n.Cancelled,
				Asked: n.Asked, Answered: n.Answered, Longest: n.Longest,
			}
			if ended := n.Completed + n.Failed + n.Timeout + n.Cancelled; ended > 0 {
				one.Duration = n.Total / api.Duration(ended)
			}
			resp.Total += n.Started
			resp.Types = append(resp.Types, one)
		}
	})
	return resp, err
}
