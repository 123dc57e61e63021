package risk_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
)

func (w *world) stake(agent string, amount api.Micro) {
	w.t.Helper()
	w.give(agent, amount)
	must[api.Stake](w, agent, "stakes.put", api.StakePutRequest{Amount: amount})
}

// convict has a violation reported and upheld by the operator.
func (w *world) convict(id, accused, kind string, harm api.Micro) {
	w.t.Helper()
	r := api.ViolationReportRequest{ID: id, Accused: accused, Kind: kind, Ref: "contract/" + id, Harm: harm}
	if harm > 0 {
		r.Harmed = "victim"
	}
	must[api.Violation](w, "reporter", "violations.report", r)
	must[api.Violation](w, operator, "violations.judge", risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: id, Uphold: true}})
}

// The figures of the reference: 150 less a quarter, 100 less a tenth, and reputations of 0.4 and 0.7 less 0.3 and 0.1.
func TestSlashing(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		agent, kind                string
		stake, slashed, left, harm api.Micro
		penalty                    api.Decimal
	}{
		{"a1", "quality_fraud", 150 * unit, 37_500_000, 112_500_000, 0, 300_000},
		{"a2", "task_abandonment", 100 * unit, 10 * unit, 90 * unit, 0, 100_000},
		{"a3", "something_else", 100 * unit, 10 * unit, 90 * unit, 4 * unit, 50_000},
		{"a4", "quality_fraud", 100 * unit, 25 * unit, 75 * unit, 1000 * unit, 300_000},
	} {
		w.stake(row.agent, row.stake)
		w.rate(row.agent, api.One, 5)
		victim, slashed, score := w.has("victim"), w.has(risk.Slashed), w.score(row.agent)
		w.convict("v"+row.agent, row.agent, row.kind, row.harm)
		if s := w.risk.Stakes[row.agent]; s.Pending != row.slashed || s.Total() != row.stake || w.score(row.agent) != score {
			t.Errorf("%s: before the window is over %s are pending of %s", row.agent, s.Pending, s.Total())
		}
		w.pass(25 * time.Hour)
		s, v := w.risk.Stakes[row.agent], w.risk.Violations["v"+row.agent]
		if s.Total() != row.left || s.Slashed != row.slashed || s.Pending != 0 || v.State != api.ViolationExecuted || v.Penalty != row.penalty {
			t.Errorf("%s: %+v, %+v", row.agent, s, v)
		}
		paid := min(row.slashed, row.harm)
		if w.has("victim")-victim != paid || w.has(risk.Slashed)-slashed != row.slashed-paid || s.Recoverable != row.slashed-paid {
			t.Errorf("%s: the victim has %s more, the pool of what is slashed %s", row.agent, w.has("victim")-victim, w.has(risk.Slashed)-slashed)
		}
		// Once: neither the verdict again, nor the same occasion under another id.
		refused(w, api.ReasonAlreadyJudged, operator, "violations.judge", risk.JudgeViolation{Request: api.ViolationJudgeRequest{ID: v.ID, Uphold: true}})
		refused(w, api.ReasonAlreadyReported, "other", "violations.report",
			api.ViolationReportRequest{ID: "again", Accused: row.agent, Kind: row.kind, Ref: "contract/v" + row.agent})
		w.pass(50 * time.Hour)
		if s := w.risk.Stakes[row.agent]; s.Total() != row.left {
			t.Errorf("%s was slashed again: %+v", row.agent, s)
		}
	}
}

