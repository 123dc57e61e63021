package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/test/lockcheck"
)

// Locker is a client of locks, to be run as a process of its own.
type Locker struct {
	URL     string `json:"url"`
	Seed    uint64 `json:"seed"`
	Client  int    `json:"client"`
	Journal string `json:"journal"`
}

const (
	glance   = 20 * time.Millisecond // between two looks at whether a lock is still held
	opTime   = 3 * time.Second       // for a cell or a release
	lastTime = 60 * time.Second      // for the last acquisitions together
	permits  = 3                     // of the semaphore
)

// the locks that all clients want. A mutex has a cell of its name.
var locks = []api.LockAcquireRequest{
	{Name: "m0"},
	{Name: "m1"},
	{Name: "rw", Kind: api.LockRW},
	{Name: "sem", Kind: api.LockSemaphore, Capacity: permits},
}

// Run takes locks until in ends, then each lock once more, and returns. It writes all that it does into the journal.
func (l Locker) Run(ctx context.Context, in io.Reader) error {
	file, err := os.OpenFile(l.Journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	c, err := client.Connect(ctx, client.Options{URL: l.URL, Name: fmt.Sprintf("locker %d", l.Client), Wait: true})
	if err != nil {
		return err
	}
	defer c.Close()
	w := &locker{Locker: l, c: c, j: &journal{file: file}, rng: rand.New(rand.NewPCG(l.Seed, uint64(l.Client)))}
	defer func() {
		if w.lease != nil {
			w.lease.Close()
		}
	}()
	busy, finish := context.WithCancel(ctx)
	defer finish()
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, in)
		finish()
	}()
	for busy.Err() == nil {
		w.cycle(busy, locks[w.rng.IntN(len(locks))], w.between(100*time.Millisecond, 5*time.Second))
		rest(busy, w.between(0, 100*time.Millisecond))
	}
	last, cancel := context.WithTimeout(ctx, lastTime)
	defer cancel()
	for _, lock := range locks {
		for !w.cycle(last, lock, lastTime) {
			if last.Err() != nil {
				return fmt.Errorf("lock %s was not to be had within %s; this is lease %s; tickets: %s", lock.Name, lastTime, w.leaseID(), w.tickets(lock.Name))
			}
			rest(last, 50*time.Millisecond)
		}
	}
	w.j.write(entry{Done: true})
	return nil
}

// tickets tells who holds a lock and who waits for it.
func (w *locker) tickets(name string) string {
	ctx, cancel := context.WithTimeout(context.Background(), opTime)
	defer cancel()
	lock, err := w.c.Locks.Get(ctx, name)
	if err != nil {
		return err.Error()
	}
	var all strings.Builder
	for _, t := range lock.Tickets {
		fmt.Fprintf(&all, " %s of lease %s, token %d, granted %t, until %s;", t.ID, t.Lease, t.Token, t.Granted, t.Until)
	}
	return all.String()
}

func (w *locker) leaseID() string {
	if w.lease == nil {
		return "none"
	}
	return w.lease.ID()
}

type locker struct {
	Locker
	c      *client.Client
	j      *journal
	rng    *rand.Rand
	lease  *client.Lease
	values int
}

func (w *locker) between(low, high time.Duration) time.Duration {
	return low + rand64(w.rng, high-low)
}

