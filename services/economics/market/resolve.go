package market

import (
	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
)

// payAccounts is how many accounts with shares one command pays.
const payAccounts = 1000

func resolve(a *act.Act, d *Draft, r *api.MarketResolveRequest) (*api.Market, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	m, err := d.edit(r.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Maker == nil:
		return nil, wrongType(m)
	case a.Principal != m.Owner && a.Principal != m.Spec.Oracle && !a.Operator:
		return nil, api.Errorf(api.PermissionDenied, "the outcome of market %s is named by its oracle or its owner", r.ID).WithReason(api.ReasonNotOracle)
	case m.Maker.Payouts != nil:
		return nil, api.Errorf(api.FailedPrecondition, "the outcome of market %s is known", r.ID).WithReason(api.ReasonMarketResolved)
	case r.Outcome > len(m.Spec.Outcomes):
		return nil, api.Errorf(api.Invalid, "the outcomes of market %s are numbered from 1 to %d", r.ID, len(m.Spec.Outcomes)).
			WithReason(api.ReasonInvalidOutcome).WithFields("outcome")
	}
	if m.State == api.MarketOpen {
		if err := d.close(a, m); err != nil {
			return nil, err
		}
	}
	k := m.Maker
	k.Outcome, k.Note = r.Outcome, r.Note
	m.State, k.Payouts = m.payouts(r.Outcome)
	if err := fund(a, m); err != nil {
		return nil, err
	}
	if err := step(a, m, StepResolved, Resolved{r.Outcome, r.Void, r.Note, k.Shares, k.Payouts}); err != nil {
		return nil, err
	}
	if err := d.pay(a, m); err != nil {
		return nil, err
	}
	return d.view(m), nil
}

// payouts are what one share of each outcome is paid: one unit for the one that came true, or without any the last prices.
func (m *Market) payouts(outcome int) (api.MarketState, []api.Micro) {
	if outcome == 0 {
		return api.MarketVoid, m.maker().FloorPrices()
	}
	payouts := make([]api.Micro, len(m.Maker.Shares))
	payouts[outcome-1] = unit
	return api.MarketResolved, payouts
}

// fund has the pool hold exactly what all shares are paid: what it lacks comes out of the stake, and the rest of both goes to the owner.
func fund(a *act.Act, m *Market) error {
	id, k := m.Spec.ID, m.Maker
	var due api.Micro
	for i, q := range k.Shares {
		due += k.Payouts[i] * api.Micro(q)
	}
	why := ledger.Why{Kind: "settlement", Ref: Entity(id)}
	var err error
	switch {
	case due > k.Pool:
		err = a.Ledger.Capture(Entity(id), PoolAccount(), due-k.Pool, why)
	case due < k.Pool:
		err = a.Ledger.Transfer(PoolAccount(), api.Account(m.Owner, "", ""), k.Pool-due, why)
	}
	a.Ledger.Release(Entity(id))
	k.Pool = due
	return err
}

// pay pays accounts with shares, as many as fit into a command, and ends the market when there are no more shares.
func (d *Draft) pay(a *act.Act, m *Market) error {
	k := m.Maker
	for n := 0; k.PaidOutcomes < len(k.Shares); k.PaidOutcomes, k.PaidAccounts = k.PaidOutcomes+1, 0 {
		asset, _ := a.Ledger.Asset(ShareAsset(m.Spec.ID, k.PaidOutcomes+1))
		for ; k.PaidAccounts < len(asset.Accounts); k.PaidAccounts++ {
			if n == payAccounts {
				a.At(Entity(m.Spec.ID)+"/pay", a.Time)
				return nil
			}
			n++
			id := asset.Accounts[k.PaidAccounts]
			_, _, _ = payOut(a, m, id.Owner(), id.Purpose(), k.PaidOutcomes) // who cannot be paid now redeems the shares later
		}
	}
	return d.finish(a, m)
}

// payOut pays the shares in an outcome, by its place, that an account has available, in whole millionths rounded down.
func payOut(a *act.Act, m *Market, owner, purpose string, outcome int) (shares, paid api.Micro, err error) {
	id := api.Account(owner, purpose, ShareAsset(m.Spec.ID, outcome+1))
	if shares, _ = a.Ledger.Balance(id); shares <= 0 {
		return 0, 0, nil
	}
	why := ledger.Why{Kind: "payout", Ref: Entity(m.Spec.ID)}
	if paid = ledger.Share(shares, api.Decimal(m.Maker.Payouts[outcome])); paid > 0 {
		if err := a.Ledger.Transfer(PoolAccount(), api.Account(owner, purpose, ""), paid, why); err != nil {
			return 0, 0, err
		}
		m.Maker.Pool -= paid
	}
	return shares, paid, a.Ledger.Redeem(id, shares, why)
}

// finish ends the market when all shares are paid. What rounding has left in the pool goes to the owner.
func (d *Draft) finish(a *act.Act, m *Market) error {
	id := m.Spec.ID
	for i := range m.Maker.Shares {
		if left, _ := a.Ledger.Balance(ledger.IssueAccount(ShareAsset(id, i+1))); left != 0 {
			return nil // held by an order elsewhere, for example: redeem pays it later
		}
	}
	if rest := m.Maker.Pool; rest > 0 {
		m.Maker.Pool = 0
		if err := a.Ledger.Transfer(PoolAccount(), api.Account(m.Owner, "", ""), rest, ledger.Why{Kind: "settlement", Ref: Entity(id)}); err != nil {
			return err
		}
	}
	for i := range m.Maker.Shares {
		if err := a.Ledger.Retire(ShareAsset(id, i+1)); err != nil {
			return err
		}
	}
	a.Ended(Entity(id))
	return nil
}

func redeem(a *act.Act, d *Draft, r *api.MarketRedeemRequest) (*api.MarketRedeemResponse, error) {
	owner, purpose, err := trader(a, r.Account)
	if err != nil {
		return nil, err
	}
	m, err := d.edit(r.Market)
	if err != nil {
		return nil, err
	}
	if m.Maker == nil {
		return nil, wrongType(m)
	}
	if m.Maker.Payouts == nil {
		return nil, api.Errorf(api.FailedPrecondition, "the outcome of market %s is not known yet", r.Market).WithReason(api.ReasonMarketOpen)
	}
	answer := &api.MarketRedeemResponse{Market: r.Market, Shares: make([]int64, len(m.Maker.Shares))}
	found := false
	for i := range m.Maker.Shares {
		shares, paid, err := payOut(a, m, owner, purpose, i)
		if err != nil {
			return nil, err
		}
		answer.Shares[i] = int64(shares / unit)
		answer.Paid += paid
		found = found || shares > 0
	}
	if !found {
		return answer, nil
	}
	if err := step(a, m, StepRedeemed, Redeemed{api.Account(owner, purpose, ""), answer.Shares, answer.Paid}); err != nil {
		return nil, err
	}
	if m.Maker.PaidOutcomes < len(m.Maker.Shares) { // those who are paid without asking are not through
		return answer, nil
	}
	return answer, d.finish(a, m)
}
