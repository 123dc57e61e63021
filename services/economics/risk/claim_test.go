package risk_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/risk"
	"github.com/mabus-project/mabus/shared/api"
)

// pool makes a pool "p" of "owner", with money.
func (w *world) pool(amount api.Micro, terms api.PoolTerms) {
	w.t.Helper()
	if terms.Rates == nil {
		terms.Rates = map[string]api.Decimal{"performance_failure": 20_000, "task_abandonment": 10_000}
	}
	must[api.Pool](w, "owner", "pools.create", api.PoolCreateRequest{ID: "p", PoolTerms: terms})
	if amount > 0 {
		w.give("owner", amount)
		must[api.Pool](w, "owner", "pools.fund", api.PoolMoneyRequest{Pool: "p", Amount: amount})
	}
}

func cover(value api.Micro) api.Cover {
	return api.Cover{Pool: "p", Subject: "worker", Value: value, Types: []string{"performance_failure"}, Term: api.Duration(30 * day)}
}

func claim(id, policy, event string) api.ClaimFileRequest {
	return api.ClaimFileRequest{ID: id, Policy: policy, Type: "performance_failure", Event: event}
}

func approve(id string) risk.JudgeClaim {
	return risk.JudgeClaim{Request: api.ClaimJudgeRequest{ID: id, Approve: true}}
}

func deny(id string) risk.JudgeClaim {
	return risk.JudgeClaim{Request: api.ClaimJudgeRequest{ID: id}}
}

func TestPremiumsGoToThePool(t *testing.T) {
	w := newWorld(t)
	w.pool(100*unit, api.PoolTerms{})
	w.give("h", 100*unit)
	p := must[api.Policy](w, "h", "policies.buy", api.PolicyBuyRequest{ID: "x", Cover: cover(100 * unit)})
	// reputation 0.5: a risk of 0.5*0.4 + 0.3*0.4 = 0.32; 100 * 0.02 * 1.32
	if p.Risk != 320_000 || p.Level != api.InsuranceMedium || p.Premium != 2_640_000 || p.Limit != 80*unit || p.Until.Sub(p.From) != 30*day {
		t.Errorf("%+v", p)
	}
	if got := w.has("h"); got != 100*unit-2_640_000 {
		t.Errorf("the holder has %s", got)
	}
	pool, err := w.risk.Pool("p", w.ledger.Draft())
	if err != nil || pool.Free != 22_640_000 || pool.Reserved != 80*unit || pool.Premiums != 2_640_000 || pool.Policies != 1 {
		t.Errorf("%+v, %v", pool, err)
	}
	// A worse reputation costs more.
	w.rate("worker", 0, 10)
	q, err := w.risk.Quote(cover(100*unit), "h", w.ledger.Draft(), w.reputation.Draft(), w.now)
	if err != nil || q.Premium <= p.Premium || q.FailureRate != api.One || q.Available {
		t.Errorf("%+v, %v", q, err)
	}
}

// A claim of the reference's kind: 10000 in the pool, and twice the same claim paid 3000 each there.
func TestClaimsArePaidOnce(t *testing.T) {
	w := newWorld(t)
	w.pool(10_000*unit, api.PoolTerms{ClaimCap: 3000 * unit})
	w.give("h", 1000*unit)
	must[api.Policy](w, "h", "policies.buy", api.PolicyBuyRequest{ID: "x", Cover: cover(5000 * unit)})
	before := w.has("h")
	c := must[api.Claim](w, "h", "claims.file", claim("c", "x", "contract/1"))
	if c.Worth != 3000*unit {
		t.Errorf("%+v", c)
	}
	must[api.Claim](w, "owner", "claims.judge", approve("c"))
	refused(w, api.ReasonAlreadyJudged, "owner", "claims.judge", approve("c"))
	refused(w, api.ReasonEventClaimed, "h", "claims.file", claim("c2", "x", "contract/1"))
	if got := w.has("h") - before; got != 3000*unit {
		t.Errorf("paid %s", got)
	}
	// Nor by another policy of the same pool, and the policy pays no more than its limit in all.
	must[api.Policy](w, "h", "policies.buy", api.PolicyBuyRequest{ID: "y", Cover: cover(100 * unit)})
	refused(w, api.ReasonEventClaimed, "h", "claims.file", claim("c2", "y", "contract/1"))
	before = w.has("h")
	must[api.Claim](w, "h", "claims.file", claim("c2", "x", "contract/2"))
	must[api.Claim](w, "h", "claims.file", claim("c3", "x", "contract/3"))
	must[api.Claim](w, "owner", "claims.judge", approve("c2"))
	refused(w, api.ReasonPolicyEnded, "owner", "claims.judge", approve("c3")) // 4000 is all
	must[api.Claim](w, operator, "claims.judge", deny("c3"))
	if got := w.has("h") - before; got != 1000*unit {
		t.Errorf("paid %s", got)
	}
	if p := w.risk.Policies["x"]; p.State != api.PolicyExhausted || p.EndedAt.IsZero() {
		t.Errorf("%+v", p)
	}
	refused(w, api.ReasonPolicyEnded, "h", "claims.file", claim("c4", "x", "contract/4"))
}

