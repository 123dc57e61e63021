package budgets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Spent is the account into which is paid what was spent.
var Spent = api.Account(spend.Collector, "spent", "")

// backTo is the account through which money goes back when a hold becomes smaller, which the ledger knows only as paying a part of it.
// Whatever is there belongs to the account.
func backTo(account api.AccountID) api.AccountID {
	sum := sha256.Sum256([]byte(account))
	return api.Account(spend.Collector, "back-"+hex.EncodeToString(sum[:12]), "")
}

// take carries out a step. How far it was carried out before is told by what the hold has left.
func (s *Store) take(ctx context.Context, k api.BudgetKey, a *spend.Account) error {
	step := a.Step
	short, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	if err := s.step("planned"); err != nil {
		return err
	}
	conn := s.conn.WithPrincipal(spend.Collector)
	h, err := rpc.Call(short, conn, api.HoldsGet, &api.HoldKey{ID: step.Hold})
	if api.ReasonOf(err) == api.ReasonHoldNotFound { // it has expired, or the step was carried out, if that leaves nothing
		return s.crossOut(ctx, k, step.Number, step.Left() > 0 || time.Now().After(step.Until))
	}
	if err != nil {
		return ledgerAway(err)
	}
	left, revision := h.Amount, h.Revision
	switch left {
	case step.Amount, step.Amount - step.Pay, step.Left():
	default:
		return s.differs(ctx, k, step, left)
	}
	pay := func(what string, amount api.Micro, to api.AccountID) error {
		again := rpc.WithRequestID(short, fmt.Sprintf("%s-%s%d", step.Hold, what, step.Number))
		resp, err := rpc.Call(again, conn, api.HoldsCapture, &api.HoldCaptureRequest{ID: step.Hold, To: to, Amount: amount, Note: notePrefix + keyOf(k)})
		if err != nil {
			return err
		}
		left, revision = left-amount, resp.Revision
		return s.step(what)
	}
	if left == step.Amount && step.Pay > 0 {
		err = pay("paid", step.Pay, Spent)
	}
	switch {
	case err != nil || left != step.Amount-step.Pay || step.Back == 0:
	case step.Left() > 0:
		err = pay("back", step.Back, backTo(a.Account))
	default:
		if err = s.release(short, step.Hold); err == nil {
			left, err = 0, s.step("back")
		}
	}
	switch api.ReasonOf(err) {
	case api.ReasonHoldNotFound, api.ReasonHoldTooSmall: // another host was faster
		return nil
	}
	if err == nil && step.Back > 0 && left > 0 {
		err = s.giveBack(short, a.Account, revision)
	}
	if err != nil {
		return err
	}
	return s.crossOut(ctx, k, step.Number, false)
}

// differs deals with a hold that has what no part of the step leaves: more, if the replica that was asked is behind; else somebody has
// taken from it, which only an operator can, and the budget gives up the rest.
func (s *Store) differs(ctx context.Context, k api.BudgetKey, step *spend.Step, left api.Micro) error {
	if left < step.Amount {
		if err := s.release(ctx, step.Hold); err != nil {
			return err
		}
		return s.crossOut(ctx, k, step.Number, true)
	}
	select {
	case <-ctx.Done():
		return api.Errorf(api.Unavailable, "hold %s is seen as it was, with %d millionths: try again", step.Hold, left).WithReason(api.ReasonDependencyDown)
	case <-time.After(behind):
		return nil
	}
}

// behind is how long a replica gets to catch up.
const behind = 20 * time.Millisecond

// release gives a hold back that may be gone already.
func (s *Store) release(ctx context.Context, hold string) error {
	_, err := rpc.Call(ctx, s.conn.WithPrincipal(spend.Collector), api.HoldsRelease, &api.HoldKey{ID: hold})
	if api.ReasonOf(err) == api.ReasonHoldNotFound {
		return nil
	}
	return err
}

// giveBack sends an account all that is on the way back to it.
func (s *Store) giveBack(ctx context.Context, to api.AccountID, revision string) error {
	conn, from := s.conn.WithPrincipal(spend.Collector), backTo(to)
	for {
		there, err := rpc.Call(ctx, conn, api.AccountsGet, &api.AccountGetRequest{Account: from, MinRevision: revision})
		if err != nil || there.Available <= 0 {
			return err
		}
		resp, err := rpc.Call(ctx, conn, api.AccountsTransfer, &api.TransferRequest{From: from, To: to, Amount: there.Available, Note: "rest of a budget"})
		switch {
		case err == nil:
			revision = resp.Revision
		case api.ReasonOf(err) != api.ReasonInsufficientFunds: // another host was faster
			return err
		}
		if err := s.step("given back"); err != nil {
			return err
		}
	}
}

func (s *Store) crossOut(ctx context.Context, k api.BudgetKey, number uint64, lost bool) error {
	_, err := s.table.Update(ctx, api.Cause{}, keyOf(k), func(old *spend.Account, _ time.Time) (*spend.Account, string, error) {
		if old == nil {
			return nil, "", nil
		}
		next := old.Clone()
		if !next.Done(number, lost) {
			return old, "", nil
		}
		return next, "", nil
	})
	if err != nil {
		return err
	}
	return s.step("crossed out")
}
