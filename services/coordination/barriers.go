package coordination

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	// lingers is for how long an arrival counts after its request should have taken it back: its replica may have died, and the
	// request may come again at another one.
	lingers = 10 * time.Second
	// giveUp bounds the work of a request that is over: taking back what it has left.
	giveUp = 2 * time.Second
)

func (s *Service) handleBarriers(srv *rpc.Server) {
	rpc.Handle(srv, api.BarriersArrive, s.arrive)
	rpc.Handle(srv, api.BarriersLeave, s.leaveBarrier)
	rpc.Handle(srv, api.BarriersGet, s.getBarrier)
}

// visit is one request to arrive at a barrier.
type visit struct {
	req   *api.BarrierArriveRequest
	cause api.Cause
	me    primitive.Arrival
	// The arrival was made by this request or, if again is set, by an earlier one with the same id.
	joined   uint64 // generation
	revision uint64
	again    bool
}

// arrive arrives, once however often the request is repeated, and then waits until the generation that it has joined is over. A
// repetition waits for the same generation.
func (s *Service) arrive(ctx context.Context, r *api.BarrierArriveRequest) (*api.Barrier, error) {
	free, err := s.seats.Take()
	if err != nil {
		return nil, err
	}
	defer free()
	wait, cancel := await.Limit(ctx, r.Wait.Std())
	defer cancel()
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	end, _ := wait.Deadline()
	v := visit{req: r, cause: rpc.CauseFrom(ctx), again: true}
	v.me = primitive.Arrival{Member: nameOr(r.Member, v.cause), Until: now + (time.Until(end) + lingers).Milliseconds()}
	res, err := s.barriers.change(ctx, v.cause, r.Name, func(old *primitive.Barrier) (*primitive.Barrier, error) {
		v.again = false
		return primitive.Arrive(old, r.Name, v.me, r.Parties, now)
	})
	if err != nil {
		if e := api.AsError(err); e != nil && e.Details.MaybeExecuted && (v.cause.RequestID == "" || e.Code == api.Cancelled) {
			s.leaveLater(ctx, &v) // nobody will come for it
		}
		return nil, err
	}
	v.joined, v.revision = res.Value.Generation, res.Revision
	switch until := res.Value.Until(v.me.Member); {
	case until == 0: // it was the last
		return opened(r, v.joined, res.Token), nil
	case until < now: // a repetition that comes too late: the arrival has ceased to count at some time, perhaps before the barrier opened
		return nil, v.over(nil).MaybeExecuted()
	case until < v.me.Until: // a repetition that waits longer
		if _, err := s.barriers.change(ctx, api.Cause{}, r.Name, func(old *primitive.Barrier) (*primitive.Barrier, error) {
			return primitive.Stay(old, v.joined, v.me), nil
		}); err != nil {
			return nil, err
		}
	}
	return s.awaitOpening(wait, &v)
}

// awaitOpening waits until the generation that an arrival has joined is over.
func (s *Service) awaitOpening(ctx context.Context, v *visit) (*api.Barrier, error) {
	key := s.barriers.key(v.req.Name)
	for {
		bell, forget := s.barrierBells.Listen(key)
		// A copy that has not seen the arrival tells nothing. When it has, the bell rings for all that comes after.
		if now, rev, ok := s.barrierMirror.Get(key); ok && rev >= v.revision {
			isOpen := now.Generation > v.joined
			if isOpen && !v.again && !now.HasLeft(v.joined, v.me.Member) {
				forget()
				return opened(v.req, v.joined+1, s.bucket.Token(rev)), nil
			}
			if isOpen || now.Until(v.me.Member) == 0 {
				forget()
				return s.takeBack(ctx, v, v.over(nil))
			}
		}
		select {
		case <-bell.Rung:
			forget()
		case <-s.stopping:
			forget()
			return nil, draining().MaybeExecuted() // the arrival stays for a while, for the repetition to find
		case <-ctx.Done():
			forget()
			return s.takeBack(ctx, v, v.over(ctx.Err()))
		}
	}
}

