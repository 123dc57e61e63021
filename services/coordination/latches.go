package coordination

import (
	"context"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleLatches(srv *rpc.Server) {
	rpc.Handle(srv, api.LatchesCreate, s.createLatch)
	rpc.Handle(srv, api.LatchesCountDown, s.countDown)
	rpc.Handle(srv, api.LatchesWait, s.waitLatch)
	rpc.Handle(srv, api.LatchesRemove, func(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
		return s.latches.remove(ctx, rpc.CauseFrom(ctx), r.ID)
	})
}

func (s *Service) createLatch(ctx context.Context, r *api.LatchCreateRequest) (*api.Latch, error) {
	return latch(s.latches.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *primitive.Latch) (*primitive.Latch, error) {
		return primitive.CreateLatch(old, r.Name, r.Count)
	}))
}

func (s *Service) countDown(ctx context.Context, r *api.LatchCountDownRequest) (*api.Latch, error) {
	by := r.By
	if by == 0 {
		by = 1
	}
	return latch(s.latches.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *primitive.Latch) (*primitive.Latch, error) {
		return primitive.CountDown(old, r.Name, by)
	}))
}

func (s *Service) waitLatch(ctx context.Context, r *api.LatchWaitRequest) (*api.Latch, error) {
	if r.Wait == 0 {
		return s.seeLatch(ctx, r.Name)
	}
	free, err := s.seats.Take()
	if err != nil {
		return nil, err
	}
	defer free()
	wait, cancel := await.Limit(ctx, r.Wait.Std())
	defer cancel()
	for {
		l, again, err := s.awaitLatch(ctx, wait, r.Name)
		if !again {
			return l, err
		}
	}
}

// awaitLatch waits for what ends the wait for a latch. To read it may take as long as the request has, however short the wait is. again
// says that what was heard of it is older than what was known.
func (s *Service) awaitLatch(ctx, wait context.Context, name string) (l *api.Latch, again bool, err error) {
	bell, forget := s.latchBells.Listen(s.latches.key(name))
	defer forget()
	// The bell rings for all that comes after the leader was asked.
	res, err := s.latches.get(ctx, name, "")
	if err != nil {
		return nil, false, err
	}
	if !res.Existed || res.Value.Count == 0 {
		l, err := known(res, name)
		return l, false, err
	}
	select {
	case <-bell.Rung:
	case <-s.stopping:
		return nil, false, draining()
	case <-wait.Done():
		over := ended(wait)
		over.Message = "latch " + name + " has not come to zero in time"
		return nil, false, over
	}
	c := bell.News
	switch {
	case c.Revision <= res.Revision:
		return nil, true, nil
	case c.New == nil || c.New.Count > 0:
		return nil, false, primitive.NoLatch(name)
	}
	l = &api.Latch{Name: name, Revision: s.bucket.Token(c.Revision)}
	return l, false, nil
}

// onLatch rings when a latch comes to zero or ends. One that has a higher count than before was removed and made anew, which the
// mirror has not seen.
func (s *Service) onLatch(c kv.Change[primitive.Latch]) {
	if c.New == nil || c.New.Count == 0 || c.Old != nil && c.New.Count > c.Old.Count {
		s.latchBells.Ring(c.Key, c)
	}
}

func (s *Service) seeLatch(ctx context.Context, name string) (*api.Latch, error) {
	res, err := s.latches.get(ctx, name, "")
	if err != nil {
		return nil, err
	}
	return known(res, name)
}

// known answers with a latch that was read.
func known(res kv.Result[primitive.Latch], name string) (*api.Latch, error) {
	if !res.Existed {
		return nil, primitive.NoLatch(name)
	}
	return latch(res, nil)
}

func latch(res kv.Result[primitive.Latch], err error) (*api.Latch, error) {
	if err != nil {
		return nil, err
	}
	l := res.Value.Latch
	l.Revision = res.Token
	return &l, nil
}
