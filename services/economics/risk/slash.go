package risk

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Slashed is the account to which goes what was slashed and harmed nobody, and from which it is restored.
var Slashed = api.Account(api.SystemOwner, "slashed", "")

// Slash is what a violation costs: the stake, less what earlier verdicts will take of it, times the rate, rounded down.
func Slash(s *api.Stake, rate api.Decimal) api.Micro { return ledger.Share(s.Total()-s.Pending, rate) }

// slash takes an amount that was pending out of a stake: first to who was harmed, up to the harm, and the rest to Slashed. An
// account of the harmed that cannot be paid to gets nothing.
func (d *Draft) slash(a *act.Act, s *Stake, amount api.Micro, v *Violation) error {
	why, hold := ledger.Why{Kind: "slash", Ref: violationOf(v.ID)}, stakeOf(s.Agent)
	paid := min(amount, v.Harm)
	// First what can be refused before anything has happened.
	if rest := amount - paid; rest > 0 {
		if err := a.Ledger.Capture(hold, Slashed, rest, why); err != nil {
			return err
		}
	}
	if paid > 0 && a.Ledger.Capture(hold, v.Harmed, paid, why) != nil {
		if err := a.Ledger.Capture(hold, Slashed, paid, why); err != nil {
			return err
		}
		paid = 0
	}
	s.take(amount)
	s.Pending -= amount
	s.Slashed += amount
	s.Recoverable += amount - paid
	s.SlashedAt, s.Restored = a.Time, 0
	v.Compensated = paid
	b := d.book()
	b.Staked -= amount
	b.Slashed += amount
	return nil
}

// take lowers what a stake is made of: what is bonded, and then what would be free last.
func (s *Stake) take(amount api.Micro) {
	bonded := min(amount, s.Bonded)
	s.Bonded -= bonded
	amount -= bonded
	for i := len(s.Unbonding) - 1; i >= 0 && amount > 0; i-- {
		part := min(amount, s.Unbonding[i].Amount)
		s.Unbonding[i].Amount -= part
		amount -= part
		if s.Unbonding[i].Amount == 0 {
			s.Unbonding = s.Unbonding[:i]
		}
	}
}

// Recovery is what an agent may get back at a time: from half the period after it was slashed last on, stake * min(1, time/period) * 0.5,
// less what it got back since, and no more than what was slashed, compensated nobody, and was not restored.
func Recovery(s *api.Stake, period time.Duration, now time.Time) api.StakeRecovery {
	r := api.StakeRecovery{Agent: s.Agent, Period: int(period / (24 * time.Hour))}
	if s.SlashedAt.IsZero() {
		return r
	}
	passed := now.Sub(s.SlashedAt)
	r.Days = int(passed / (24 * time.Hour))
	r.Eligible = 2*passed >= period
	if r.Eligible && period > 0 {
		part := fixed.MulDiv(api.Decimal(min(passed, period)/time.Millisecond), api.One, api.Decimal(2*(period/time.Millisecond)))
		r.Share = ledger.Share(s.Total()-s.Restored, part)
		r.Amount = max(min(r.Share-s.Restored, s.Recoverable), 0)
	}
	return r
}

// Recovery is that of an agent: not_found (stake_not_found) if it has, and had, no stake.
func (s *State) Recovery(agent string, now time.Time) (*api.StakeRecovery, error) {
	st, ok := s.Stakes[agent]
	if !ok {
		return nil, noStake(agent)
	}
	r := Recovery(&st.Stake, s.Rules().Recovery.Std(), now)
	return &r, nil
}

func restore(a *act.Act, d *Draft, r *api.StakeRestoreRequest) (*api.Stake, error) {
	if err := a.NeedOperator(); err != nil {
		return nil, err
	}
	s, ok := d.stakes.Edit(r.Agent)
	if !ok {
		return nil, noStake(r.Agent)
	}
	may := Recovery(&s.Stake, d.rules().Recovery.Std(), a.Time)
	if r.Amount > may.Amount {
		return nil, api.Errorf(api.FailedPrecondition, "%s may get %d millionths back now", r.Agent, int64(may.Amount)).
			WithReason(api.ReasonNotRecoverable).WithFields("amount")
	}
	why := ledger.Why{Kind: "restore", Ref: stakeOf(s.Agent)}
	if err := a.Ledger.Transfer(Slashed, s.Account, r.Amount, why); err != nil {
		return nil, err
	}
	if err := a.Ledger.Resize(stakeOf(s.Agent), s.Total()+r.Amount); err != nil {
		return nil, err
	}
	s.Bonded += r.Amount
	s.Restored += r.Amount
	s.Recoverable -= r.Amount
	d.book().Staked += r.Amount
	return answer(a, s), nil
}
