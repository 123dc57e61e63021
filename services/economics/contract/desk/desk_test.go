package desk_test

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/contract/contracttest"
	"github.com/mabus-project/mabus/services/economics/contract/desk"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const price api.Micro = 1_000

// nothing is a part without anything.
type nothing struct{}

func (nothing) Apply() {}

type world struct {
	*contracttest.World[nothing]
	t     contracttest.Fatal
	ended []string // origins that were told
}

func begin(t contracttest.Fatal) *world {
	w := &world{t: t}
	w.World = contracttest.New(t, contracttest.Part[nothing]{
		Name: "x", Begin: func() nothing { return nothing{} },
		Timer: func(a *act.Act, _ nothing, key string) error {
			w.ended = append(w.ended, key)
			id, ok := strings.CutSuffix(key, desk.EndedTimer)
			if _, over := desk.Noted(a, id); !ok || !over {
				t.Fatalf("the timer %s is of no contract that has ended", key)
			}
			return nil
		},
	})
	w.Mint("buyer", 1_000_000)
	return w
}

// open opens a contract of buyer and provider, with more held than the price.
func (w *world) open(id string, terms api.ContractTerms, held api.Micro) {
	w.t.Helper()
	_, err := w.Try("", func(a *act.Act, _ nothing) (any, error) {
		hold := "x/" + id
		if err := a.Ledger.Hold(hold, api.Account("buyer", "", ""), held, ledger.Why{Kind: "test", Ref: hold}); err != nil {
			return nil, err
		}
		return nil, desk.Open(a, api.Contract{
			ID: id, Origin: hold, Notify: true, Buyer: "buyer", Provider: "provider", Price: price, Hold: hold, Domain: "work", Terms: terms,
		})
	})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// money checks who has what in the end: nothing is held any more, and what everybody has together is what there was.
func (w *world) money(provider, fees api.Micro) {
	w.t.Helper()
	b, held := w.Balance("buyer")
	p, _ := w.Balance("provider")
	if p != provider || w.Fees() != fees || held != 0 || b+p+w.Fees() != 1_000_000 {
		w.t.Fatalf("the buyer has %s and holds %s, the provider has %s, the system %s", b, held, p, w.Fees())
	}
	w.Audit()
}

func (w *world) state(id string) *api.Contract {
	w.t.Helper()
	c, err := w.Contracts.Get(id)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return c
}

func (w *world) do(who, kind string, request any) *api.Contract {
	w.t.Helper()
	answer, err := w.Call(who, "contracts."+kind, request)
	return contracttest.Read[api.Contract](w.t, answer, err)
}

func (w *world) not(code api.Code, reason, who, kind string, request any) {
	w.t.Helper()
	before, err := codec.Marshal([]any{w.Contracts, w.Ledger, w.Reputation})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	_, err = w.Call(who, "contracts."+kind, request)
	contracttest.Refused(w.t, err, code, reason)
	after, _ := codec.Marshal([]any{w.Contracts, w.Ledger, w.Reputation})
	if string(before) != string(after) {
		w.t.Fatalf("a refused command has changed something")
	}
}

func q(v api.Decimal) *api.Decimal { return &v }

func TestAcceptedAndPaid(t *testing.T) {
	w := begin(t)
	w.open("c", api.ContractTerms{Fee: 100_000}, price+500)
	w.not(api.FailedPrecondition, api.ReasonNotDelivered, "buyer", "accept", api.ContractAcceptRequest{ID: "c"})
	w.not(api.PermissionDenied, api.ReasonNotParty, "buyer", "deliver", api.ContractDeliverRequest{ID: "c"})
	w.not(api.Unauthenticated, api.ReasonPrincipalMissing, "", "deliver", api.ContractDeliverRequest{ID: "c"})
	w.not(api.NotFound, api.ReasonContractNotFound, "buyer", "deliver", api.ContractDeliverRequest{ID: "d"})
	w.Pass(time.Minute)
	c := w.do("provider", "deliver", api.ContractDeliverRequest{ID: "c", Result: []byte(`{"a":1}`)})
	if c.State != api.ContractDelivered || !c.Due.Equal(contracttest.Start.Add(time.Minute+time.Hour)) {
		t.Errorf("%+v", c)
	}
	w.not(api.FailedPrecondition, api.ReasonAlreadyDelivered, "provider", "deliver", api.ContractDeliverRequest{ID: "c"})
	w.not(api.PermissionDenied, api.ReasonNotParty, "provider", "accept", api.ContractAcceptRequest{ID: "c"})
	w.not(api.PermissionDenied, api.ReasonNotParty, "other", "reject", api.ContractRejectRequest{ID: "c"})
	w.not(api.Invalid, api.ReasonInvalidContract, "buyer", "accept", api.ContractAcceptRequest{ID: "c", Quality: q(api.One + 1)})
	c = w.do("buyer", "accept", api.ContractAcceptRequest{ID: "c", Quality: q(900_000), Satisfaction: q(700_000)})
	if c.State != api.ContractFulfilled || c.Outcome.Quality != 900_000 || c.Outcome.By != "buyer" || c.Outcome.Settlement.Paid != price ||
		c.Outcome.Unrecorded != "" {
		t.Errorf("%+v %+v", c, c.Outcome)
	}
	w.money(900, 100)
	for _, kind := range []string{"accept", "reject", "cancel"} { // it is settled once
		w.not(api.FailedPrecondition, api.ReasonContractEnded, "buyer", kind, map[string]any{"id": "c"})
	}
	history, _ := w.Reputation.Draft().History("provider", "work", 10)
	if len(history) != 1 || history[0].Quality != 900_000 || history[0].By != "buyer" || history[0].Stake != price || history[0].Fee != 100 ||
		history[0].Duration.Std() != time.Minute || history[0].Ref != "contract/c" {
		t.Errorf("recorded is %+v", history)
	}
	w.Fire()
	if len(w.ended) != 1 || w.ended[0] != "c/ended" || w.Gone["contract/c"] != 1 {
		t.Errorf("told are %v, archived %v", w.ended, w.Gone)
	}
	if s := w.Contracts.Stats(); s.Opened != 1 || s.Fulfilled != 1 || s.Paid != price || s.Fees != 100 || s.Refunded != 500 || s.Quality != 900_000 ||
		s.Duration.Std() != time.Minute {
		t.Errorf("%+v", s)
	}
	w.Pass(24 * time.Hour) // no timer is left that would do it again
	w.money(900, 100)
	w.DropEnded()
	w.not(api.NotFound, api.ReasonContractNotFound, "buyer", "accept", api.ContractAcceptRequest{ID: "c"})
}

func TestTime(t *testing.T) {
	w := begin(t)
	terms := api.ContractTerms{Completion: api.Duration(time.Minute), Judging: api.Duration(2 * time.Minute), Judge: "judge"}
	w.open("late", terms, price)
	w.open("unjudged", terms, price)
	w.open("undecided", terms, price)
	for _, id := range []string{"unjudged", "undecided"} {
		w.do("provider", "deliver", api.ContractDeliverRequest{ID: id})
	}
	w.do("buyer", "reject", api.ContractRejectRequest{ID: "undecided"})
	w.Pass(time.Minute - 1)
	if s := w.state("late").State; s != api.ContractOpen {
		t.Errorf("a moment before its deadline a contract is %s", s)
	}
	w.Pass(1)
	if c := w.state("late"); c.State != api.ContractBreached || c.Outcome.Settlement.Refund != price || c.Outcome.By != "" {
		t.Errorf("%+v %+v", c, c.Outcome)
	}
	w.Pass(time.Minute)
	if c := w.state("unjudged"); c.State != api.ContractFulfilled || c.Outcome.Quality != contract.DefaultGuarantee || c.Outcome.Settlement.Paid != price {
		t.Errorf("%+v %+v", c, c.Outcome)
	}
	if c := w.state("undecided"); c.State != api.ContractBreached || c.Outcome.Settlement.Paid != 0 {
		t.Errorf("%+v %+v", c, c.Outcome)
	}
	w.money(price, 0)
}

// A contract that cannot be paid when its time is up is not forgotten: it is settled when there is room again.
func TestNoRoomToPay(t *testing.T) {
	w := begin(t)
	w.open("c", api.ContractTerms{}, price)
	w.do("provider", "deliver", api.ContractDeliverRequest{ID: "c"})
	accounts := w.Ledger.Accounts
	w.Ledger.Accounts = maps.Clone(accounts)
	for n := len(accounts); n < api.MaxAccounts; n++ {
		w.Ledger.Accounts[strconv.Itoa(n)] = nil
	}
	w.Pass(90 * time.Minute)
	if c := w.state("c"); c.State != api.ContractDelivered {
		t.Errorf("%+v", c)
	}
	w.Ledger.Accounts = accounts
	w.Pass(time.Minute)
	w.money(price, 0)
}

func TestTheJudgeDecides(t *testing.T) {
	w := begin(t)
	terms := api.ContractTerms{Judge: "judge"}
	for _, id := range []string{"a", "b", "c"} {
		w.open(id, terms, price)
		w.do("provider", "deliver", api.ContractDeliverRequest{ID: id})
		w.not(api.PermissionDenied, api.ReasonJudged, "buyer", "accept", api.ContractAcceptRequest{ID: id, Quality: q(799_999)})
		if c := w.do("buyer", "reject", api.ContractRejectRequest{ID: id}); c.State != api.ContractDisputed {
			t.Errorf("%+v", c)
		}
	}
	w.do("judge", "accept", api.ContractAcceptRequest{ID: "a", Quality: q(400_000)})
	w.do("judge", "reject", api.ContractRejectRequest{ID: "b", Reason: "empty"})
	w.do("buyer", "accept", api.ContractAcceptRequest{ID: "c"}) // who has changed its mind
	w.money(price/2+price, 0)
}

func TestCancel(t *testing.T) {
	w := begin(t)
	for _, id := range []string{"agreed", "forfeit", "operator", "alone"} {
		w.open(id, api.ContractTerms{}, price)
	}
	if c := w.do("buyer", "cancel", api.ContractCancelRequest{ID: "agreed"}); c.State != api.ContractOpen || c.CancelledBy != "buyer" {
		t.Errorf("%+v", c)
	}
	w.do("buyer", "cancel", api.ContractCancelRequest{ID: "agreed"}) // once more is not two
	if c := w.do("provider", "cancel", api.ContractCancelRequest{ID: "agreed"}); c.State != api.ContractCancelled {
		t.Errorf("%+v", c)
	}
	w.not(api.Invalid, "", "buyer", "cancel", api.ContractCancelRequest{ID: "forfeit", Forfeit: true})
	if c := w.do("provider", "cancel", api.ContractCancelRequest{ID: "forfeit", Forfeit: true}); c.State != api.ContractBreached {
		t.Errorf("%+v", c)
	}
	if c := w.do("operator", "cancel", api.ContractCancelRequest{ID: "operator"}); c.State != api.ContractCancelled {
		t.Errorf("%+v", c)
	}
	w.do("provider", "cancel", api.ContractCancelRequest{ID: "alone"})
	w.Pass(time.Hour)
	if c := w.state("alone"); c.State != api.ContractBreached {
		t.Errorf("%+v", c)
	}
	w.money(0, 0)
	if history, _ := w.Reputation.Draft().History("provider", "work", 10); len(history) != 2 {
		t.Errorf("recorded are %+v, want the two breaches", history)
	}
}

func TestOpenNeedsItsHold(t *testing.T) {
	w := begin(t)
	_, err := w.Try("", func(a *act.Act, _ nothing) (any, error) {
		return nil, desk.Open(a, api.Contract{ID: "c", Origin: "x/c", Buyer: "buyer", Provider: "provider", Price: price, Hold: "x/c"})
	})
	contracttest.Refused(t, err, api.FailedPrecondition, api.ReasonUnsecured)
	w.open("c", api.ContractTerms{}, price)
	_, err = w.Try("", func(a *act.Act, _ nothing) (any, error) {
		return nil, desk.Open(a, api.Contract{ID: "c", Origin: "x/c", Buyer: "buyer", Provider: "provider", Price: price, Hold: "x/c"})
	})
	contracttest.Refused(t, err, api.Conflict, api.ReasonContractExists)
	for _, bad := range []api.Contract{{ID: "d", Buyer: "a", Provider: "a"}, {ID: "d", Buyer: "a", Provider: "b", Price: -1}, {
		ID: "d", Buyer: "a",
		Provider: "b", Terms: api.ContractTerms{Judge: "b"},
	}} {
		_, err := w.Try("", func(a *act.Act, _ nothing) (any, error) { return nil, desk.Open(a, bad) })
		contracttest.Refused(t, err, api.Invalid, api.ReasonInvalidContract)
	}
}

// Whatever is done with contracts, in whatever order and by whomever: each is settled once, nothing is held in the end, and no unit is
// made or lost.
func TestHistories(t *testing.T) {
	who := rapid.SampledFrom([]string{"buyer", "provider", "judge", "other", "operator", ""})
	kinds := rapid.SampledFrom([]string{"deliver", "accept", "reject", "cancel"})
	share := rapid.Custom(func(t *rapid.T) api.Decimal {
		return api.Decimal(rapid.IntRange(0, 10).Draw(t, "tenths")) * api.One / 10
	})
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t)
		ids := []string{"a", "b", "c"}
		for _, id := range ids {
			terms := api.ContractTerms{Fee: share.Draw(t, "fee"), QualityGuarantee: share.Draw(t, "guarantee")}
			if rapid.Bool().Draw(t, "judged") {
				terms.Judge = "judge"
			}
			terms.Bonus = api.ContractBonus{Max: 300, QualityRate: 40, ReputationMultiplier: share.Draw(t, "multiplier")}
			w.open(id, terms, price+api.Micro(rapid.IntRange(0, 400).Draw(t, "more")))
		}
		settled := map[string]string{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := rapid.SampledFrom(ids).Draw(t, "id")
			request := map[string]any{"id": id}
			kind := kinds.Draw(t, "kind")
			if kind == "accept" {
				request["quality"] = share.Draw(t, "quality")
			}
			_, _ = w.Call(who.Draw(t, "who"), "contracts."+kind, request)
			w.Pass(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
			for _, id := range ids {
				if c := w.state(id); c.State.Over() {
					outcome, _ := codec.Marshal(c)
					if settled[id] != "" && settled[id] != string(outcome) {
						t.Fatalf("settled twice: %s and %s", settled[id], outcome)
					}
					settled[id] = string(outcome)
				}
			}
			w.Audit()
		}
		w.Pass(3 * time.Hour)
		var paid, fees api.Micro
		for _, id := range ids {
			c := w.state(id)
			if !c.State.Over() || w.Gone["contract/"+id] != 1 {
				t.Fatalf("%+v", c)
			}
			paid, fees = paid+c.Outcome.Settlement.Paid, fees+c.Outcome.Settlement.Fee
		}
		w.money(paid-fees, fees)
		read := contract.New()
		written, err := codec.Marshal(w.Contracts)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Read(written, read); err != nil {
			t.Fatal(err)
		}
		if again, _ := codec.Marshal(read); string(again) != string(written) {
			t.Fatalf("the state reads back as another")
		}
	})
}
