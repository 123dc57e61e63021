package budgets

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// ledgerTime bounds one operation in the ledger: no request for it is sent later, so that who finds it undone may repeat it.
const ledgerTime = 5 * time.Second

// notePrefix begins what the ledger notes for a hold; the key of the budget follows.
const notePrefix = "budget/"

// carryOn carries out what is to be done for a budget in the ledger, also what others have left, and returns it as it is then. With the
// hold that the caller has asked for, it is an error that that cannot be had; what others have asked for is their concern.
func (s *Store) carryOn(ctx context.Context, k api.BudgetKey, mine string) (kv.Result[spend.Account], error) {
	for {
		res, err := s.table.Update(ctx, api.Cause{}, keyOf(k), func(old *spend.Account, now time.Time) (*spend.Account, string, error) {
			if old == nil {
				return nil, "", nil
			}
			next := old.Clone()
			switch changed, gone := next.Plan(now); {
			case gone:
				return nil, eventRemoved, nil
			case !changed:
				return old, "", nil
			}
			return next, "", nil
		})
		switch a := res.Value; {
		case err != nil || a == nil || a.Ask == nil && a.Step == nil:
			return res, err
		case a.Ask != nil:
			err = s.ask(ctx, k, *a.Ask, a.Ask.Hold == mine)
		default:
			err = s.take(ctx, k, a)
		}
		if err != nil {
			return res, err
		}
	}
}

// ask makes a hold in the name of who pays, and lets the cap count.
func (s *Store) ask(ctx context.Context, k api.BudgetKey, ask spend.Ask, mine bool) error {
	if err := s.step("asked"); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	var err error
	if !mine && ask.Stale(time.Now()) { // nobody waits for it any more: it is not to be made, but may have been
		_, err = rpc.Call(short, s.conn.WithPrincipal(spend.Collector), api.HoldsGet, &api.HoldKey{ID: ask.Hold})
	} else {
		who := ask.Account.Owner()
		if ask.Allowance != "" {
			who = spend.Collector
		}
		_, err = rpc.Call(rpc.WithRequestID(short, ask.Hold), s.conn.WithPrincipal(who), api.HoldsCreate, &api.HoldCreateRequest{
			ID: ask.Hold, Account: ask.Account, Amount: ask.Amount, Beneficiary: spend.Collector, Allowance: ask.Allowance,
			ExpiresIn: api.Duration(spend.HoldTime), Note: notePrefix + keyOf(k),
		})
	}
	if err == nil || api.ReasonOf(err) == api.ReasonHoldExists {
		if err := s.step("held"); err != nil {
			return err
		}
		return s.granted(ctx, k, ask.Hold)
	}
	if api.ReasonOf(err) == api.ReasonNotGranted {
		err = api.Errorf(api.PermissionDenied, "%s has credentials of its own, so no agent host holds money in its name: set an allowance of the account for the spender %s, and name it (--allowance)",
			ask.Account.Owner(), spend.Collector).WithReason(api.ReasonNotGranted).WithFields("allowance")
	}
	if !refused(err, mine) {
		return ledgerAway(err)
	}
	if _, failed := s.table.Update(ctx, api.Cause{}, keyOf(k), func(old *spend.Account, _ time.Time) (*spend.Account, string, error) {
		if old == nil {
			return nil, "", nil
		}
		next := old.Clone()
		switch left, changed := next.Denied(ask.Hold); {
		case !changed:
			return old, "", nil
		case !left: // it never counted
			return nil, eventRefused, nil
		}
		return next, "", nil
	}); failed != nil {
		return failed
	}
	if !mine {
		return nil
	}
	return ledgerAway(err)
}

// granted lets the cap count, or gives the money back if nobody waits for it any more.
func (s *Store) granted(ctx context.Context, k api.BudgetKey, hold string) error {
	ours := false
	if _, err := s.table.Update(ctx, api.Cause{}, keyOf(k), func(old *spend.Account, _ time.Time) (*spend.Account, string, error) {
		if ours = false; old == nil {
			return nil, "", nil
		}
		next := old.Clone()
		var changed bool
		if ours, changed = next.Granted(hold); !changed {
			return old, "", nil
		}
		return next, eventSet, nil
	}); err != nil {
		return err
	}
	if ours {
		return s.step("granted")
	}
	return s.release(ctx, hold)
}

// refused tells whether a hold was not made for certain. What the transport says counts only for who has asked first: an attempt before
// may have got through.
func refused(err error, mine bool) bool {
	switch e := api.AsError(err); api.CodeOf(err) {
	case api.Invalid, api.NotFound, api.Conflict, api.FailedPrecondition, api.PermissionDenied, api.Unauthenticated, api.Unimplemented:
		return true
	case api.Unavailable, api.Overloaded:
		return mine && e != nil && !e.Details.MaybeExecuted
	}
	return false
}

// ledgerAway says how to go on without the service that has the ledger; other errors stay what they are.
func ledgerAway(err error) error {
	if api.ReasonOf(err) != api.ReasonNobodyListens {
		return err
	}
	return api.Errorf(api.Unavailable, "nobody keeps the accounts: start the economics service (`mabus serve economics`), or set the cap without an account").
		WithReason(api.ReasonNobodyListens)
}
