package desk

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

// EndedTimer follows the origin of a contract in the key of the timer that tells the origin's domain of the end, if the contract says
// Notify. The contract stays until its origin has called Noted.
const EndedTimer = "/ended"

// Verdict is what is said of a delivery.
type Verdict struct {
	// Quality is the guarantee unless given, Satisfaction the quality.
	Quality, Satisfaction *api.Decimal
	// By is the principal who judges; "" is the clock.
	By, Reason string
}

// Open opens a contract whose hold is there already and covers the price: failed_precondition (insufficient_contract_hold) otherwise,
// and the errors of contract.Draft.Open. What the hold has beyond price and bonuses goes back to the buyer when the contract ends.
func Open(a *act.Act, c api.Contract) error {
	if held, _, _ := a.Ledger.Held(c.Hold); held < c.Price {
		return api.Errorf(api.FailedPrecondition, "%s is held for contract %s, its price is %s", held, c.ID, c.Price).WithReason(api.ReasonUnsecured)
	}
	if err := a.Contracts.Open(a.Time, c); err != nil {
		return err
	}
	opened, err := a.Contracts.Get(c.ID)
	if err != nil {
		return err
	}
	a.Opened(contract.Entity(c.ID))
	alarm(a, opened)
	return nil
}

// alarm has the clock look at the contract when it is due, and no more when it has ended.
func alarm(a *act.Act, c *api.Contract) { a.At(contract.Entity(c.ID), c.Due) }

// Deliver notes that a contract is delivered and has the buyer judge it in time: failed_precondition (already_delivered, contract_ended).
func Deliver(a *act.Act, id string, result []byte) (*api.Contract, error) {
	c, err := a.Contracts.Live(id)
	if err != nil {
		return nil, err
	}
	if c.State != api.ContractOpen {
		return nil, api.Errorf(api.FailedPrecondition, "contract %s is %s", id, c.State).WithReason(api.ReasonAlreadyDelivered)
	}
	c.State, c.DeliveredAt, c.Result, c.Due = api.ContractDelivered, a.Time, result, a.Time.Add(c.Terms.Judging.Std())
	wake(a, c)
	alarm(a, c)
	return c, nil
}

// Fulfil settles a contract as accepted: payment from the hold, the rest back, and the provider's reputation. One that was not delivered
// is delivered by it.
func Fulfil(a *act.Act, id string, v Verdict) (*api.Contract, error) {
	c, err := a.Contracts.Live(id)
	if err != nil {
		return nil, err
	}
	if c.DeliveredAt.IsZero() {
		c.DeliveredAt = a.Time
	}
	o := api.ContractOutcome{Quality: c.Terms.QualityGuarantee, By: v.By, Reason: v.Reason}
	if v.Quality != nil {
		o.Quality = *v.Quality
	}
	o.Satisfaction = o.Quality
	if v.Satisfaction != nil {
		o.Satisfaction = *v.Satisfaction
	}
	held, _, _ := a.Ledger.Held(c.Hold)
	score := a.Reputation.Score(c.Provider, c.Domain, a.Time)
	o.Settlement = contract.Settle(c, o.Quality, score, held)
	return c, end(a, c, api.ContractFulfilled, o)
}

// Breach settles a contract that the provider has not kept: the buyer has the money back, and it counts as quality 0.
func Breach(a *act.Act, id, by, reason string) (*api.Contract, error) {
	c, err := a.Contracts.Live(id)
	if err != nil {
		return nil, err
	}
	held, _, _ := a.Ledger.Held(c.Hold)
	return c, end(a, c, api.ContractBreached, api.ContractOutcome{By: by, Reason: reason, Settlement: contract.Refund(held)})
}

// Cancel ends a contract by agreement: the buyer has the money back, and nobody's reputation changes.
func Cancel(a *act.Act, id, by, reason string) (*api.Contract, error) {
	c, err := a.Contracts.Live(id)
	if err != nil {
		return nil, err
	}
	held, _, _ := a.Ledger.Held(c.Hold)
	return c, end(a, c, api.ContractCancelled, api.ContractOutcome{By: by, Reason: reason, Settlement: contract.Refund(held)})
}