func TestRecovery(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 100*unit)
	w.convict("v", "a", "task_abandonment", 0)
	w.pass(24 * time.Hour) // executed at the end of the window
	at := func(days int) api.StakeRecovery {
		return risk.Recovery(&w.risk.Stakes["a"].Stake, 30*day, w.risk.Stakes["a"].SlashedAt.Add(time.Duration(days)*day))
	}
	for _, row := range []struct {
		days          int
		eligible      bool
		share, amount api.Micro
	}{
		{0, false, 0, 0},
		{14, false, 0, 0},
		{15, true, 22_500_000, 10 * unit}, // the reference's figure, of which no more than was slashed
		{30, true, 45 * unit, 10 * unit},
		{300, true, 45 * unit, 10 * unit},
	} {
		if got := at(row.days); got.Eligible != row.eligible || got.Share != row.share || got.Amount != row.amount || got.Days != row.days {
			t.Errorf("day %d: %+v", row.days, got)
		}
	}
	restore := func(n api.Micro) api.StakeRestoreRequest { return api.StakeRestoreRequest{Agent: "a", Amount: n} }
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", restore(unit))
	w.pass(15 * day)
	refused(w, api.ReasonOperatorOnly, "a", "stakes.restore", restore(unit))
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", restore(11*unit))
	if s := must[api.Stake](w, operator, "stakes.restore", restore(6*unit)); s.Bonded != 96*unit || s.Recoverable != 4*unit {
		t.Errorf("%+v", s)
	}
	if s := must[api.Stake](w, operator, "stakes.restore", restore(4*unit)); s.Bonded != 100*unit || s.Recoverable != 0 {
		t.Errorf("%+v", s)
	}
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", restore(unit))
	if got := w.has(risk.Slashed); got != 0 {
		t.Errorf("%s are left", got)
	}
}

// What was slashed heavily comes back by its share of the stake, not all at once.
func TestRecoveryOfALargePart(t *testing.T) {
	w := newWorld(t)
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Rates: map[string]api.Decimal{"fraud": 900_000}})
	w.stake("a", 1000*unit)
	w.convict("v", "a", "fraud", 0)
	w.pass(day + 15*day)
	r := api.StakeRestoreRequest{Agent: "a", Amount: 25 * unit}
	must[api.Stake](w, operator, "stakes.restore", r)
	r.Amount = unit
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", r)
	w.pass(15 * day)
	r.Amount = 25 * unit
	must[api.Stake](w, operator, "stakes.restore", r)
	r.Amount = 1
	refused(w, api.ReasonNotRecoverable, operator, "stakes.restore", r)
}

func TestRequired(t *testing.T) {
	for _, row := range []struct {
		multiplier, score api.Decimal
		want              api.Micro
	}{
		{api.One, 0, 100 * unit},
		{2 * api.One, api.One, 100 * unit},
		{2 * api.One, 0, 200 * unit},
		{1_500_000, 500_000, 125 * unit},
		{100 * api.One, -5, 10_000 * unit},
	} {
		if got := risk.Required(&api.StakeRules{Minimum: 100 * unit, ReputationMultiplier: row.multiplier}, row.score); got != row.want {
			t.Errorf("%s at %s: %s, want %s", row.multiplier, row.score, got, row.want)
		}
	}
	if got := risk.Required(&api.StakeRules{Minimum: api.MaxAmount, ReputationMultiplier: 100 * api.One}, 0); got != api.MaxAmount {
		t.Error(got)
	}
}

