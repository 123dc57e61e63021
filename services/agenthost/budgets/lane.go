package budgets

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
)

// lane is what callers of this process want of one key. One batch of it is under way at a time, and what comes meanwhile
// goes into the next: one read and one write for all of them. A batch is read after all that is in it was asked for, so none
// of them sees a state older than itself.
type lane struct {
	waiting []*work
	busy    bool
}

// work is one caller's wish. change is called with a copy of the account, or nil where there is no budget, once or more often;
// what it returned last counts, as soon as done is closed.
type work struct {
	ctx    context.Context
	change func(a *spend.Account, now time.Time) (changed bool, err error)
	done   chan struct{}
	// exists tells whether there is a budget; err is what change said, or why the store could not be used.
	exists bool
	err    error
}

// begin asks for a change of a key; the caller waits for it with finish.
func (s *Store) begin(ctx context.Context, key string, change func(*spend.Account, time.Time) (bool, error)) *work {
	w := &work{ctx: ctx, change: change, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[key]
	if l == nil {
		l = &lane{}
		s.lanes[key] = l
	}
	l.waiting = append(l.waiting, w)
	if !l.busy {
		l.busy = true
		go s.drive(key, l) // ends with the last caller that waits for it
	}
	return w
}

// finish waits until the change is made, or the caller's ctx ends; then nobody knows whether it is.
func (w *work) finish() (exists bool, err error) {
	select {
	case <-w.done:
		return w.exists, w.err
	case <-w.ctx.Done():
	}
	select {
	case <-w.done:
		return w.exists, w.err
	default:
	}
	return false, w.gone()
}

// gone says that the caller's ctx has ended. The change may be in the store all the same, by an attempt before.
func (w *work) gone() error {
	return api.Errorf(api.Unavailable, "the budgets could not be asked in time, try again: %v", context.Cause(w.ctx)).WithReason(api.ReasonDependencyDown).MaybeExecuted()
}

func (s *Store) drive(key string, l *lane) {
	for {
		s.mu.Lock()
		batch := l.waiting
		l.waiting = nil
		if len(batch) == 0 {
			l.busy = false
			delete(s.lanes, key)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.carryOut(key, batch)
	}
}

// carryOut makes the changes of a batch. It goes on for as long as one of the callers waits.
func (s *Store) carryOut(key string, batch []*work) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var left atomic.Int64
	left.Store(int64(len(batch)))
	for _, w := range batch {
		defer context.AfterFunc(w.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	err := s.update(ctx, key, batch)
	for _, w := range batch {
		if err != nil {
			w.exists, w.err = false, err
		}
		close(w.done)
	}
}

// update applies a batch to a key. That it did not happen is certain only if the store says so; as every change is found again
// by its call's id, it is simply made again.
func (s *Store) update(ctx context.Context, key string, batch []*work) error {
	for {
		_, err := s.table.Update(ctx, api.Cause{}, key, func(old *spend.Account, now time.Time) (*spend.Account, string, error) {
			return apply(old, now, batch), "", nil
		})
		if e := api.AsError(err); e == nil || !e.Details.MaybeExecuted || ctx.Err() != nil || s.conn.NC.IsClosed() {
			return err
		}
	}
}

// apply returns the account after a batch: old itself if nothing has changed.
func apply(old *spend.Account, now time.Time, batch []*work) *spend.Account {
	var next *spend.Account
	if old != nil {
		next = old.Clone()
	}
	changed := false
	for _, w := range batch {
		w.exists = old != nil
		c, err := false, w.ctx.Err()
		if err != nil { // who has gone away wants nothing, and must not take it for done
			err = w.gone()
		} else {
			c, err = w.change(next, now)
		}
		w.err = err
		changed = changed || c
	}
	if !changed {
		return old
	}
	return next
}