func TestInsuranceRefusals(t *testing.T) {
	w := newWorld(t)
	w.pool(10*unit, api.PoolTerms{MaxRisk: 500_000})
	w.give("h", 100*unit)
	buy := func(change func(*api.PolicyBuyRequest)) api.PolicyBuyRequest {
		r := api.PolicyBuyRequest{ID: "x", Cover: cover(10 * unit)}
		change(&r)
		return r
	}
	refused(w, api.ReasonPoolExists, "h", "pools.create", api.PoolCreateRequest{ID: "p", PoolTerms: api.PoolTerms{Rates: map[string]api.Decimal{"a": 1}}})
	refused(w, api.ReasonMissingFields, "h", "pools.create", api.PoolCreateRequest{ID: "q"})
	refused(w, api.ReasonPoolNotFound, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Pool = "q" }))
	refused(w, api.ReasonPoolExhausted, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Value = 20 * unit }))
	refused(w, api.ReasonTypeNotCovered, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Types = []string{"war"} }))
	refused(w, api.ReasonPremiumTooHigh, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.MaxPremium = 1 }))
	refused(w, api.ReasonRiskTooHigh, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Complexity = api.InsuranceCritical }))
	refused(w, api.ReasonInsufficientFunds, "poor", "policies.buy", buy(func(*api.PolicyBuyRequest) {}))
	refused(w, api.ReasonNotOwner, "poor", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Account = "h" }))
	refused(w, string(api.Invalid), "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Value = 1 })) // 0.8 millionths
	refused(w, string(api.Invalid), "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.Value = -1 }))
	must[api.Policy](w, "h", "policies.buy", buy(func(*api.PolicyBuyRequest) {}))
	refused(w, api.ReasonPolicyExists, "h", "policies.buy", buy(func(*api.PolicyBuyRequest) {}))

	refused(w, api.ReasonPolicyNotFound, "h", "claims.file", claim("c", "z", "e"))
	refused(w, api.ReasonNotOwner, "i", "claims.file", claim("c", "x", "e"))
	refused(w, api.ReasonTypeNotCovered, "h", "claims.file", api.ClaimFileRequest{Policy: "x", Type: "task_abandonment", Event: "e"})
	must[api.Claim](w, "h", "claims.file", claim("c", "x", "e"))
	refused(w, api.ReasonClaimExists, "h", "claims.file", claim("c", "x", "f"))
	refused(w, api.ReasonClaimNotFound, "owner", "claims.judge", approve("z"))
	refused(w, api.ReasonNotOwner, "i", "claims.judge", approve("c"))
	refused(w, api.ReasonOwnCase, "h", "claims.judge", approve("c"))
	refused(w, api.ReasonPoolExhausted, "owner", "claims.judge", risk.JudgeClaim{Request: api.ClaimJudgeRequest{ID: "c", Approve: true, Amount: 9 * unit}})
	for i := range api.MaxPolicyClaims - 1 {
		must[api.Claim](w, "h", "claims.file", claim("", "x", fmt.Sprint("e", i)))
	}
	refused(w, api.ReasonManyClaims, "h", "claims.file", claim("", "x", "last"))

	refused(w, api.ReasonPoolExhausted, "owner", "pools.withdraw", api.PoolMoneyRequest{Pool: "p", Amount: 3 * unit})
	refused(w, api.ReasonNotOwner, "h", "pools.withdraw", api.PoolMoneyRequest{Pool: "p", Amount: unit})
	must[api.Pool](w, "owner", "pools.withdraw", api.PoolMoneyRequest{Pool: "p", Amount: 2 * unit})
	refused(w, api.ReasonNotOwner, "h", "pools.close", api.RiskGetRequest{ID: "p"})
	must[api.Pool](w, "owner", "pools.close", api.RiskGetRequest{ID: "p"})
	refused(w, api.ReasonPoolClosed, "h", "policies.buy", buy(func(r *api.PolicyBuyRequest) { r.ID = "y" }))
}

func TestDenialAndAppeal(t *testing.T) {
	w := newWorld(t)
	w.pool(100*unit, api.PoolTerms{})
	w.give("h", 100*unit)
	must[api.Policy](w, "h", "policies.buy", api.PolicyBuyRequest{ID: "x", Cover: cover(100 * unit)})
	for _, id := range []string{"c1", "c2", "c3"} {
		must[api.Claim](w, "h", "claims.file", api.ClaimFileRequest{ID: id, Policy: "x", Type: "performance_failure", Event: id, Gap: 25_000, Loss: 40 * unit})
		must[api.Claim](w, "owner", "claims.judge", deny(id))
	}
	if got := w.risk.Claims["c1"].Worth; got != 32*unit { // 0.8 of a loss of 40, which is less than half of 80
		t.Errorf("worth %s", got)
	}
	refused(w, api.ReasonNotOwner, "owner", "claims.appeal", api.AppealRequest{ID: "c1", Statement: "no"})
	must[api.Claim](w, "h", "claims.appeal", api.AppealRequest{ID: "c1", Statement: "look again"})
	refused(w, api.ReasonOperatorOnly, "owner", "claims.judge", deny("c1"))
	must[api.Claim](w, "h", "claims.appeal", api.AppealRequest{ID: "c2", Statement: "look again"})
	w.pass(40 * day) // the policy is over, c3 is refused for good, the others wait
	if p := w.risk.Policies["x"]; p.State != api.PolicyExpired || p.Open != 2 || p.Reserved != 80*unit || w.risk.Claims["c3"].State != api.ClaimRefused {
		t.Errorf("%+v", p)
	}
	refused(w, api.ReasonAppealClosed, "h", "claims.appeal", api.AppealRequest{ID: "c3", Statement: "late"})
	before := w.has("h")
	must[api.Claim](w, operator, "claims.judge", risk.JudgeClaim{Request: api.ClaimJudgeRequest{ID: "c1", Approve: true, Amount: 30 * unit}})
	must[api.Claim](w, operator, "claims.judge", deny("c2"))
	if p := w.risk.Policies["x"]; w.has("h")-before != 30*unit || p.Open != 0 || p.Reserved != 0 || p.Paid != 30*unit {
		t.Errorf("%+v", p)
	}
	pool, err := w.risk.Pool("p", w.ledger.Draft())
	if err != nil || pool.Reserved != 0 || pool.Policies != 0 {
		t.Errorf("%+v, %v", pool, err)
	}
	w.pass(200 * day)
	if len(w.risk.Policies)+len(w.risk.Claims)+len(w.risk.Occasions)+len(w.timers) != 0 {
		t.Errorf("%d policies, %d claims, %d occasions, %d timers are left", len(w.risk.Policies), len(w.risk.Claims), len(w.risk.Occasions), len(w.timers))
	}
}

func TestJuryOnClaims(t *testing.T) {
	w := newWorld(t)
	w.pool(100*unit, api.PoolTerms{})
	w.give("h", 100*unit)
	must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Jurors: []string{"h", "owner", "worker", "j1", "j2", "j3"}})
	must[api.Policy](w, "h", "policies.buy", api.PolicyBuyRequest{ID: "x", Cover: cover(100 * unit)})
	c := must[api.Claim](w, "h", "claims.file", claim("c", "x", "e"))
	judge := risk.JudgeClaim{Request: api.ClaimJudgeRequest{ID: "c", Session: "s"}, Session: hearing(t, `{"violation":"c"}`, "yes", c.Jury...)}
	refused(w, api.ReasonVerdictInvalid, "h", "claims.judge", judge)
	judge.Session = hearing(t, `{"claim":"c"}`, "yes", "j1", "j2", "j3")
	if got := must[api.Claim](w, "h", "claims.judge", judge); got.State != api.ClaimPaid || got.Paid != 80*unit {
		t.Errorf("%+v", got)
	}
}

