package budgets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// nonceLength makes the id of a hold one that nobody guesses, in characters of 5 bits.
const nonceLength = 16

// What events tell of: mabus.budgets.<what>.
const (
	eventSet     = "set"
	eventRemoved = "removed"
	eventRefused = "refused" // of a first cap, whose money could not be held
)

// Set sets a cap and lets the calls try again that the old one has stopped. With cause.RequestID it happens once. Where an account pays,
// what the cap lets be spent is held there first: then it is failed_precondition (insufficient_funds), permission_denied (not_owner), and
// unavailable if the ledger does not answer.
func (s *Store) Set(ctx context.Context, cause api.Cause, r *api.BudgetSetRequest) (*api.Budget, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	key := api.BudgetKey{Scope: r.Scope, ID: r.ID}
	hold := spend.HoldID(key, rand.Text()[:nonceLength])
	res, err := s.change(ctx, cause, key, func(old *spend.Account, now time.Time) (*spend.Account, string, error) {
		next := spend.New(key)
		if old != nil {
			next = old.Clone()
		}
		err := next.Order(cause.Principal, r, hold, old == nil, now)
		if next.Ask != nil { // it counts when the money is held
			return next, "", err
		}
		return next, eventSet, err
	})
	if err != nil {
		return nil, fmt.Errorf("set the budget of %s: %w", spend.Title(key), err)
	}
	if res.Value.Account == "" && res.Value.Ask == nil {
		return answer(res.Value, res.Token), nil
	}
	ask := ""
	if res.Value.Ask != nil {
		ask = res.Value.Ask.Hold
	}
	mine := ""
	if ask == hold { // else this is a repetition, and the answer that of the first time
		mine = ask
	}
	now, err := s.carryOn(ctx, key, mine)
	switch {
	case err != nil:
		return nil, err
	case now.Value == nil:
		return nil, notFound(key)
	case ask != "" && !now.Value.Has(ask):
		return nil, api.Errorf(api.FailedPrecondition, "the money of this request could not be held, or was settled since: look at the budget of %s, and send a new request",
			spend.Title(key)).WithReason(api.ReasonBudgetUnfunded)
	}
	return answer(now.Value, now.Token), nil
}

// Settle pays what was spent out of what is held, and gives back what no call needs that has not ended.
func (s *Store) Settle(ctx context.Context, cause api.Cause, k *api.BudgetKey) (*api.Budget, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, api.Cause{}, *k, func(old *spend.Account, _ time.Time) (*spend.Account, string, error) {
		if old == nil {
			return nil, "", notFound(*k)
		}
		if err := old.MayChange(cause.Principal); err != nil {
			return nil, "", err
		}
		if old.Account == "" && old.Ask == nil || old.Settling {
			return old, "", nil
		}
		next := old.Clone()
		next.Close(false)
		return next, "", nil
	}); err != nil {
		return nil, err
	}
	res, err := s.carryOn(ctx, *k, "")
	if err != nil {
		return nil, err
	}
	if res.Value == nil {
		return nil, notFound(*k)
	}
	return answer(res.Value, res.Token), nil
}

// Remove lifts a cap and forgets what was spent under it, once that is paid, if money is held for it.
func (s *Store) Remove(ctx context.Context, cause api.Cause, k *api.BudgetKey) error {
	if err := k.Validate(); err != nil {
		return err
	}
	res, err := s.change(ctx, cause, *k, func(old *spend.Account, _ time.Time) (*spend.Account, string, error) {
		if old == nil {
			return nil, "", nil
		}
		if old.Held > 0 {
			if err := old.MayChange(cause.Principal); err != nil {
				return nil, "", err
			}
		}
		next := old.Clone()
		if next.Close(true); !next.Gone {
			return nil, eventRemoved, nil
		}
		return next, "", nil
	})
	if err != nil || res.Value == nil {
		return err
	}
	_, err = s.carryOn(ctx, *k, "")
	return err
}

// change makes a change when nothing is under way in the ledger.
func (s *Store) change(ctx context.Context, cause api.Cause, k api.BudgetKey, rule kv.Rule[spend.Account]) (kv.Result[spend.Account], error) {
	for {
		res, err := s.table.Update(ctx, cause, keyOf(k), rule)
		if !errors.Is(err, spend.ErrBusy) {
			return res, err
		}
		if _, err := s.carryOn(ctx, k, ""); err != nil {
			return res, err
		}
	}
}
