package risk

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// stakeOf names the hold and the entity of a stake.
func stakeOf(agent string) string { return "stake/" + agent }

// Required is the least stake of an agent: minimum * (1 + (multiplier - 1) * (1 - reputation)), rounded down.
func Required(r *api.StakeRules, score api.Decimal) api.Micro {
	more := fixed.Mul(r.ReputationMultiplier-api.One, api.One-max(0, min(score, api.One)))
	return min(r.Minimum+api.Micro(fixed.Mul(api.Decimal(r.Minimum), more)), api.MaxAmount)
}

func (d *Draft) required(rep *reputation.Draft, agent string, now time.Time) api.Micro {
	r := d.rules()
	return Required(&r, rep.Score(agent, "", now))
}

func put(a *act.Act, d *Draft, r *api.StakePutRequest) (*api.Stake, error) {
	account, err := own(a, r.Account)
	if err != nil {
		return nil, err
	}
	s, ok := d.stakes.Edit(a.Principal)
	switch {
	case ok && s.Total() > 0:
		return nil, api.Errorf(api.Conflict, "%s has a stake: add to it", a.Principal).WithReason(api.ReasonStakeExists)
	case !ok && d.stakes.Len() >= api.MaxStakes:
		return nil, api.Errorf(api.Overloaded, "%d agents have a stake, which is as many as there can be", api.MaxStakes).WithReason(api.ReasonManyStakes)
	case !ok: // one that was slashed and taken out is still remembered for recovery
		s = &Stake{api.Stake{Agent: a.Principal}}
		d.stakes.Put(a.Principal, s)
	}
	if least := d.required(a.Reputation, a.Principal, a.Time); r.Amount < least {
		return nil, tooSmall(least)
	}
	if err := a.Ledger.Hold(stakeOf(a.Principal), account, r.Amount, ledger.Why{Kind: "stake", Ref: stakeOf(a.Principal)}); err != nil {
		return nil, err
	}
	s.Account, s.Bonded, s.PutAt = account, r.Amount, a.Time
	d.book().Staked += r.Amount
	return answer(a, s), nil
}

func tooSmall(least api.Micro) error {
	return api.Errorf(api.FailedPrecondition, "the stake has to be at least %d millionths", int64(least)).WithReason(api.ReasonStakeTooSmall).WithFields("amount")
}

// own returns the account that is meant, which must be of credit and of the principal.
func own(a *act.Act, id api.AccountID) (api.AccountID, error) {
	if err := a.NeedPrincipal(); err != nil {
		return "", err
	}
	if id == "" {
		return api.Account(a.Principal, "", ""), nil
	}
	id, err := api.ParseAccount(string(id))
	if err == nil && (id.Owner() != a.Principal || id.Owner() == api.SystemOwner) {
		err = api.Errorf(api.PermissionDenied, "the account %s belongs to %s", id, id.Owner()).WithReason(api.ReasonNotOwner)
	}
	return id, err
}

// answer tells who waits that a stake has changed, and returns it.
func answer(a *act.Act, s *Stake) *api.Stake {
	a.Changed(stakeOf(s.Agent))
	return &s.Clone().Stake
}

// staked returns a stake to change.
func (d *Draft) staked(agent string) (*Stake, error) {
	s, ok := d.stakes.Edit(agent)
	if !ok || s.Total() == 0 {
		return nil, noStake(agent)
	}
	return s, nil
}

func noStake(agent string) error {
	return api.Errorf(api.NotFound, "%s has no stake", agent).WithReason(api.ReasonStakeNotFound)
}

func add(a *act.Act, d *Draft, r *api.StakeAmountRequest) (*api.Stake, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	s, err := d.staked(a.Principal)
	if err != nil {
		return nil, err
	}
	if err := a.Ledger.Resize(stakeOf(s.Agent), s.Total()+r.Amount); err != nil {
		return nil, err
	}
	s.Bonded += r.Amount
	d.book().Staked += r.Amount
	return answer(a, s), nil
}

func unbond(a *act.Act, d *Draft, r *api.StakeAmountRequest) (*api.Stake, error) {
	if err := a.NeedPrincipal(); err != nil {
		return nil, err
	}
	s, err := d.staked(a.Principal)
	if err != nil {
		return nil, err
	}
	left := s.Bonded - r.Amount
	switch least := d.required(a.Reputation, s.Agent, a.Time); {
	case left < 0:
		return nil, api.Errorf(api.FailedPrecondition, "only %d millionths are bonded", int64(s.Bonded)).WithReason(api.ReasonStakeTooSmall).WithFields("amount")
	case left > 0 && left < least:
		return nil, tooSmall(least)
	case len(s.Unbonding) >= api.MaxUnbonding:
		return nil, api.Errorf(api.FailedPrecondition, "%d parts are on their way out: withdraw what is free first", api.MaxUnbonding).
			WithReason(api.ReasonManyUnbonding)
	}
	s.Bonded = left
	s.Unbonding = append(s.Unbonding, api.StakeUnbonding{Amount: r.Amount, FreeAt: a.Time.Add(d.rules().Unbonding.Std())})
	return answer(a, s), nil
}

func withdraw(a *act.Act, d *Draft, r *api.StakeGetRequest) (*api.StakeWithdrawResponse, error) {
	if err := a.Owns(api.Account(r.Agent, "", "")); err != nil {
		return nil, err
	}
	s, err := d.staked(r.Agent)
	if err != nil {
		return nil, err
	}
	// What a verdict waits for stays, and so the last parts to be free do.
	room, paid := s.Total()-s.Pending, api.Micro(0)
	var kept []api.StakeUnbonding
	for _, u := range s.Unbonding {
		if !u.FreeAt.After(a.Time) {
			part := min(u.Amount, room-paid)
			paid += part
			u.Amount -= part
		}
		if u.Amount > 0 {
			kept = append(kept, u)
		}
	}
	if paid == 0 {
		return nil, api.Errorf(api.FailedPrecondition, "nothing of the stake is free: unbond it, and wait for the end of its period and of what is pending").
			WithReason(api.ReasonUnbonding)
	}
	s.Unbonding = kept
	if err := a.Ledger.Resize(stakeOf(s.Agent), s.Total()); err != nil {
		return nil, err
	}
	d.book().Staked -= paid
	d.tidy(s)
	return &api.StakeWithdrawResponse{Amount: paid, Stake: *answer(a, s)}, nil
}

// tidy forgets a stake of which nothing is left, nor anything to recover.
func (d *Draft) tidy(s *Stake) {
	if s.Total() == 0 && s.Recoverable == 0 {
		d.stakes.Delete(s.Agent)
	}
}
