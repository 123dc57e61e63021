package budgets_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/budgets"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// had is what the payer has in the beginning.
const had = 1000

// bank is a server with the service that keeps the accounts, and stores of hosts.
type bank struct {
	*testing.T
	url  string
	conn *rpc.Conn
	s    *budgets.Store
}

func newBank(t *testing.T) *bank {
	t.Helper()
	srv := natstest.Start(t)
	b := &bank{T: t, url: srv.URL(), conn: dial(t, srv.URL())}
	service, err := economics.Start(within(t, 30*time.Second), dial(t, srv.URL()), economics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	b.s = open(t, srv.URL(), 1)
	ask(b, economics.DefaultOperator, api.AccountsMint, api.MintRequest{To: "ann/main/credit", Amount: had})
	return b
}

func dial(t *testing.T, url string) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(within(t, 30*time.Second), rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func ask[Req, Resp any](b *bank, principal string, m api.Method[Req, Resp], r Req) *Resp {
	b.Helper()
	resp, err := rpc.Call(within(b, 10*time.Second), b.conn.WithPrincipal(principal), m, &r)
	if err != nil {
		b.Fatalf("%s.%s: %v", m.Noun, m.Verb, err)
	}
	return resp
}

var ann = api.Cause{Principal: "ann"}

func pays(limit api.Micro) *api.BudgetSetRequest {
	return &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: limit, Account: "ann"}
}

// fund sets a cap for which ann pays.
func (b *bank) fund(limit api.Micro) *api.Budget {
	b.Helper()
	got, err := b.s.Set(within(b, 10*time.Second), ann, pays(limit))
	if err != nil {
		b.Fatal(err)
	}
	return got
}

func (b *bank) settle() *api.Budget {
	b.Helper()
	got, err := b.s.Settle(within(b, 10*time.Second), ann, &job)
	if err != nil {
		b.Fatal(err)
	}
	return got
}

// spend makes a call that costs so much, or leaves it open.
func (b *bank) spend(id string, cost api.Micro, open bool) *budgets.Reservation {
	b.Helper()
	r, err := b.s.Reserve(within(b, 10*time.Second), call(id, cost))
	if err == nil && !open {
		err = r.Settle(within(b, 10*time.Second), api.Usage{Cost: cost})
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// has checks what ann has, and what was collected: together always what there was in the beginning.
func (b *bank) has(held, collected api.Micro) {
	b.Helper()
	audit := ask(b, economics.DefaultOperator, api.LedgerAudit, api.AuditRequest{})
	mine := ask(b, "ann", api.AccountsGet, api.AccountGetRequest{Account: "ann", MinRevision: audit.Revision})
	spent := ask(b, "agenthost", api.AccountsGet, api.AccountGetRequest{Account: budgets.Spent, MinRevision: audit.Revision})
	if mine.Held != held || spent.Available != collected || mine.Available != had-held-collected {
		b.Errorf("ann has %d and %d held, %d are collected; want %d held, %d collected", mine.Available, mine.Held, spent.Available, held, collected)
	}
	if !audit.Agree || len(audit.Assets) != 1 || audit.Assets[0].Issued != had {
		b.Errorf("%+v", audit)
	}
}

func TestAFundedCap(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	if got := b.fund(100); got.Cap != 100 || got.Held != 100 || got.Account != "ann/main/credit" {
		t.Fatalf("%+v", got)
	}
	b.has(100, 0)
	b.spend("c1", 30, false)
	if got := b.fund(150); got.Held != 150 { // raised
		t.Errorf("%+v", got)
	}
	b.has(150, 0)
	if got := b.fund(110); got.Held != 110 { // lowered
		t.Errorf("%+v", got)
	}
	b.has(110, 0)
	r := b.spend("c2", 50, true)
	if got := b.fund(60); got.Cap != 60 || got.Held != 80 { // below what may be spent already
		t.Errorf("%+v", got)
	}
	b.has(80, 0)
	if got := b.settle(); !got.Settling || got.Held != 50 || got.Captured != 30 {
		t.Errorf("with a call under way: %+v", got)
	}
	b.has(50, 30)
	if _, err := b.s.Reserve(within(t, 10*time.Second), call("c3", 1)); api.ReasonOf(err) != api.ReasonBudgetExhausted {
		t.Errorf("got %v", err)
	}
	if err := r.Settle(within(t, 10*time.Second), api.Usage{Cost: 20}); err != nil {
		t.Fatal(err)
	}
	if err := b.s.Tidy(within(t, 10*time.Second), false); err != nil {
		t.Fatal(err)
	}
	got := b.settle() // nothing twice
	if got.Settling || got.Held != 0 || got.Captured != 50 || got.Spent != 50 {
		t.Errorf("%+v", got)
	}
	b.has(0, 50)
	if got = b.fund(200); got.Held != 150 || got.Captured != 50 { // taken up again
		t.Errorf("%+v", got)
	}
	b.spend("c4", 150, false)
	if _, err := b.s.Reserve(within(t, 10*time.Second), call("c5", 1)); api.ReasonOf(err) != api.ReasonBudgetExhausted {
		t.Errorf("got %v", err)
	}
	for range 2 { // removed twice
		if err := b.s.Remove(within(t, 10*time.Second), ann, &job); err != nil {
			t.Fatal(err)
		}
		b.has(0, 200)
	}
}

func TestRemovedWithCallsUnderWay(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.fund(100)
	r := b.spend("c1", 40, true)
	if err := b.s.Remove(within(t, 10*time.Second), ann, &job); err != nil {
		t.Fatal(err)
	}
	b.has(0, 40)
	if err := r.Settle(within(t, 10*time.Second), api.Usage{Cost: 40}); err != nil {
		t.Fatal(err)
	}
	b.has(0, 40)
}

// Whoever cannot pay, or may not, has changed nothing.
func TestRefusedFunding(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	try := func(principal string, r *api.BudgetSetRequest, reason string) {
		t.Helper()
		if _, err := b.s.Set(within(t, 10*time.Second), api.Cause{Principal: principal}, r); api.ReasonOf(err) != reason {
			t.Errorf("got %v, want %s", err, reason)
		}
	}
	try("ann", pays(had+1), api.ReasonInsufficientFunds)
	try("bob", pays(10), api.ReasonNotOwner)
	try("", pays(10), api.ReasonPrincipalMissing)
	try("ann", &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 1, Account: "ann/main/gold"}, api.ReasonAssetMismatch)
	try("agenthost", &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 1, Account: budgets.Spent}, api.ReasonInvalidAccount)
	if _, err := b.s.Get(within(t, 10*time.Second), &job); api.ReasonOf(err) != api.ReasonBudgetNotFound {
		t.Errorf("got %v", err)
	}
	b.spend("before", 1<<50, false) // there is no cap
	set(t, b.s, job, 50)            // one without money
	try("ann", pays(had+1), api.ReasonInsufficientFunds)
	if got := get(t, b.s, job); got.Cap != 50 || got.Account != "" {
		t.Errorf("%+v", got)
	}
	b.fund(600)
	try("ann", pays(had+1), api.ReasonInsufficientFunds)
	try("bob", &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 1}, api.ReasonNotOwner)
	if _, err := b.s.Set(within(t, 10*time.Second), ann, &api.BudgetSetRequest{Scope: job.Scope, ID: job.ID, Cap: 1, Account: "ann/other"}); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("got %v", err)
	}
	other := api.BudgetSetRequest{Scope: api.BudgetNamespace, Cap: 500, Account: "ann"} // it is not there twice
	try("ann", &other, api.ReasonInsufficientFunds)
	if err := b.s.Remove(within(t, 10*time.Second), api.Cause{Principal: "bob"}, &job); api.ReasonOf(err) != api.ReasonNotOwner {
		t.Errorf("got %v", err)
	}
	if _, err := b.s.Settle(within(t, 10*time.Second), api.Cause{}, &job); api.ReasonOf(err) != api.ReasonNotOwner {
		t.Errorf("got %v", err)
	}
	if got := get(t, b.s, job); got.Cap != 600 || got.Held != 600 {
		t.Errorf("%+v", got)
	}
	b.has(600, 0)
}

