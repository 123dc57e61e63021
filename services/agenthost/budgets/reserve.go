package budgets

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
)

// Call is a call before it is made.
type Call = spend.Call

// undoTimeout is how long a refused or abandoned call tries to give back what it has reserved.
const undoTimeout = 2 * time.Second

// Reservation is a call's place in the budgets that it counts in. It is to be settled, or released, whatever becomes of the
// call.
type Reservation struct {
	store *Store
	call  string
	keys  []string // of the budgets that exist
	doubt string   // the one of them of which nobody knows whether the call is in it, or ""
}

// Reserve reserves the most that a call may cost in every budget that it counts in, all or none. Where none has a cap that is
// one look at the store. It is
//   - failed_precondition (budget_exhausted) if what is spent leaves no room,
//   - overloaded (budget_reserved) if only calls that have not ended are in the way,
//   - unavailable (store_unavailable) if the store could not be asked before ctx ended: the call must not be made.
func (s *Store) Reserve(ctx context.Context, c Call) (*Reservation, error) {
	return s.reserve(ctx, c, (*spend.Account).Reserve)
}

// Enter gives a call that was made without a reservation its place in the budgets, whatever their caps say, so that Settle counts
// what it has cost. It may be called again after an error, with the same call.
func (s *Store) Enter(ctx context.Context, c Call) (*Reservation, error) {
	return s.reserve(ctx, c, func(a *spend.Account, call string, _ api.Micro, now, until time.Time) (bool, error) {
		return a.Enter(call, now, until)
	})
}

func (s *Store) reserve(ctx context.Context, c Call, in func(a *spend.Account, call string, most api.Micro, now, until time.Time) (bool, error)) (*Reservation, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	keys, err := s.capped(ctx, c)
	if err != nil {
		return nil, err
	}
	r := &Reservation{store: s, call: c.ID}
	for _, key := range keys {
		exists, err := s.begin(ctx, key, func(a *spend.Account, now time.Time) (bool, error) {
			if a == nil {
				return false, nil // removed just now
			}
			return in(a, c.ID, c.Max, now, c.Until(now))
		}).finish()
		if exists && err == nil || maybe(err) {
			r.keys = append(r.keys, key)
		}
		if maybe(err) {
			r.doubt = key
		}
		if err == nil {
			err = s.step("reserved " + key)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, errDied) {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
			defer cancel()
			_ = r.Release(undo) // what remains counts as reserved until the call's time has run out
		}
		return nil, err
	}
	return r, nil
}

// errDied is how tests end a process in the middle.
var errDied = errors.New("budgets: the process has ended here")

// capped returns the keys of the call's budgets that exist.
func (s *Store) capped(ctx context.Context, c Call) ([]string, error) {
	all := c.Keys()
	looks := make([]*work, len(all))
	for i, k := range all {
		looks[i] = s.begin(ctx, keyOf(k), func(*spend.Account, time.Time) (bool, error) { return false, nil })
	}
	var keys []string
	for i, look := range looks {
		exists, err := look.finish()
		if err != nil {
			return nil, err
		}
		if exists {
			keys = append(keys, keyOf(all[i]))
		}
	}
	return keys, nil
}

func maybe(err error) bool {
	e := api.AsError(err)
	return e != nil && e.Details.MaybeExecuted
}

// Settle spends what the call has cost instead of what it had reserved. It may be called again, with the same usage: after an
// error, which is unavailable, it should be, with a ctx that gives the store time to come back. What was never settled stays
// reserved, and later counts as spent at its maximum.
func (r *Reservation) Settle(ctx context.Context, used api.Usage) error {
	if err := used.Validate(); err != nil {
		return err
	}
	return r.end(ctx, "settled ", func(a *spend.Account) bool { return a.Settle(r.call, used) })
}

// Release takes the reservation back, for a call that was not made. It may be called again, as Settle may.
func (r *Reservation) Release(ctx context.Context) error {
	return r.end(ctx, "released ", func(a *spend.Account) bool { return a.Release(r.call) })
}

func (r *Reservation) end(ctx context.Context, step string, f func(*spend.Account) bool) error {
	ends := make([]*work, len(r.keys))
	for i, key := range r.keys {
		ends[i] = r.store.begin(ctx, key, func(a *spend.Account, _ time.Time) (bool, error) {
			// The reservation may still be on its way where it is not found: a write, of the same record, keeps it out.
			return a != nil && (f(a) || key == r.doubt), nil
		})
	}
	var errs []error
	for i, w := range ends {
		_, err := w.finish()
		if err == nil {
			err = r.store.step(step + r.keys[i])
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
