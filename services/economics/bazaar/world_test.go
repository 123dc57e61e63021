package bazaar_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/bazaar"
	"github.com/mabus-project/mabus/services/economics/contract/contracttest"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const rich api.Micro = 1_000_000

// world has marketplaces.
type world struct {
	*contracttest.World[*bazaar.Draft]
	t       contracttest.Fatal
	markets *bazaar.State
	records int
}

func begin(t contracttest.Fatal, who ...string) *world {
	w := &world{t: t, markets: bazaar.New()}
	w.World = contracttest.New(t, contracttest.Part[*bazaar.Draft]{
		Name: "bazaar", Begin: func() *bazaar.Draft { return w.markets.Draft() }, Commands: bazaar.Commands, Timer: bazaar.Timer, Drop: bazaar.Drop,
	})
	for _, p := range who {
		w.Mint(p, rich)
	}
	return w
}

// known gives an agent records by an operator.
func (w *world) known(agent, domain string, qualities ...api.Decimal) {
	w.t.Helper()
	for _, q := range qualities {
		w.records++
		if _, err := w.Try("operator", func(a *act.Act, _ *bazaar.Draft) (any, error) {
			return nil, a.Reputation.Record(a.Time, reputation.Record{
				Agent: agent, Domain: domain, By: "operator", Ref: fmt.Sprint("test/", w.records), Source: api.SourceOperator, Quality: q, Satisfaction: q,
				CostEfficiency: q,
			})
		}); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
}

func (w *world) create(spec api.BazaarSpec) {
	w.t.Helper()
	if spec.Name == "" {
		spec.Name = "a market"
	}
	answer, err := w.Call("owner", "bazaars.create", spec)
	contracttest.Read[api.Bazaar](w.t, answer, err)
}

func (w *world) list(who string, spec api.ListingSpec) *api.Listing {
	w.t.Helper()
	answer, err := w.Call(who, "bazaars.list_service", spec)
	return contracttest.Read[api.Listing](w.t, answer, err)
}

func (w *world) buy(who string, r api.ServiceRequest) *api.BazaarTransaction {
	w.t.Helper()
	answer, err := w.Call(who, "bazaars.request_service", r)
	return contracttest.Read[api.BazaarTransaction](w.t, answer, err)
}

func (w *world) contract(who, kind string, request any) {
	w.t.Helper()
	answer, err := w.Call(who, "contracts."+kind, request)
	contracttest.Read[api.Contract](w.t, answer, err)
	w.Fire()
}

// not fails unless a command is refused so, and has changed nothing.
func (w *world) not(code api.Code, reason, who, kind string, request any) {
	w.t.Helper()
	w.Fire()
	before := w.bytes()
	_, err := w.Call(who, "bazaars."+kind, request)
	contracttest.Refused(w.t, err, code, reason)
	if w.bytes() != before {
		w.t.Fatalf("a refused command has changed something")
	}
}

func (w *world) bytes() string {
	all, err := codec.Marshal([]any{w.markets, w.Contracts, w.Ledger, w.Reputation, w.Timers})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return string(all)
}

func (w *world) search(r api.BazaarSearchRequest) []api.RankedListing {
	w.t.Helper()
	resp, err := w.markets.Search(&r, w.Reputation.Draft(), w.Now)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return resp.Listings
}

func (w *world) market(id string) *api.Bazaar {
	w.t.Helper()
	m, err := w.markets.Get(id)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return m
}

func hours(n int) api.Duration { return api.Duration(time.Duration(n) * time.Hour) }

// Reference 56: a listing at 0.02 costs a provider with a score of 0.85 and half of it as discount 0.0115.
func TestTheListingFee(t *testing.T) {
	if fee := bazaar.Fee(20_000, 500_000, 850_000); fee != 11_500 {
		t.Errorf("the fee is %s", fee)
	}
	for _, c := range []struct {
		fee             api.Micro
		discount, score api.Decimal
		want            api.Micro
	}{{20_000, 0, api.One, 20_000}, {20_000, api.One, api.One, 0}, {0, 0, 0, 0}, {3, 500_000, 500_000, 2}} {
		if fee := bazaar.Fee(c.fee, c.discount, c.score); fee != c.want {
			t.Errorf("%+v: %s", c, fee)
		}
	}
	w := begin(t, "p")
	w.create(api.BazaarSpec{ID: "m", ListingFee: 20_000, FeeDiscount: 500_000})
	l := w.list("p", api.ListingSpec{Bazaar: "m", ServiceType: "dig", Price: 5}) // nothing is known of p: 0.5
	have, _ := w.Balance("p")
	if l.Fee != 15_000 || w.Fees() != 15_000 || have != rich-15_000 {
		t.Errorf("charged are %s, the system has %s, the provider %s", l.Fee, w.Fees(), have)
	}
	w.not(api.FailedPrecondition, api.ReasonInsufficientFunds, "poor", "list_service", api.ListingSpec{Bazaar: "m", ServiceType: "dig", Price: 5})
	w.Audit()
}

// Reference 56 and the gate's order: the first that is missing is named.
func TestTheGate(t *testing.T) {
	gate := api.BazaarGate{MinimumScore: 500_000, RequiredSpecialisations: []string{"dig", "cut"}, HistoryLength: 4, Consistency: 900_000}
	good := api.Reputation{Agent: "p", Score: 500_000, Specialisations: []string{"cut", "dig"}, History: 4, Consistency: 900_000}
	if err := bazaar.Pass(&gate, &good); err != nil {
		t.Error(err)
	}
	if err := bazaar.Pass(&api.BazaarGate{}, &api.Reputation{}); err != nil {
		t.Error(err)
	}
	spoil := []struct {
		reason string
		f      func(r *api.Reputation)
	}{
		{api.ReasonInsufficientConsistency, func(r *api.Reputation) { r.Consistency-- }},
		{api.ReasonInsufficientHistory, func(r *api.Reputation) { r.History-- }},
		{api.ReasonMissingSkills, func(r *api.Reputation) { r.Specialisations = r.Specialisations[:1] }},
		{api.ReasonInsufficientRecord, func(r *api.Reputation) { r.Score-- }},
	}
	bad := good
	for _, s := range spoil { // each with all that come after it in the gate's order
		one := good
		s.f(&one)
		s.f(&bad)
		for _, r := range []*api.Reputation{&one, &bad} {
			contracttest.Refused(t, bazaar.Pass(&gate, r), api.FailedPrecondition, s.reason)
		}
	}
}

func TestTheGateAsksTheRecords(t *testing.T) {
	w := begin(t, "buyer")
	w.create(api.BazaarSpec{ID: "m", Gate: api.BazaarGate{
		MinimumScore: 600_000, RequiredSpecialisations: []string{"dig"}, HistoryLength: 3,
		Consistency: 990_000,
	}})
	spec := api.ListingSpec{Bazaar: "m", ID: "l", ServiceType: "dig", Price: 5}
	w.not(api.FailedPrecondition, api.ReasonInsufficientRecord, "p", "list_service", spec) // reference 56: a score that is too low
	w.known("p", "cut", 900_000, 900_000)
	w.not(api.FailedPrecondition, api.ReasonMissingSkills, "p", "list_service", spec)
	w.known("p", "dig", 900_000, 900_000, 900_000)
	w.list("p", spec)
	if found := w.search(api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"}); len(found) != 1 {
		t.Errorf("found are %+v", found)
	}
	w.known("p", "dig", 500_000) // whose work varies too much since
	if found := w.search(api.BazaarSearchRequest{Bazaar: "m", ServiceType: "dig"}); len(found) != 0 {
		t.Errorf("found are %+v", found)
	}
	w.not(api.FailedPrecondition, api.ReasonInsufficientConsistency, "buyer", "request_service", api.ServiceRequest{Bazaar: "m", Listing: "l", MaxCost: 5})
}
