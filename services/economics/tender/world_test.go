package tender_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/contract/contracttest"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	rich   api.Micro = 1_000_000
	budget api.Micro = 1_000
)

// world has tenders.
type world struct {
	*contracttest.World[*tender.Draft]
	t       contracttest.Fatal
	tenders *tender.State
}

func begin(t contracttest.Fatal) *world {
	w := &world{t: t, tenders: tender.New()}
	w.World = contracttest.New(t, contracttest.Part[*tender.Draft]{
		Name: "tender", Begin: func() *tender.Draft { return w.tenders.Draft() }, Commands: tender.Commands, Timer: tender.Timer, Drop: tender.Drop,
		Outcome: tender.Outcome,
	})
	w.Mint("boss", rich)
	return w
}

func (w *world) announce(spec api.TenderSpec) *api.Tender {
	w.t.Helper()
	if spec.Budget == 0 {
		spec.Budget = budget
	}
	if spec.Task.Capability == "" {
		spec.Task.Capability = "dig"
	}
	answer, err := w.Call("boss", "tenders.announce", spec)
	return contracttest.Read[api.Tender](w.t, answer, err)
}

func (w *world) bid(who, id string, price api.Micro) {
	w.t.Helper()
	answer, err := w.Call(who, "tenders.bid", api.TenderBidRequest{ID: id, Price: price})
	contracttest.Read[api.TenderBid](w.t, answer, err)
}

func (w *world) do(who, kind string, request any) *api.Tender {
	w.t.Helper()
	answer, err := w.Call(who, "tenders."+kind, request)
	return contracttest.Read[api.Tender](w.t, answer, err)
}

// not fails unless a command is refused so, and has changed nothing.
func (w *world) not(code api.Code, reason, who, kind string, request any) {
	w.t.Helper()
	w.Fire()
	before := w.bytes()
	_, err := w.Call(who, "tenders."+kind, request)
	contracttest.Refused(w.t, err, code, reason)
	if w.bytes() != before {
		w.t.Fatalf("a refused command has changed something")
	}
}

func (w *world) bytes() string {
	all, err := codec.Marshal([]any{w.tenders, w.Contracts, w.Ledger, w.Reputation, w.Timers})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return string(all)
}

func (w *world) view(id, by string) *api.Tender {
	w.t.Helper()
	v, err := w.tenders.View(id, by, w.Contracts)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return v
}

// has checks what a principal has, and that nothing of it is held.
func (w *world) has(who string, want api.Micro) {
	w.t.Helper()
	if have, held := w.Balance(who); have != want || held != 0 {
		w.t.Fatalf("%s has %s and holds %s, want %s", who, have, held, want)
	}
	w.Audit()
}

func share(v api.Decimal) *api.Decimal { return &v }

func minutes(n int) api.Duration { return api.Duration(time.Duration(n) * time.Minute) }

func TestFromAnnouncementToPayment(t *testing.T) {
	w := begin(t)
	opened := w.announce(api.TenderSpec{ID: "t", Terms: api.ContractTerms{Fee: 100_000}})
	if opened.State != api.TenderOpen || opened.Rule != api.TenderVickrey || opened.MaxBidders != 50 || opened.Execution != api.TenderByAgent ||
		opened.Account != "boss/main/credit" || opened.Terms.QualityGuarantee != 800_000 || !opened.ClosesAt.Equal(w.Now.Add(time.Minute)) {
		t.Errorf("%+v", opened)
	}
	if have, held := w.Balance("boss"); have != rich-budget || held != budget {
		t.Errorf("the announcer has %s and holds %s", have, held)
	}
	w.bid("a", "t", 700)
	w.bid("b", "t", 500)
	w.bid("c", "t", 600)
	if v := w.view("t", "a"); v.BidCount != 3 || len(v.Bids) != 1 || v.Bids[0].Bidder != "a" {
		t.Errorf("before the award a sees %+v", v.Bids)
	}
	w.Pass(time.Minute)
	v := w.view("t", "")
	if v.State != api.TenderAwarded || v.Award.Winner != "b" || v.Award.Price != 600 || len(v.Bids) != 3 || v.Contract.Provider != "b" ||
		v.Contract.Ceiling != budget {
		t.Fatalf("%+v %+v", v, v.Award)
	}
	if _, held := w.Balance("boss"); held != 600 {
		t.Errorf("%s are held after the award", held)
	}
	if _, err := w.Call("b", "contracts.deliver", api.ContractDeliverRequest{ID: v.Award.Contract, Result: []byte(`"dug"`)}); err != nil {
		t.Fatal(err)
	}
	if v = w.view("t", ""); v.State != api.TenderAwarded || v.Contract.State != api.ContractDelivered {
		t.Errorf("%+v", v)
	}
	if _, err := w.Call("boss", "contracts.accept", api.ContractAcceptRequest{ID: v.Award.Contract, Quality: share(950_000)}); err != nil {
		t.Fatal(err)
	}
	if v = w.view("t", ""); v.State != api.TenderDone {
		t.Errorf("before the timer fires the tender is %s", v.State)
	}
	w.Fire()
	if v = w.view("t", ""); v.State != api.TenderDone || v.Contract.Outcome.Quality != 950_000 || w.Gone["tender/t"] != 1 {
		t.Errorf("%+v, archived %v", v, w.Gone)
	}
	w.has("boss", rich-600)
	w.has("b", 540)
	if w.Fees() != 60 {
		t.Errorf("the system has %s", w.Fees())
	}
	if history, _ := w.Reputation.Draft().History("b", "dig", 10); len(history) != 1 || history[0].Stake != 600 {
		t.Errorf("recorded is %+v", history)
	}
	w.DropEnded()
	if len(w.tenders.Tenders)+len(w.tenders.Bids)+len(w.Contracts.Contracts)+len(w.Timers) != 0 {
		t.Errorf("left are %v, %v, %v, %v", w.tenders.Tenders, w.tenders.Bids, w.Contracts.Contracts, w.Timers)
	}
}