// cycle takes a lock, works under it and gives it back. It tells whether it had it.
func (w *locker) cycle(ctx context.Context, req api.LockAcquireRequest, wait time.Duration) bool {
	if w.lease == nil || w.lease.Err() != nil {
		if w.lease != nil {
			w.lease.Close()
		}
		var err error
		if w.lease, err = w.c.OpenLease(ctx); err != nil {
			w.lease = nil
			return false
		}
	}
	takes, capacity := 1, 1
	switch req.Kind {
	case api.LockRW:
		req.Shared, capacity = w.rng.IntN(3) > 0, api.MaxLockCapacity
		if !req.Shared {
			takes = capacity
		}
	case api.LockSemaphore:
		takes, capacity = 1+w.rng.IntN(permits), permits
		req.Permits = takes
	}
	o := lockcheck.Op{Kind: lockcheck.Acquire, Lock: req.Name, Takes: takes, Capacity: capacity}
	n := w.j.begin(&o)
	try, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	h, err := w.c.Locks.Acquire(try, w.lease, req)
	o.Return = now()
	if err != nil {
		o.Unknown = true // it asks for nothing, whatever became of it
		w.j.end(n, o)
		return false
	}
	// Who has been stopped between the grant and here may have lost it already, and would then have to know.
	o.Ticket, o.Token, o.OK = h.Ticket, h.Token, true
	o.Unknown = h.Err() != nil
	w.j.end(n, o)
	if o.Unknown {
		w.release(h, req.Name)
		return false
	}
	w.hold(ctx, h, req)
	return true
}

// hold works under a lock and gives it back. Some go on writing to the cell when they have lost it: the cell must refuse that
// once somebody else has opened it.
func (w *locker) hold(ctx context.Context, h *client.Held, req api.LockAcquireRequest) {
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx))
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for watch.Err() == nil && w.look(h, req.Name) {
			rest(watch, glance)
		}
	}()
	if req.Kind == "" {
		w.cell(lockcheck.Open, req.Name, h.Token)
		for range 1 + w.rng.IntN(3) {
			if h.Err() != nil && w.rng.IntN(2) == 0 {
				break
			}
			w.cell([]lockcheck.Kind{lockcheck.Put, lockcheck.Put, lockcheck.Get}[w.rng.IntN(3)], req.Name, h.Token)
		}
	}
	long := 60 * time.Millisecond
	if w.rng.IntN(8) == 0 {
		long = 2 * time.Second
	}
	rest(ctx, w.between(0, long))
	cancel()
	<-watched
	w.release(h, req.Name)
}

// look records that the lock is held, if it is.
func (w *locker) look(h *client.Held, lock string) bool {
	at := now() // before the look: who is stopped in between knows nothing new
	if h.Err() != nil {
		return false
	}
	w.j.write(entry{Held: at, Op: lockcheck.Op{Lock: lock, Ticket: h.Ticket}})
	return true
}

func (w *locker) release(h *client.Held, lock string) {
	w.look(h, lock)
	o := lockcheck.Op{Kind: lockcheck.Release, Lock: lock, Ticket: h.Ticket, Token: h.Token}
	n := w.j.begin(&o)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), opTime)
		err := h.Release(ctx)
		cancel()
		if err == nil || api.CodeOf(err) == api.Fenced || w.lease.Err() != nil {
			w.answer(n, o, err)
			return
		}
	}
}

func (w *locker) cell(kind lockcheck.Kind, name string, token uint64) {
	ctx, cancel := context.WithTimeout(context.Background(), opTime)
	defer cancel()
	o := lockcheck.Op{Kind: kind, Cell: name, Token: token}
	if kind == lockcheck.Put {
		w.values++
		o.Value = fmt.Sprintf("%d-%d", w.Client, w.values)
	}
	n := w.j.begin(&o)
	var cell *api.Cell
	var err error
	switch kind {
	case lockcheck.Open:
		cell, err = w.c.Cells.Open(ctx, name, token)
	case lockcheck.Put:
		_, err = w.c.Cells.Put(ctx, name, token, o.Value)
	default:
		o.Token = 0
		cell, err = w.c.Cells.Get(ctx, name)
	}
	if cell != nil {
		o.Value = text(cell.Value)
	}
	w.answer(n, o, err)
}

// answer records what came of an operation: what was refused has not happened, other errors leave that open.
func (w *locker) answer(n int, o lockcheck.Op, err error) {
	o.Return, o.OK = now(), err == nil
	o.Unknown = err != nil && api.CodeOf(err) != api.Fenced
	w.j.end(n, o)
}

func text(value json.RawMessage) (s string) {
	if len(value) > 0 && codec.Read(value, &s) != nil {
		return string(value)
	}
	return s
}
