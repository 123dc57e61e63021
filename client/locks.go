package client

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Locks takes locks, first come first served.
type Locks struct {
	conn *rpc.Conn
	seen *session
}

// Held is a lock that is held by a lease.
type Held struct {
	// Token is the fencing token: what is written under the lock carries it, so that a late write of a former holder is
	// refused. See Cells.
	Token uint64
	// Ticket names the holder's place.
	Ticket string

	name    string
	lease   *Lease
	give    api.Method[api.LockReleaseRequest, api.Empty]
	ctx     context.Context
	release context.CancelFunc
	strays  bool // a request for it may still be carried out
}

// Acquire waits for a lock until ctx ends, or for req.Wait if that is given and shorter. The lease of the request is that of l.
// A lock that was not free in time is conflict (lock_held), or deadline_exceeded (timeout) if nobody could tell; the place in
// the queue is then given back. Other errors are conflict (lock_kind), overloaded (lock_full) and fenced (lease_lost). A request
// whose answer is lost is repeated and keeps its place.
func (s Locks) Acquire(ctx context.Context, l *Lease, req api.LockAcquireRequest) (*Held, error) {
	req.Lease = l.id
	return hold(ctx, s.seen, l, api.LocksAcquire, api.LocksRelease, req.Wait.Std(), req.Ticket, func(ticket string, wait api.Duration) (string, *api.LockAcquireRequest) {
		r := req
		r.Ticket, r.Wait = ticket, wait
		return r.Name, &r
	})
}

// Try takes a lock if it is free now: conflict (lock_held) if not.
func (s Locks) Try(ctx context.Context, l *Lease, req api.LockAcquireRequest) (*Held, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, api.DefaultTimeout.Std())
		defer cancel()
	}
	req.Wait = -1
	return s.Acquire(ctx, l, req)
}

// Do calls f while it holds a lock, for which it waits as Acquire does. The context of f ends with ctx and when the lock is
// lost; then f must stop. The error is that of f, or why the lock was not taken or was lost meanwhile.
func (s Locks) Do(ctx context.Context, l *Lease, req api.LockAcquireRequest, f func(ctx context.Context, token uint64) error) error {
	h, err := s.Acquire(ctx, l, req)
	if err != nil {
		return err
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(context.Cause(h.ctx)) })()
	err = f(work, h.Token)
	lost := h.Err()
	give, done := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer done()
	gone := h.Release(give)
	switch {
	case lost != nil && (err == nil || errors.Is(err, context.Canceled)):
		return lost
	case err == nil && api.CodeOf(gone) == api.Fenced:
		return gone // it was lost without the lease
	}
	return err
}

// Get returns a lock with its holders and waiters: not_found (lock_not_found) if nobody has it.
func (s Locks) Get(ctx context.Context, name string) (*api.Lock, error) {
	return rpc.Call(ctx, s.conn, api.LocksGet, &api.GetRequest{ID: name})
}

// List returns one page of locks. It knows what this client holds; that it has released something it may hear a little later.
func (s Locks) List(ctx context.Context, req api.LocksListRequest) (*api.LocksListResponse, error) {
	return read(s.seen, req.MinRevision, func(rev string) (*api.LocksListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, s.conn, api.LocksList, &req)
	})
}

// All returns all locks that meet the request's conditions. An error ends it.
func (s Locks) All(ctx context.Context, req api.LocksListRequest) iter.Seq2[api.Lock, error] {
	return pages(func(cursor string) ([]api.Lock, string, error) {
		req.Cursor = cursor
		resp, err := s.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Locks, resp.Next, nil
	})
}

// Context ends when the lock is released, and when its lease ends: then its cause is the lease's, fenced (lease_lost). That is
// before anybody else can hold the lock.
func (h *Held) Context() context.Context { return h.ctx }

// Err returns nil while the holder may act on the lock, and why it may not afterwards. It looks at the clock, so it is right
// also just after the process was stopped for a while. Between the look and the act there is still time: that is what
// the token is for.
func (h *Held) Err() error {
	if err := h.lease.Err(); err != nil {
		return err
	}
	if h.ctx.Err() != nil {
		return api.Errorf(api.Fenced, "lock %s was released", h.name).WithReason(api.ReasonLockLost)
	}
	return nil
}