// Reference 55: at most the budget of the task, 25 against 20 is refused, 20 is enough; and what is not there cannot be held.
func TestBudgets(t *testing.T) {
	w := begin(t)
	w.announce(api.TenderSpec{ID: "t", Budget: 20})
	w.not(api.Invalid, api.ReasonOverBudget, "a", "bid", api.TenderBidRequest{ID: "t", Price: 25})
	w.bid("a", "t", 20)
	w.not(api.FailedPrecondition, api.ReasonInsufficientFunds, "boss", "announce", api.TenderSpec{ID: "u", Task: api.TenderTask{Capability: "dig"}, Budget: rich})
	w.not(api.FailedPrecondition, api.ReasonInsufficientFunds, "boss", "announce", api.TenderSpec{
		ID: "u", Task: api.TenderTask{Capability: "dig"}, Budget: 1, Terms: api.ContractTerms{Bonus: api.ContractBonus{Max: rich}},
	})
	w.not(api.PermissionDenied, api.ReasonNotOwner, "a", "announce", api.TenderSpec{ID: "u", Task: api.TenderTask{Capability: "dig"}, Budget: 1, Account: "boss"})
	w.not(api.Unauthenticated, api.ReasonPrincipalMissing, "", "announce", api.TenderSpec{ID: "u", Task: api.TenderTask{Capability: "dig"}, Budget: 1})
}

func TestWhoMayBid(t *testing.T) {
	w := begin(t)
	w.announce(api.TenderSpec{ID: "t", MaxBidders: 2, Terms: api.ContractTerms{Judge: "judge", Completion: minutes(10)}})
	w.not(api.PermissionDenied, api.ReasonOwnTender, "boss", "bid", api.TenderBidRequest{ID: "t", Price: 1})
	w.not(api.PermissionDenied, api.ReasonOwnTender, "judge", "bid", api.TenderBidRequest{ID: "t", Price: 1})
	w.not(api.Invalid, "", "a", "bid", api.TenderBidRequest{ID: "t", Price: 1, Time: minutes(11)})
	w.not(api.Invalid, "", "a", "bid", api.TenderBidRequest{ID: "t", Price: 1, Quality: 799_999})
	w.not(api.Invalid, api.ReasonInvalidContract, "a", "bid", api.TenderBidRequest{ID: "t", Price: 0})
	w.not(api.NotFound, api.ReasonTenderNotFound, "a", "bid", api.TenderBidRequest{ID: "u", Price: 1})
	w.not(api.Conflict, api.ReasonTenderExists, "boss", "announce", api.TenderSpec{ID: "t", Task: api.TenderTask{Capability: "dig"}, Budget: 1})
	w.bid("a", "t", 5)
	w.bid("b", "t", 5)
	w.not(api.Overloaded, api.ReasonTenderFull, "c", "bid", api.TenderBidRequest{ID: "t", Price: 1})
	w.bid("a", "t", 4) // takes the place of its first
	w.do("b", "withdraw", api.TenderWithdrawRequest{ID: "t"})
	w.do("b", "withdraw", api.TenderWithdrawRequest{ID: "t"})
	w.bid("c", "t", 6)
	if v := w.do("boss", "award", api.TenderAwardRequest{ID: "t"}); v.Award.Winner != "a" || v.Award.Price != 6 {
		t.Errorf("%+v", v.Award)
	}
	w.not(api.FailedPrecondition, api.ReasonTenderNotOpen, "b", "bid", api.TenderBidRequest{ID: "t", Price: 1})
	w.not(api.FailedPrecondition, api.ReasonTenderNotOpen, "a", "withdraw", api.TenderWithdrawRequest{ID: "t"})

	w.announce(api.TenderSpec{ID: "named", Invited: []string{"x", "y"}})
	w.not(api.PermissionDenied, api.ReasonNotInvited, "a", "bid", api.TenderBidRequest{ID: "named", Price: 1})
	w.bid("x", "named", 7)
	w.bid("y", "named", 8)
	if v := w.view("named", ""); v.State != api.TenderAwarded || v.Award.Winner != "x" { // at once, since all have bid
		t.Errorf("%+v", v)
	}
	w.announce(api.TenderSpec{ID: "good", MinReputation: 500_001})
	w.not(api.FailedPrecondition, api.ReasonInsufficientRecord, "z", "bid", api.TenderBidRequest{ID: "good", Price: 1})
}