func TestStakeLifeCycle(t *testing.T) {
	w := newWorld(t)
	w.give("a", 500*unit)
	put := api.StakePutRequest{Amount: 100 * unit}
	amount := func(n api.Micro) api.StakeAmountRequest { return api.StakeAmountRequest{Amount: n * unit} }
	out := api.StakeGetRequest{Agent: "a"}
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{ReputationMultiplier: 2 * api.One})
	refused(w, api.ReasonPrincipalMissing, "", "stakes.put", put)
	refused(w, api.ReasonStakeTooSmall, "a", "stakes.put", put) // the prior reputation of 0.5 asks for 150
	refused(w, api.ReasonStakeNotFound, "a", "stakes.add", amount(1))
	refused(w, api.ReasonStakeNotFound, "a", "stakes.withdraw", out)
	refused(w, api.ReasonInsufficientFunds, "a", "stakes.put", api.StakePutRequest{Amount: 501 * unit})
	refused(w, api.ReasonNotOwner, "b", "stakes.put", api.StakePutRequest{Amount: 150 * unit, Account: "a"})
	refused(w, string(api.Invalid), "a", "stakes.put", api.StakePutRequest{Amount: -1})
	refused(w, string(api.Invalid), "a", "stakes.put", api.StakePutRequest{Amount: 150 * unit, Account: "a/main/gold"})
	must[api.Stake](w, "a", "stakes.put", api.StakePutRequest{Amount: 150 * unit})
	refused(w, api.ReasonStakeExists, "a", "stakes.put", api.StakePutRequest{Amount: 200 * unit})
	must[api.Stake](w, "a", "stakes.add", amount(50))
	refused(w, api.ReasonInsufficientFunds, "a", "stakes.add", amount(400))
	refused(w, api.ReasonStakeTooSmall, "a", "stakes.unbond", amount(60))
	refused(w, api.ReasonStakeTooSmall, "a", "stakes.unbond", amount(201))
	must[api.Stake](w, "a", "stakes.unbond", amount(50))
	refused(w, api.ReasonUnbonding, "a", "stakes.withdraw", out)
	w.pass(6 * day)
	must[api.Stake](w, "a", "stakes.unbond", amount(150))
	refused(w, api.ReasonUnbonding, "a", "stakes.withdraw", out)
	w.pass(day)
	refused(w, api.ReasonNotOwner, "b", "stakes.withdraw", out)
	if got := must[api.StakeWithdrawResponse](w, "a", "stakes.withdraw", out); got.Amount != 50*unit || got.Stake.Total() != 150*unit {
		t.Errorf("%+v", got)
	}
	w.pass(6 * day)
	if got := must[api.StakeWithdrawResponse](w, "a", "stakes.withdraw", out); got.Amount != 150*unit || got.Stake.Total() != 0 {
		t.Errorf("%+v", got)
	}
	if len(w.risk.Stakes) != 0 || w.has("a") != 500*unit {
		t.Errorf("%d stakes are left, and the agent has %s", len(w.risk.Stakes), w.has("a"))
	}
}

// What is on its way out can be slashed, and what a verdict waits for cannot leave.
func TestUnbondingCanBeSlashed(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 100*unit)
	must[api.Stake](w, "a", "stakes.unbond", api.StakeAmountRequest{Amount: 100 * unit})
	w.pass(7*day - time.Hour)
	w.convict("v", "a", "quality_fraud", 0)
	w.pass(time.Hour)
	if got := must[api.StakeWithdrawResponse](w, "a", "stakes.withdraw", api.StakeGetRequest{Agent: "a"}); got.Amount != 75*unit {
		t.Errorf("%+v", got)
	}
	refused(w, api.ReasonUnbonding, "a", "stakes.withdraw", api.StakeGetRequest{Agent: "a"})
	must[api.Violation](w, operator, "violations.overturn", api.OverturnRequest{ID: "v"})
	if got := must[api.StakeWithdrawResponse](w, "a", "stakes.withdraw", api.StakeGetRequest{Agent: "a"}); got.Amount != 25*unit {
		t.Errorf("after the verdict was overturned: %+v", got)
	}
	if w.has("a") != 100*unit || w.has(risk.Slashed) != 0 {
		t.Error("something is lost")
	}
}

func TestTooManyParts(t *testing.T) {
	w := newWorld(t)
	w.stake("a", 1000*unit)
	for range api.MaxUnbonding {
		must[api.Stake](w, "a", "stakes.unbond", api.StakeAmountRequest{Amount: unit})
	}
	refused(w, api.ReasonManyUnbonding, "a", "stakes.unbond", api.StakeAmountRequest{Amount: unit})
	w.pass(8 * day)
	must[api.StakeWithdrawResponse](w, "a", "stakes.withdraw", api.StakeGetRequest{Agent: "a"})
	must[api.Stake](w, "a", "stakes.unbond", api.StakeAmountRequest{Amount: unit})
}