// takeBack ends an arrival. If the barrier opened first, that is the answer; otherwise it is over. This happens once for all who
// repeat the request, so that they are told the same.
func (s *Service) takeBack(ctx context.Context, v *visit, over *api.Error) (*api.Barrier, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUp)
	defer cancel()
	res, err := s.barriers.change(ctx, kv.Derive(v.cause, 1), v.req.Name, func(old *primitive.Barrier) (*primitive.Barrier, error) {
		return primitive.GiveUp(old, v.joined, v.me)
	})
	switch {
	case err != nil:
		return nil, over.MaybeExecuted()
	case res.Value != nil && res.Value.Generation > v.joined && !res.Value.HasLeft(v.joined, v.me.Member):
		return opened(v.req, v.joined+1, res.Token), nil
	}
	return nil, over
}

// over says why a visit has ended without the barrier's having opened: because the request's context has, or, without a reason,
// because the member is not there any more.
func (v *visit) over(why error) *api.Error {
	switch {
	case errors.Is(why, context.Canceled):
		return api.Errorf(api.Cancelled, "the arrival at barrier %s was given up", v.req.Name)
	case why != nil || v.again:
		return api.Errorf(api.DeadlineExceeded, "barrier %s has not opened in time: arrive again, by a request of its own", v.req.Name).WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.Cancelled, "member %s has left barrier %s", v.me.Member, v.req.Name)
}

// leaveLater sees to it that an arrival of which nobody knows whether it was made does not stay behind.
func (s *Service) leaveLater(ctx context.Context, v *visit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveUp)
	defer cancel()
	_, _ = s.barriers.change(ctx, kv.Derive(v.cause, 1), v.req.Name, func(old *primitive.Barrier) (*primitive.Barrier, error) {
		if old == nil {
			return nil, nil
		}
		return primitive.GiveUp(old, old.Generation, v.me) // if it fails, the arrival ends by its time
	})
}

func (s *Service) leaveBarrier(ctx context.Context, r *api.BarrierLeaveRequest) (*api.Barrier, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	res, err := s.barriers.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *primitive.Barrier) (*primitive.Barrier, error) {
		return primitive.Leave(old, r.Name, r.Member)
	})
	if err != nil {
		return nil, err
	}
	v := res.Value.View(r.Name, now)
	v.Revision = res.Token
	return v, nil
}

func (s *Service) getBarrier(ctx context.Context, r *api.GetRequest) (*api.Barrier, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	res, err := s.barriers.get(ctx, r.ID, r.MinRevision)
	if err != nil {
		return nil, err
	}
	if !res.Existed {
		return nil, primitive.NoBarrier(r.ID)
	}
	v := res.Value.View(r.ID, now)
	v.Revision = res.Token
	return v, nil
}

// onBarrier hears of every change of a barrier, and rings for those that somebody may wait for: that it opened, and that somebody
// left. Of the many arrivals in between nobody need hear.
func (s *Service) onBarrier(c kv.Change[primitive.Barrier]) {
	if c.Old == nil || c.New == nil || c.New.Generation != c.Old.Generation || !begins(c.New.Arrivals, c.Old.Arrivals) {
		s.barrierBells.Ring(c.Key, c)
	}
}

// begins tells whether a list of arrivals begins with those of another.
func begins(list, head []primitive.Arrival) bool {
	if len(list) < len(head) {
		return false
	}
	for i := range head {
		if list[i].Member != head[i].Member {
			return false
		}
	}
	return true
}

func opened(r *api.BarrierArriveRequest, generation uint64, revision string) *api.Barrier {
	return &api.Barrier{Name: r.Name, Parties: r.Parties, Generation: generation, Revision: revision}
}

// now returns the store's time, in the unit of primitive.Arrival.
func (s *Service) now(ctx context.Context) (int64, error) {
	t, err := s.bucket.Now(ctx)
	return t.UnixMilli(), err
}