// end is the one way out of a contract: once, since Live has let it through.
func end(a *act.Act, c *api.Contract, state api.ContractState, o api.ContractOutcome) error {
	if err := pay(a, c, o.Settlement); err != nil {
		return err
	}
	if state != api.ContractCancelled {
		r := reputation.Record{
			Agent: c.Provider, Domain: c.Domain, By: c.Buyer, Ref: contract.Entity(c.ID), Stake: c.Price, Fee: o.Settlement.Fee,
			Quality: o.Quality, Satisfaction: o.Satisfaction, CostEfficiency: contract.Value(c, o.Quality, o.Settlement.Paid),
		}
		if !c.DeliveredAt.IsZero() {
			r.Duration = api.Duration(c.DeliveredAt.Sub(c.OpenedAt))
		}
		err := a.Reputation.Record(a.Time, r)
		if err != nil { // a guard of reputation does not keep anybody's money
			o.Unrecorded = api.AsError(err).Message
		}
	}
	a.Contracts.End(a.Time, c, state, o)
	wake(a, c)
	alarm(a, c)
	if c.Notify {
		a.At(c.Origin+EndedTimer, a.Time)
	} else {
		a.Ended(contract.Entity(c.ID))
	}
	return nil
}

// Noted returns a contract that has ended, for its origin to take note of, and lets it go. The timer may come again: only the first time
// counts, which the origin must know by what it has noted.
func Noted(a *act.Act, id string) (*api.Contract, bool) {
	c, err := a.Contracts.Get(id)
	if err != nil || !c.State.Over() {
		return nil, false
	}
	a.Ended(contract.Entity(id))
	return c, true
}

func wake(a *act.Act, c *api.Contract) {
	a.Changed(contract.Entity(c.ID))
	a.Changed(c.Origin)
}

func pay(a *act.Act, c *api.Contract, s api.ContractSettlement) error {
	if c.Hold == "" {
		return nil
	}
	_, from, ok := a.Ledger.Held(c.Hold)
	if !ok {
		return nil
	}
	asset := from.Asset()
	for _, part := range []struct {
		to     api.AccountID
		amount api.Micro
		kind   string
	}{
		{api.Account(c.Provider, "", asset), s.Paid - s.Fee, "settlement"},
		{api.Account(api.SystemOwner, "fees", asset), s.Fee, "fee"},
	} {
		if part.amount > 0 {
			if err := a.Ledger.Capture(c.Hold, part.to, part.amount, ledger.Why{Kind: part.kind, Ref: contract.Entity(c.ID)}); err != nil {
				return err
			}
		}
	}
	a.Ledger.Release(c.Hold)
	return nil
}

// tryAgain is when the clock comes back to a contract that could not be settled.
const tryAgain = time.Minute

// Timer ends what the time of a contract ends: a delivery that is late is a breach, one that nobody judges is accepted, and a dispute
// that nobody decides stays rejected. When that cannot be paid now, since there is no room for the provider's account, it comes back.
func Timer(a *act.Act, d *contract.Draft, id string) error {
	c, err := d.Get(id)
	if err != nil || c.State.Over() || a.Time.Before(c.Due) {
		return nil //nolint:nilerr // it has ended, and was dropped
	}
	held, _, _ := a.Ledger.Held(c.Hold)
	switch c.State {
	case api.ContractOpen:
		_, err = Breach(a, id, "", "not delivered by "+c.Due.Format(time.RFC3339))
	case api.ContractDelivered:
		_, err = Fulfil(a, id, Verdict{Reason: "not judged in time"})
	default:
		_, err = Breach(a, id, "", "rejected, and not decided in time")
	}
	if left, _, _ := a.Ledger.Held(c.Hold); err != nil && left == held {
		a.At(contract.Entity(id), a.Time.Add(tryAgain))
		return nil
	}
	return err
}

// Drop forgets a contract that is archived.
func Drop(d *contract.Draft, id string) { d.Drop(id) }

// Record returns what the archive keeps of a contract, or nil if there is none.
func Record(d *contract.Draft, id string) any {
	if c, err := d.Get(id); err == nil {
		return c
	}
	return nil
}