// Whatever happens, no pool pays what it lacks, no event is paid twice, and no unit is lost: sound is asked after every command.
func TestAnyHistory(t *testing.T) {
	agents := []string{"a", "b", "owner", operator}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		for _, a := range agents {
			w.give(a, 1000*unit)
		}
		total := 4000 * unit
		w.pool(0, api.PoolTerms{ClaimCap: 60 * unit})
		must[api.StakeRules](w, operator, "stakes.configure", api.StakeRules{Minimum: unit, Rates: map[string]api.Decimal{"x": 700_000}})
		id := func(kind string) string { return kind + fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, kind)) }
		amount := func() api.Micro { return api.Micro(rapid.Int64Range(1, 300_000_000).Draw(rt, "amount")) }
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			by := rapid.SampledFrom(agents).Draw(rt, "by")
			yes := rapid.Bool().Draw(rt, "yes")
			switch rapid.IntRange(0, 16).Draw(rt, "what") {
			case 0:
				_, _ = do[api.Stake](w, by, "stakes.put", api.StakePutRequest{Amount: amount()})
			case 1:
				_, _ = do[api.Stake](w, by, "stakes.add", api.StakeAmountRequest{Amount: amount()})
			case 2:
				_, _ = do[api.Stake](w, by, "stakes.unbond", api.StakeAmountRequest{Amount: amount()})
			case 3:
				_, _ = do[api.StakeWithdrawResponse](w, operator, "stakes.withdraw", api.StakeGetRequest{Agent: by})
			case 4:
				_, _ = do[api.Stake](w, operator, "stakes.restore", api.StakeRestoreRequest{Agent: by, Amount: amount()})
			case 5:
				r := api.ViolationReportRequest{ID: id("v"), Accused: by, Kind: "x", Ref: id("r")}
				if yes {
					r.Harmed, r.Harm = "c", amount()
				}
				_, _ = do[api.Violation](w, "c", "violations.report", r)
			case 6:
				v := uphold(id("v"))
				v.Request.Uphold = yes
				_, _ = do[api.Violation](w, operator, "violations.judge", v)
			case 7:
				_, _ = do[api.Violation](w, by, "violations.appeal", api.AppealRequest{ID: id("v"), Statement: "no"})
			case 8:
				_, _ = do[api.Violation](w, operator, "violations.overturn", api.OverturnRequest{ID: id("v")})
			case 9:
				_, _ = do[api.Pool](w, by, "pools.fund", api.PoolMoneyRequest{Pool: "p", Amount: amount()})
			case 10:
				_, _ = do[api.Pool](w, "owner", "pools.withdraw", api.PoolMoneyRequest{Pool: "p", Amount: amount()})
			case 11:
				c := cover(amount())
				c.Term = api.Duration(time.Duration(rapid.IntRange(1, 40).Draw(rt, "days")) * day)
				_, _ = do[api.Policy](w, by, "policies.buy", api.PolicyBuyRequest{ID: id("p"), Cover: c})
			case 12:
				_, _ = do[api.Claim](w, by, "claims.file", claim(id("c"), id("p"), id("e")))
			case 13:
				c := approve(id("c"))
				c.Request.Approve = yes
				_, _ = do[api.Claim](w, rapid.SampledFrom([]string{operator, "owner"}).Draw(rt, "judge"), "claims.judge", c)
			case 14:
				_, _ = do[api.Claim](w, by, "claims.appeal", api.AppealRequest{ID: id("c"), Statement: "no"})
			case 15:
				w.reload()
			case 16:
				w.pass(time.Duration(rapid.IntRange(1, 60*24).Draw(rt, "hours")) * time.Hour)
			}
		}
		sum := api.Micro(0)
		for _, a := range append(agents, "c", "mabus/slashed", "mabus/pool-p") {
			account, _ := api.ParseAccount(a)
			free, held := w.ledger.Draft().Balance(account)
			sum += free + held
		}
		if sum != total {
			rt.Fatalf("there are %s, there were %s", sum, total)
		}
		paid := map[string]int{}
		for _, c := range w.risk.Claims {
			if paid[c.Holder+"/"+c.Event]++; paid[c.Holder+"/"+c.Event] > 1 {
				rt.Fatalf("%s was claimed twice", c.Event)
			}
		}
	})
}
