package lock

import (
	"context"
	"sync"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
)

// Held is a lock that this process holds by its own lease.
type Held struct {
	store *Store
	lease *lease.Lease
	line  *line
	watch *watch
	grant api.LockGrant
	owner string

	ctx  context.Context
	end  context.CancelCauseFunc
	undo []func() bool // the ties to the lease and the store

	mu       sync.Mutex
	released bool
}

// Lock is Acquire for a process with a lease of its own: r.Lease is taken from it. A ticket that is named is for this one call:
// when that ends with an error, the ticket is taken back in the background, granted or not. What is held must be released, also
// after it was lost.
func (s *Store) Lock(ctx context.Context, own *lease.Lease, r Request) (*Held, error) {
	r.Lease = own.ID()
	if err := r.complete(); err != nil {
		return nil, err
	}
	l, err := s.use(r.Name, maxUsers)
	if err != nil {
		return nil, err
	}
	grant, err := s.acquireUnder(ctx, own, l, &claim{Request: r, own: true})
	if err != nil {
		s.leave(l)
		return nil, err
	}
	h := &Held{store: s, lease: own, line: l, grant: *grant, owner: r.Owner}
	h.ctx, h.end = context.WithCancelCause(context.WithoutCancel(ctx))
	gone := func() { h.end(lost(l.name)) }
	h.undo = []func() bool{context.AfterFunc(own.Context(), gone), context.AfterFunc(s.closing, gone)}
	h.watch = s.watch(l, r.Ticket, h.told)
	return h, nil
}

// acquireUnder stops waiting when the lease ends.
func (s *Store) acquireUnder(ctx context.Context, own *lease.Lease, l *line, c *claim) (*api.LockGrant, error) {
	if !own.Held() {
		return nil, lost(l.name)
	}
	if c.Wait == 0 {
		return s.acquire(ctx, l, c)
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(own.Context(), cancel)()
	grant, err := s.acquire(limited, l, c)
	if err != nil && !own.Held() {
		return nil, lost(l.name)
	}
	return grant, err
}

func (h *Held) told(p place) {
	if p == gone {
		h.end(lost(h.grant.Name))
	}
}

// Ticket returns the ticket that holds the lock.
func (h *Held) Ticket() string { return h.grant.Ticket }

// Token returns the fencing token: greater than that of every holder before.
func (h *Held) Token() uint64 { return h.grant.Token }

// Context ends, fenced (lock_lost) by its cause, when the lease ends, when the ticket is seen to be gone, when the Store is
// closed, and with Release: before anybody else can hold the lock.
func (h *Held) Context() context.Context { return h.ctx }

// Holds tells whether the lock is held at this moment. Unlike Context it needs no timer to have fired, so it is right also
// just after the process was stopped for a while.
func (h *Held) Holds() bool { return h.ctx.Err() == nil && h.lease.Held() }

// Release ends Context and gives the lock back. A ticket that was lost is fenced (lock_lost). If it fails otherwise, it can be
// called again; after it succeeded it does nothing.
func (h *Held) Release(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch != nil {
		for _, f := range h.undo {
			f()
		}
		h.end(lost(h.grant.Name))
		h.store.unwatch(h.line, h.watch)
		h.store.leave(h.line)
		h.watch = nil
	}
	if h.released {
		return nil
	}
	err := h.store.Release(ctx, h.grant.Name, h.grant.Ticket, h.owner)
	h.released = err == nil
	return err
}
