package economics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// riskUnit is one unit of credit.
const riskUnit = api.Micro(1_000_000)

// soon are rules whose periods are over at once.
func soon() api.StakeRules {
	short := api.Duration(50 * time.Millisecond)
	return api.StakeRules{Unbonding: short, Appeal: short, Recovery: short}
}

// becomes waits until a read gives what is wanted.
func becomes[T any](t *testing.T, what string, get func() (*T, error), ok func(*T) bool) *T {
	t.Helper()
	var last *T
	natstest.Eventually(t, patience, func() bool {
		v, err := get()
		last = v
		return err == nil && ok(v)
	}, what)
	return last
}

func TestStakesOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 3)
	r.mint(200*riskUnit, "a")
	op, a, b := client.New(r.as(economics.DefaultOperator)), client.New(r.as("a")), client.New(r.as("b"))
	ctx := t.Context()
	if _, err := a.Risk().Stakes.Configure(ctx, soon()); api.ReasonOf(err) != api.ReasonOperatorOnly {
		t.Error(err)
	}
	rules, err := op.Risk().Stakes.Configure(ctx, soon())
	if err != nil || rules.Minimum != api.DefaultMinimumStake || rules.Revision == "" {
		t.Fatalf("%+v, %v", rules, err)
	}
	if _, err := a.Risk().Stakes.Put(ctx, api.StakePutRequest{Amount: 99 * riskUnit}); api.ReasonOf(err) != api.ReasonStakeTooSmall {
		t.Error(err)
	}
	if _, err := a.Risk().Stakes.Put(ctx, api.StakePutRequest{Amount: 150 * riskUnit}); err != nil {
		t.Fatal(err)
	}
	s, err := a.Risk().Stakes.Get(ctx, "a")
	if err != nil || s.Bonded != 150*riskUnit || s.Required != 100*riskUnit {
		t.Fatalf("%+v, %v", s, err)
	}
	fraud := api.ViolationReportRequest{ID: "v", Accused: "a", Kind: "quality_fraud", Ref: "contract/1", Evidence: json.RawMessage(`{"quality":0.1}`)}
	if _, err := b.Risk().Violations.Report(ctx, fraud); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Risk().Violations.Judge(ctx, api.ViolationJudgeRequest{ID: "v", Uphold: true}); api.ReasonOf(err) != api.ReasonOperatorOnly {
		t.Error(err)
	}
	if v, err := op.Risk().Violations.Judge(ctx, api.ViolationJudgeRequest{ID: "v", Uphold: true}); err != nil || v.Slash != 37_500_000 {
		t.Fatalf("%+v, %v", v, err)
	}
	v := becomes(t, "the slashing", func() (*api.Violation, error) { return b.Risk().Violations.Get(ctx, "v") },
		func(v *api.Violation) bool { return v.State == api.ViolationExecuted })
	if v.Penalty != 300_000 || string(v.Evidence) != `{"quality":0.1}` {
		t.Errorf("%+v", v)
	}
	slashed := becomes(t, "the slashing at any replica", func() (*api.Stake, error) { return a.Risk().Stakes.Get(ctx, "a") },
		func(s *api.Stake) bool { return s.Total() == 112_500_000 })
	if slashed.Slashed != 37_500_000 {
		t.Errorf("%+v", slashed)
	}
	may, err := a.Risk().Stakes.Recovery(ctx, "a")
	if err != nil || may.Amount > 37_500_000 {
		t.Errorf("%+v, %v", may, err)
	}
	becomes(t, "the recovery", func() (*api.Stake, error) { return op.Risk().Stakes.Restore(ctx, "a", 10*riskUnit) },
		func(s *api.Stake) bool { return s.Total() == 122_500_000 })
	if _, err := a.Risk().Stakes.Unbond(ctx, 122_500_000); err != nil {
		t.Fatal(err)
	}
	got := becomes(t, "the end of the unbonding", func() (*api.StakeWithdrawResponse, error) { return a.Risk().Stakes.Withdraw(ctx, "a") },
		func(*api.StakeWithdrawResponse) bool { return true })
	if got.Amount != 122_500_000 {
		t.Errorf("%+v", got)
	}
	r.comes("a", 172_500_000, 0)
	if list, err := b.Risk().Violations.List(ctx, api.ViolationsListRequest{Accused: "a"}); err != nil || len(list) != 1 || list[0].Evidence != nil {
		t.Errorf("%+v, %v", list, err)
	}
	// b has not written what it reads here: the replica that it asks may be behind.
	natstest.Eventually(t, patience, func() bool {
		list, err := b.Risk().Stakes.List(ctx)
		return err == nil && len(list) == 1 && list[0].Recoverable == 27_500_000
	}, "what is left to recover is seen by others")
}

func TestInsuranceOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(1000*riskUnit, "owner", "h")
	owner, h := client.New(r.as("owner")).Risk().Insurance, client.New(r.as("h")).Risk().Insurance
	ctx := t.Context()
	terms := api.PoolTerms{Rates: map[string]api.Decimal{"performance_failure": 20_000}}
	if _, err := owner.CreatePool(ctx, api.PoolCreateRequest{ID: "p", PoolTerms: terms}); err != nil {
		t.Fatal(err)
	}
	if p, err := owner.Fund(ctx, api.PoolMoneyRequest{Pool: "p", Amount: 500 * riskUnit}); err != nil || p.Free != 500*riskUnit {
		t.Fatalf("%+v, %v", p, err)
	}
	cover := api.Cover{Pool: "p", Subject: "worker", Value: 100 * riskUnit, Types: []string{"performance_failure"}, Term: api.Duration(time.Hour)}
	q, err := h.Quote(ctx, cover)
	if err != nil || !q.Available || q.Limit != 80*riskUnit || q.Premium == 0 || q.Complexity != api.InsuranceMedium {
		t.Fatalf("%+v, %v", q, err)
	}
	p, err := h.Buy(ctx, api.PolicyBuyRequest{ID: "x", Cover: cover, MaxPremium: q.Premium})
	if err != nil || p.Premium != q.Premium || p.Holder != "h" || p.Revision == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	file := api.ClaimFileRequest{ID: "c", Policy: "x", Type: "performance_failure", Event: "contract/1"}
	if _, err := h.File(ctx, file); err != nil {
		t.Fatal(err)
	}
	if _, err := h.JudgeClaim(ctx, api.ClaimJudgeRequest{ID: "c", Approve: true}); api.ReasonOf(err) != api.ReasonOwnCase {
		t.Error(err)
	}
	if c, err := owner.JudgeClaim(ctx, api.ClaimJudgeRequest{ID: "c", Approve: true}); err != nil || c.Paid != 80*riskUnit {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := owner.JudgeClaim(ctx, api.ClaimJudgeRequest{ID: "c", Approve: true}); api.ReasonOf(err) != api.ReasonAlreadyJudged {
		t.Error(err)
	}
	if pool, err := h.Pool(ctx, "p"); err != nil || pool.Free != 420*riskUnit+q.Premium || pool.Reserved != 0 || pool.Paid != 80*riskUnit {
		t.Errorf("%+v, %v", pool, err)
	}
	if c, err := h.Claim(ctx, "c"); err != nil || c.State != api.ClaimPaid {
		t.Errorf("%+v, %v", c, err)
	}
	if p, err := h.Policy(ctx, "x"); err != nil || p.State != api.PolicyExhausted {
		t.Errorf("%+v, %v", p, err)
	}
	pools, err := h.Pools(ctx)
	policies, err2 := h.Policies(ctx, api.PoliciesListRequest{Holder: "h"})
	claims, err3 := h.Claims(ctx, api.ClaimsListRequest{Policy: "x"})
	if err != nil || err2 != nil || err3 != nil || len(pools) != 1 || len(policies) != 1 || len(claims) != 1 {
		t.Errorf("%d pools (%v), %d policies (%v), %d claims (%v)", len(pools), err, len(policies), err2, len(claims), err3)
	}
	if _, err := owner.Withdraw(ctx, api.PoolMoneyRequest{Pool: "p", Amount: 420*riskUnit + q.Premium}); err != nil {
		t.Error(err)
	}
	if p, err := owner.ClosePool(ctx, "p"); err != nil || !p.Closed || p.Free != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestBreakersOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(100*riskUnit, "a")
	op, a := client.New(r.as(economics.DefaultOperator)), client.New(r.as("a"))
	ctx := t.Context()
	_, err := op.Risk().Breakers.Set(ctx, api.SystemicBreakerSpec{
		Name: "b", Metric: api.MetricCoordinationFailures, Threshold: 300_000, Refuse: []api.BreakerAction{api.RefuseTransfers, api.RefusePolicies}, Above: riskUnit,
		Window: api.Duration(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Risk().Breakers.Report(ctx, api.MetricCoordinationFailures, 350_000); api.ReasonOf(err) != api.ReasonOperatorOnly {
		t.Error(err)
	}
	h, err := op.Risk().Breakers.Report(ctx, api.MetricCoordinationFailures, 350_000)
	if err != nil || len(h.Open) != 1 || *h.Health != 650_000 {
		t.Fatalf("%+v, %v", h, err)
	}
	pay := func(amount api.Micro) error {
		_, err := settled(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "c", Amount: amount}, api.ReasonBreakerOpen)
		return err
	}
	if err := pay(2 * riskUnit); api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonBreakerOpen {
		t.Error(err)
	}
	if err := pay(riskUnit); err != nil {
		t.Error(err)
	}
	list, err := a.Risk().Breakers.List(ctx)
	if err != nil || len(list.Trips) != 1 || list.Trips[0].Value != 350_000 || list.Breakers[0].State != api.BreakerOpen {
		t.Errorf("%+v, %v", list, err)
	}
	if b, err := op.Risk().Breakers.Reset(ctx, "b"); err != nil || b.State != api.BreakerClosed {
		t.Errorf("%+v, %v", b, err)
	}
	if err := pay(2 * riskUnit); err != nil {
		t.Error(err)
	}
	if b, err := a.Risk().Breakers.Get(ctx, "b"); err != nil || b.Trips != 1 {
		t.Errorf("%+v, %v", b, err)
	}
	if existed, err := op.Risk().Breakers.Remove(ctx, "b"); err != nil || !existed {
		t.Error(existed, err)
	}
	if h, err := a.Risk().Breakers.Health(ctx); err != nil || len(h.Open) != 0 || h.CoordinationFailures == nil {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestScreenOverNATS(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	truth := 76 * api.One
	round := api.ScreenRound{Truth: &truth}
	for i, v := range []api.Decimal{95, 95, 68, 79, 73} {
		round.Values = append(round.Values, api.ScreenValue{Agent: fmt.Sprint("a", i), Value: v * api.One})
	}
	resp, err := client.New(r.as("a")).Risk().Screens.Collusion(t.Context(), api.ScreenRequest{Kind: api.ScreenEstimates, Rounds: []api.ScreenRound{round}})
	if err != nil || len(resp.Flags) != 1 || len(resp.Flags[0].Agents) != 2 || resp.Flags[0].Test != api.ScreenCopies {
		t.Errorf("%+v, %v", resp, err)
	}
	refused(t, r.as("a"), api.ScreensCollusion, api.ScreenRequest{Kind: "all"}, api.Invalid, api.ReasonInvalidScreen)
}

// A jury of agents decides in a session of the council, and the verdict counts here.
func TestVerdictOfASession(t *testing.T) {
	t.Parallel()
	r := world(t, 1)
	r.mint(100*riskUnit, "a")
	ctx := t.Context()
	reg, err := registry.Start(ctx, dial(t, r.srv.URL(), ""), registry.Config{})
	if err != nil {
		t.Fatal(err)
	}
	council, err := coordination.Start(ctx, dial(t, r.srv.URL(), ""), coordination.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := council.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := reg.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	op, a, b := client.New(r.as(economics.DefaultOperator)), client.New(r.as("a")), client.New(r.as("b"))
	rules := soon()
	rules.Jurors = []string{"j1", "j2", "j3", "a"}
	for _, j := range rules.Jurors[:3] {
		if _, err := b.Agents.Register(ctx, api.AgentSpec{ID: j, Runtime: api.RuntimeExternal}); err != nil {
			t.Fatal(err)
		}
		sub, err := r.as(j).NC.Subscribe(api.AgentSubject("mabus", j), func(m *nats.Msg) { _ = m.Respond([]byte("{}")) })
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Unsubscribe() }()
		if err := r.as(j).NC.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := op.Risk().Stakes.Configure(ctx, rules); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Risk().Stakes.Put(ctx, api.StakePutRequest{Amount: 100 * riskUnit}); err != nil {
		t.Fatal(err)
	}
	v, err := b.Risk().Violations.Report(ctx, api.ViolationReportRequest{ID: "v", Accused: "a", Kind: "task_abandonment", Ref: "contract/1"})
	if err != nil || len(v.Jury) != 3 {
		t.Fatalf("%+v, %v", v, err)
	}
	s, err := b.Sessions.Start(ctx, api.SessionStartRequest{ID: "case", Type: api.SessionVoting, Question: json.RawMessage(`{"violation":"v"}`), Members: v.Jury})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Risk().Violations.Judge(ctx, api.ViolationJudgeRequest{ID: "v", Session: "case"}); api.ReasonOf(err) != api.ReasonVerdictInvalid {
		t.Errorf("before the jury has decided: %v", err)
	}
	if _, err := b.Risk().Violations.Judge(ctx, api.ViolationJudgeRequest{ID: "v", Session: "none"}); api.ReasonOf(err) != api.ReasonSessionNotFound {
		t.Error(err)
	}
	for j, answer := range map[string]string{"j1": "yes", "j2": "no", "j3": "yes"} {
		_, err := client.New(r.as(j)).Sessions.Answer(ctx, s.ID, 1, answer)
		if reason := api.ReasonOf(err); err != nil && reason != api.ReasonSessionEnded && reason != api.ReasonRoundClosed { // two are enough
			t.Fatal(err)
		}
	}
	if _, err := b.Sessions.Wait(ctx, s.ID); err != nil {
		t.Fatal(err)
	}
	v, err = b.Risk().Violations.Judge(ctx, api.ViolationJudgeRequest{ID: "v", Session: "case"})
	if err != nil || v.JudgedBy != "session/case" || v.Slash != 10*riskUnit {
		t.Fatalf("%+v, %v", v, err)
	}
	becomes(t, "the slashing", func() (*api.Stake, error) { return a.Risk().Stakes.Get(ctx, "a") }, func(s *api.Stake) bool { return s.Total() == 90*riskUnit })
}
