package economics_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// least is the smallest transfer by the second version of the rules of thrifty.
const least = 10

// thrifty is the economy with a version 2 of its rules, which differs in one thing: it refuses small transfers.
func thrifty() engine.Machine[*realm.State] {
	m := realm.Machine()
	second := m.Rules[1]
	first := second.Decide
	second.Decide = func(s *realm.State, c engine.Command) engine.Decision {
		var r api.TransferRequest
		if c.Kind == "accounts.transfer" && codec.Read(c.Body, &r) == nil && r.Amount < least {
			return engine.Decision{Err: api.Errorf(api.Invalid, "%s is too little", r.Amount).WithReason("too_little")}
		}
		return first(s, c)
	}
	m.Rules[2] = second
	return m
}

// While everybody pays everybody, replicas with a second version of the rules come beside those with the first, and take their place. Until
// the version is put in force all go by the first, and from then on all by the second: nobody hears anything else, nothing is lost, and what
// was done by the first stays done.
func TestRulesAreSwitchedUnderLoad(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	newer := economics.WithMachine(thrifty)
	r.replica(newer)
	r.replica(newer)
	op := r.as(economics.DefaultOperator)
	r.mint(1_000_000, "a")
	pay := func(amount api.Micro) error {
		_, err := call(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: amount})
		return err
	}
	var paid atomic.Int64
	var switched, stopped atomic.Bool
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for !stopped.Load() {
				was := switched.Load()
				switch err := pay(1); {
				case err == nil && was:
					t.Error("a small transfer was made by rules that refuse it")
				case err == nil:
					paid.Add(1)
				case api.ReasonOf(err) != "too_little" && api.CodeOf(err) != api.Unavailable:
					t.Error(err)
				}
			}
		})
	}
	defer func() {
		stopped.Store(true)
		work.Wait()
	}()
	natstest.Eventually(t, patience, func() bool { return paid.Load() > 20 }, "there are transfers by the first rules")
	natstest.Eventually(t, patience, func() bool { // which replica answers is chance: one that lacks them cannot
		_, err := call(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 2})
		return api.ReasonOf(err) == api.ReasonRulesMissing
	}, "the rules are refused while some lack them")
	r.stops[0]()
	r.stops[1]()
	natstest.Eventually(t, patience, func() bool {
		got, err := call(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 2})
		return err == nil && got.Version == 2
	}, "the rules are used when all have them")
	switched.Store(true)
	refused(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: least - 1}, api.Invalid, "too_little")
	must(t, r.as("a"), api.AccountsTransfer, api.TransferRequest{From: "a", To: "b", Amount: least})
	refused(t, op, api.EconomicsRulesUse, api.RulesUseRequest{Version: 1}, api.FailedPrecondition, api.ReasonRulesFinal)
	stopped.Store(true)
	work.Wait()

	// One that begins now reads both, and one of before does not serve.
	late := old(t, r.srv.URL())
	r.replica(newer)
	r.stops[2]()
	r.stops[3]()
	want := api.Micro(paid.Load()) + least
	natstest.Eventually(t, patience, func() bool {
		got, err := call(t, r.as("b"), api.AccountsGet, api.AccountGetRequest{Account: "b"})
		return err == nil && got.Available >= want
	}, "b has %d, by a replica that has read all", want)
	audit := must(t, op, api.LedgerAudit, api.AuditRequest{})
	if !audit.Agree {
		t.Errorf("%+v", audit)
	}
	if late.Ready() {
		t.Error("a replica that lacks the rules in force is ready")
	}
}

// old starts a replica that has the first rules alone, and may never be ready.
func old(t *testing.T, url string) *economics.Service {
	t.Helper()
	s, err := economics.Start(t.Context(), dial(t, url, ""), economics.Config{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}
