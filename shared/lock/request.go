package lock

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
)

// Request asks for a lock.
type Request struct {
	Name string
	// Kind is mutex unless given.
	Kind api.LockKind
	// Capacity is 1, and api.MaxLockCapacity for an rw lock, unless given.
	Capacity int
	// Takes is the part of the capacity that is wanted; 1 unless given. A writer of an rw lock takes all.
	Takes int
	// Ticket names the ticket; made at random unless given. A name is used once.
	Ticket string
	// Owner is the principal who asks; may be empty.
	Owner string
	// Lease is the process lease that the ticket lives by.
	Lease string
	// Data is what a candidate says of itself.
	Data json.RawMessage
	// Wait is for how long to wait for the grant; 0 tries once.
	Wait time.Duration
}

// complete fills in what may be left out, and refuses what makes no sense.
func (r *Request) complete() error {
	if r.Kind == "" {
		r.Kind = api.LockMutex
	}
	if r.Capacity == 0 {
		r.Capacity = 1
		if r.Kind == api.LockRW {
			r.Capacity = api.MaxLockCapacity
		}
	}
	if r.Takes == 0 {
		r.Takes = 1
	}
	if r.Ticket == "" {
		r.Ticket = nuid.Next()
	}
	if r.Capacity < 1 || r.Capacity > api.MaxLockCapacity || r.Takes < 1 || r.Takes > r.Capacity {
		return api.Errorf(api.Invalid, "a lock has a capacity of 1 to %d, and a ticket takes 1 to all of it", api.MaxLockCapacity).WithFields("capacity", "permits")
	}
	if r.Wait < 0 || len(r.Data) > api.MaxLockData {
		return api.Errorf(api.Invalid, "wait must not be negative, and data has at most %d bytes", api.MaxLockData).WithFields("wait", "data")
	}
	return cmp.Or(api.CheckID("name", r.Name), api.CheckID("ticket", r.Ticket), api.CheckID("lease", r.Lease))
}

func (r *Request) ticket() api.LockTicket {
	return api.LockTicket{ID: r.Ticket, Owner: r.Owner, Lease: r.Lease, Takes: r.Takes, Data: r.Data}
}

// leaseWait bounds the wait for the watcher to hear of what is on record of a lease.
const leaseWait = 2 * time.Second

// needLease refuses what would live by a lease that does not live. It may miss a death that has only just happened: then the
// ticket is swept away.
func (s *Store) needLease(ctx context.Context, id string) error {
	if s.sight.State(id) == lease.Unknown {
		on, err := s.onRecord(ctx, id)
		if err != nil {
			return err
		}
		if on {
			wait, cancel := context.WithTimeout(ctx, leaseWait)
			defer cancel()
			_ = s.sight.Wait(wait, id, lease.Live) // what came of it is asked below
		}
	}
	if s.sight.State(id) != lease.Live {
		return api.Errorf(api.FailedPrecondition, "lease %s does not live: acquire a lease, and keep renewing it", id).WithReason(api.ReasonUnknownLease)
	}
	return nil
}

// onRecord asks the store's leader whether there is a lease, living or dead.
func (s *Store) onRecord(ctx context.Context, id string) (bool, error) {
	e, err := s.leases.Bucket().Get(ctx, id)
	return err == nil && e.Exists(), err
}

// lost is the error of a ticket that is not there any more.
func lost(name string) *api.Error {
	return api.Errorf(api.Fenced, "the ticket of lock %s is gone, because its lease ended or it was given back: stop what you do under it", name).WithReason(api.ReasonLockLost)
}

// ended is the error of a request whose context has ended.
func ended(ctx context.Context, name string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return api.Errorf(api.DeadlineExceeded, "the request for lock %s ran out of time: ask again with more of it", name).WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.Cancelled, "the request for lock %s was given up", name)
}