// Without the service that keeps the accounts caps are as they were, as long as nobody is to pay.
func TestNobodyKeepsAccounts(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).URL(), 1)
	set(t, s, job, 50)
	_, err := s.Set(within(t, 10*time.Second), ann, pays(60))
	if api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonNobodyListens {
		t.Errorf("got %v", err)
	}
	if got := get(t, s, job); got.Cap != 50 || got.Account != "" {
		t.Errorf("%+v", got)
	}
	if got := set(t, s, job, 70); got.Cap != 70 {
		t.Errorf("%+v", got)
	}
}

// A request that is repeated gets its answer, and holds nothing a second time.
func TestARepeatedFunding(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	cause := api.Cause{Principal: "ann", RequestID: "r1", BodyHash: "h"}
	for range 3 {
		got, err := b.s.Set(within(t, 10*time.Second), cause, pays(100))
		if err != nil || got.Held != 100 {
			t.Fatalf("%+v, %v", got, err)
		}
		b.has(100, 0)
	}
	cause.RequestID = "r2"
	for _, want := range []string{api.ReasonInsufficientFunds, api.ReasonBudgetUnfunded} {
		if _, err := b.s.Set(within(t, 10*time.Second), cause, pays(had+1)); api.ReasonOf(err) != want {
			t.Errorf("got %v", err)
		}
	}
	b.has(100, 0)
}

// What an operator takes from a hold is gone, and no reason not to settle the rest.
func TestAnOperatorTakes(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.fund(100)
	b.fund(130)
	b.spend("c1", 20, false)
	for i, h := range ask(b, "ann", api.HoldsList, api.HoldsListRequest{Owner: "ann"}).Holds {
		ask(b, economics.DefaultOperator, api.HoldsCapture, api.HoldCaptureRequest{ID: h.ID, To: "ann/other", Amount: 7})
		if i == 0 {
			ask(b, economics.DefaultOperator, api.HoldsRelease, api.HoldKey{ID: h.ID})
		}
	}
	if got := b.settle(); got.Held != 0 || got.Settling {
		t.Errorf("%+v", got)
	}
	if got := ask(b, "ann", api.AccountsGet, api.AccountGetRequest{Account: "ann"}); got.Held != 0 || got.Available != had-14 {
		t.Errorf("%+v", got)
	}
}

// A hold that no budget knows goes back, once it is certain that none will.
func TestAnOrphan(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	ask(b, "ann", api.HoldsCreate, api.HoldCreateRequest{ID: "budget-job-j1-x", Account: "ann", Amount: 10, Beneficiary: "agenthost", Note: "budget/job.j1"})
	b.fund(50)
	for _, age := range []time.Duration{time.Hour, -time.Hour} {
		b.has(60, 0)
		b.s.OrphansAfter(age)
		if err := b.s.Tidy(within(t, 10*time.Second), false); err != nil {
			t.Fatal(err)
		}
	}
	b.has(50, 0)
}