// Release gives the lock back: fenced (lock_lost) if it was lost before. If nobody has answered when ctx ends, that is the error,
// and it is still given back in the background.
func (h *Held) Release(ctx context.Context) error {
	h.release()
	err := giveBack(ctx, h.lease.conn, h.give, h.name, h.Ticket, h.strays)
	if err != nil && mayHold(err) {
		giveBackLater(h.lease, h.give, h.name, h.Ticket)
	}
	return err
}

// giveBackLater releases a ticket in the background, for as long as the lease lasts. A request that was given up may be carried out long
// after, by a replica that hung, or when a link mends: it would take a lock that nobody knows to hold, so it is barred.
func giveBackLater(l *Lease, give api.Method[api.LockReleaseRequest, api.Empty], name, ticket string) {
	l.background(func(ctx context.Context) {
		_, _ = repeat(ctx, mayHold, func(ctx context.Context) (any, error) { return nil, giveBack(ctx, l.conn, give, name, ticket, true) })
	})
}

// giveBack releases a ticket, and repeats that while nobody answers.
func giveBack(ctx context.Context, conn *rpc.Conn, m api.Method[api.LockReleaseRequest, api.Empty], name, ticket string, strays bool) error {
	ctx = rpc.WithRequestID(ctx, nuid.Next())
	unsure := false
	_, err := attempts(ctx, isTransient, func(ctx context.Context) (*api.Empty, error) {
		resp, err := rpc.Call(ctx, conn, m, &api.LockReleaseRequest{Name: name, Ticket: ticket, Strays: strays})
		if unsure && api.ReasonOf(err) == api.ReasonLockLost {
			return resp, nil // an earlier attempt has done it
		}
		unsure = unsure || err != nil && isAmbiguous(err)
		return resp, err
	})
	return err
}

// hold acquires what is held by a ticket: a lock, or the leadership of an election. A wait of 0 lasts as long as ctx does, one below 0
// tries once.
func hold[Req any](ctx context.Context, seen *session, l *Lease, take api.Method[Req, api.LockGrant], give api.Method[api.LockReleaseRequest, api.Empty],
	wait time.Duration, ticket string, request func(ticket string, wait api.Duration) (name string, req *Req),
) (*Held, error) {
	named, over := ticket != "", time.Now().Add(wait)
	for {
		if !named {
			ticket = nuid.Next()
		}
		round := roundOf(ctx, wait)
		name, req := request(ticket, api.Duration(round))
		grant, strays, err := waitFor(ctx, l, take, ticket, req, isTransient,
			func(ctx context.Context) (bool, time.Duration) { return unheard(ctx, l.conn, name, ticket) })
		if err == nil {
			seen.wrote(grant.Revision)
			held := &Held{Token: grant.Token, Ticket: ticket, name: name, lease: l, give: give, strays: strays}
			held.ctx, held.release = context.WithCancel(l.ctx)
			return held, nil
		}
		if mayHold(err) {
			giveBackLater(l, give, name, ticket)
		}
		if lost := l.Err(); lost != nil {
			return nil, lost
		}
		// A wait of an hour is the most that one request may ask for: whoever has more time queues again.
		again := wait >= 0 && round == longest && api.ReasonOf(err) == api.ReasonLockHeld
		if named || !again || wait > 0 && time.Now().After(over) || !pause(ctx, lastPause) {
			return nil, err
		}
	}
}

// mayHold tells whether a request that failed may have left its ticket behind.
func mayHold(err error) bool {
	switch api.CodeOf(err) {
	case api.Unavailable, api.DeadlineExceeded, api.Cancelled:
		return true
	}
	return isAmbiguous(err)
}

// front is how many tickets at the head of a queue look often.
const front = 8

// unheard tells whether a ticket holds its lock, or is not in its queue, although its request still waits: then whoever had the
// request may be gone.
func unheard(ctx context.Context, conn *rpc.Conn, name, ticket string) (gone bool, next time.Duration) {
	lock, err := rpc.Call(ctx, conn, api.LocksGet, &api.GetRequest{ID: name})
	if err != nil {
		return api.ReasonOf(err) == api.ReasonLockNotFound, late
	}
	before := 0
	for _, t := range lock.Tickets {
		switch {
		case t.ID == ticket && before < front:
			return t.Granted, soon
		case t.ID == ticket:
			return t.Granted, late
		case !t.Granted:
			before++
		}
	}
	return true, soon
}
