package tender_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/contract/contracttest"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
)

type offer struct {
	who     string
	price   api.Micro
	time    api.Duration
	quality api.Decimal
}

func TestRules(t *testing.T) {
	weights := api.TenderWeights{Price: 400_000, Quality: 400_000, Time: 200_000}
	rows := []struct {
		name    string
		rule    api.TenderRule
		weights api.TenderWeights
		bids    []offer
		winner  string
		price   api.Micro
	}{
		{"the second price", api.TenderVickrey, api.TenderWeights{}, []offer{{"a", 700, 0, 0}, {"b", 500, 0, 0}, {"c", 600, 0, 0}}, "b", 600},
		{"alone at the budget", api.TenderVickrey, api.TenderWeights{}, []offer{{"a", 700, 0, 0}}, "a", budget},
		{"a tie to the earliest", api.TenderVickrey, api.TenderWeights{}, []offer{{"b", 500, 0, 0}, {"a", 500, 0, 0}}, "b", 500},
		{"the first price", api.TenderFirstPrice, api.TenderWeights{}, []offer{{"a", 700, 0, 0}, {"b", 500, 0, 0}}, "b", 500},
		// 0.4(1-0.7) + 0.4*1 + 0.2(1-0.1) = 0.7 against 0.4(1-0.5) + 0.4*0.8 + 0 = 0.52.
		{"quality and time", api.TenderScore, weights, []offer{{"b", 500, 0, 0}, {"a", 700, minutes(6), api.One}}, "a", 700},
		// a has 0.58 beside the price, and 0.52 with a price of 1150: more than the budget.
		{"the second score, within the budget", api.TenderSecondScore, weights, []offer{{"b", 500, 0, 0}, {"a", 700, minutes(6), api.One}}, "a", budget},
		// b has 0.4(1-0.2) + 0.4*0.9 + 0 = 0.68: a has that at 750.
		{"the second score", api.TenderSecondScore, weights, []offer{{"b", 200, 0, 900_000}, {"a", 700, minutes(6), api.One}}, "a", 750},
		{"the price alone", api.TenderScore, api.TenderWeights{Price: api.One}, []offer{{"a", 700, minutes(1), api.One}, {"b", 699, 0, 0}}, "b", 699},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			w := begin(t)
			w.announce(api.TenderSpec{ID: "t", Rule: r.rule, Weights: r.weights, Terms: api.ContractTerms{Completion: minutes(60)}})
			for _, b := range r.bids {
				answer, err := w.Call(b.who, "tenders.bid", api.TenderBidRequest{ID: "t", Price: b.price, Time: b.time, Quality: b.quality})
				contracttest.Read[api.TenderBid](t, answer, err)
			}
			w.Pass(time.Minute)
			v := w.view("t", "")
			if v.Award == nil || v.Award.Winner != r.winner || v.Award.Price != r.price {
				t.Fatalf("%+v", v.Award)
			}
			for _, b := range r.bids { // what was promised is what is owed
				if b.who != r.winner {
					continue
				}
				if b.time != 0 && v.Contract.Terms.Completion != b.time || b.quality != 0 && v.Contract.Terms.QualityGuarantee != b.quality {
					t.Errorf("%+v", v.Contract.Terms)
				}
			}
		})
	}
}

func TestReputationCounts(t *testing.T) {
	w := begin(t)
	w.announce(api.TenderSpec{ID: "first", Rule: api.TenderFirstPrice, Execution: api.TenderByAnnouncer, Budget: 500_000, Terms: api.ContractTerms{Fee: 500_000}})
	w.bid("a", "first", 500_000)
	w.do("boss", "award", api.TenderAwardRequest{ID: "first"})
	w.do("boss", "complete", api.TenderCompleteRequest{ID: "first", Outcome: api.OutcomeDone, Quality: share(api.One)})
	w.announce(api.TenderSpec{ID: "t", Rule: api.TenderScore, Weights: api.TenderWeights{Price: 100_000, Reputation: 900_000}})
	w.bid("b", "t", 500)
	w.bid("a", "t", 501)
	if v := w.do("boss", "award", api.TenderAwardRequest{ID: "t"}); v.Award.Winner != "a" {
		t.Errorf("%+v: the better name must win", v.Award)
	}
}

func TestEnds(t *testing.T) {
	w := begin(t)
	w.announce(api.TenderSpec{ID: "nobody"})
	w.not(api.FailedPrecondition, api.ReasonTenderNoBids, "boss", "award", api.TenderAwardRequest{ID: "nobody"})
	w.not(api.PermissionDenied, api.ReasonNotOwner, "a", "award", api.TenderAwardRequest{ID: "nobody"})
	w.not(api.PermissionDenied, api.ReasonNotOwner, "a", "cancel", api.TenderCancelRequest{ID: "nobody"})
	w.announce(api.TenderSpec{ID: "cancelled"})
	w.bid("a", "cancelled", 5)
	w.do("boss", "cancel", api.TenderCancelRequest{ID: "cancelled", Reason: "rain"})
	w.announce(api.TenderSpec{ID: "late", Terms: api.ContractTerms{Completion: minutes(5)}})
	w.bid("a", "late", 5)
	w.announce(api.TenderSpec{ID: "given up"[:5], Execution: api.TenderByAnnouncer})
	w.bid("a", "given", 5)
	w.Pass(time.Minute)
	w.not(api.FailedPrecondition, api.ReasonCannotCancel, "boss", "cancel", api.TenderCancelRequest{ID: "late"})
	w.not(api.FailedPrecondition, api.ReasonNotDelivered, "boss", "complete", api.TenderCompleteRequest{ID: "late", Outcome: api.OutcomeFailed})
	w.do("boss", "complete", api.TenderCompleteRequest{ID: "given", Outcome: api.OutcomeFailed, Reason: "nothing came of it"})
	w.Pass(5 * time.Minute)
	for id, want := range map[string]api.TenderState{
		"nobody": api.TenderNoBids, "cancelled": api.TenderCancelled, "late": api.TenderFailed,
		"given": api.TenderFailed,
	} {
		if v := w.view(id, ""); v.State != want || v.EndedAt.IsZero() || w.Gone["tender/"+id] != 1 {
			t.Errorf("%s is %s: %+v", id, v.State, v)
		}
	}
	w.not(api.FailedPrecondition, api.ReasonTenderNotAwarded, "boss", "complete", api.TenderCompleteRequest{ID: "nobody", Outcome: api.OutcomeDone})
	w.has("boss", rich)
	w.has("a", 0)
	if len(w.Timers) != 0 {
		t.Errorf("timers are left: %v", w.Timers)
	}
}

// What cannot be awarded gives everything back.
func TestAnAwardThatFails(t *testing.T) {
	w := begin(t)
	w.announce(api.TenderSpec{ID: "t"})
	w.bid("a", "t", 5)
	if _, err := w.Try("", func(a *act.Act, _ *tender.Draft) (any, error) {
		return nil, a.Contracts.Open(a.Time, api.Contract{ID: "tender-t", Origin: "x/t", Buyer: "x", Provider: "y"})
	}); err != nil {
		t.Fatal(err)
	}
	w.Pass(time.Minute)
	if v := w.view("t", ""); v.State != api.TenderFailed || v.Award != nil || v.Reason == "" {
		t.Errorf("%+v", v)
	}
	w.has("boss", rich)
}

func TestListForBidders(t *testing.T) {
	w := begin(t)
	for i := range 5 {
		w.announce(api.TenderSpec{ID: fmt.Sprintf("dig%d", i), Task: api.TenderTask{Capability: "dig", Job: "j"}})
		w.announce(api.TenderSpec{ID: fmt.Sprintf("cut%d", i), Task: api.TenderTask{Capability: "cut"}, Bidding: minutes(2)})
	}
	w.bid("a", "dig1", 5)
	ids := func(r api.TendersListRequest, by string) (all string) {
		for {
			page, next := w.tenders.List(&r, by, w.Contracts)
			for _, v := range page {
				all += v.ID + " "
			}
			if r.After = next; next == "" {
				return all
			}
		}
	}
	for _, c := range []struct {
		r        api.TendersListRequest
		by, want string
	}{
		{api.TendersListRequest{Capability: "dig", Limit: 2}, "", "dig0 dig1 dig2 dig3 dig4 "},
		{api.TendersListRequest{Capability: "dig", Fresh: true}, "a", "dig0 dig2 dig3 dig4 "},
		{api.TendersListRequest{Fresh: true}, "boss", ""},
		{api.TendersListRequest{Job: "j", After: "dig3"}, "", "dig4 "},
		{api.TendersListRequest{Announcer: "a"}, "", ""},
		{api.TendersListRequest{State: api.TenderAwarded}, "", ""},
	} {
		if got := ids(c.r, c.by); got != c.want {
			t.Errorf("%+v: %s", c.r, got)
		}
	}
	w.Pass(time.Minute)
	if got := ids(api.TendersListRequest{Winner: "a", State: api.TenderAwarded}, ""); got != "dig1 " {
		t.Errorf("won is %s", got)
	}
	if got := ids(api.TendersListRequest{State: api.TenderOpen, Limit: 3}, ""); got != "cut0 cut1 cut2 cut3 cut4 " {
		t.Errorf("open are %s", got)
	}
}

func TestPagesAreBounded(t *testing.T) {
	w := begin(t)
	const n = 20
	for i := range n {
		w.announce(api.TenderSpec{ID: fmt.Sprintf("t%02d", i), Task: api.TenderTask{Capability: "dig", Payload: []byte(`"` + strings.Repeat("x", api.MaxTenderPayload-2) + `"`)}})
	}
	seen, pages := "", 0
	for r := (api.TendersListRequest{}); ; pages++ {
		page, next := w.tenders.List(&r, "", w.Contracts)
		if len(page) > tender.MaxPageBytes/api.MaxTenderPayload {
			t.Errorf("%d tenders are in one page", len(page))
		}
		for _, v := range page {
			seen += v.ID[1:]
		}
		if r.After = next; next == "" {
			break
		}
	}
	if len(seen) != 2*n || pages != 2 {
		t.Errorf("%s in %d pages", seen, pages+1)
	}
}

// Whatever is announced, bid, awarded, delivered and judged: every unit stays, nothing is held in the end, the winner of each is the
// best of the standing bids, and it gets at least its price and at most the budget when it is paid in full.
func TestHistories(t *testing.T) {
	names := []string{"a", "b", "c"}
	who := rapid.SampledFrom(append([]string{"boss", "judge", "operator", ""}, names...))
	rapid.Check(t, func(t *rapid.T) {
		w := begin(t)
		open := map[string]map[string]api.Micro{}
		for i := range rapid.IntRange(1, 4).Draw(t, "tenders") {
			id := fmt.Sprint("t", i)
			spec := api.TenderSpec{
				ID: id, Rule: rapid.SampledFrom([]api.TenderRule{api.TenderVickrey, api.TenderFirstPrice}).Draw(t, "rule"), Expected: rapid.IntRange(0, 3).Draw(t,
					"expected"),
				Execution: rapid.SampledFrom(api.TenderExecutions).Draw(t, "execution"),
				Terms:     api.ContractTerms{Fee: 10_000, Bonus: api.ContractBonus{Max: api.Micro(rapid.IntRange(0, 50).Draw(t, "bonus")), QualityRate: 3}},
			}
			if rapid.Bool().Draw(t, "judged") {
				spec.Terms.Judge = "judge"
			}
			w.announce(spec)
			open[id] = map[string]api.Micro{}
		}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			id := fmt.Sprint("t", rapid.IntRange(0, 3).Draw(t, "id"))
			if open[id] == nil {
				continue
			}
			by := who.Draw(t, "who")
			contractID := map[string]any{"id": "tender-" + id}
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2:
				price := api.Micro(rapid.IntRange(1, 1100).Draw(t, "price"))
				if _, err := w.Call(by, "tenders.bid", api.TenderBidRequest{ID: id, Price: price}); err == nil {
					open[id][by] = price
				}
			case 3:
				if _, err := w.Call(by, "tenders.withdraw", api.TenderWithdrawRequest{ID: id}); err == nil {
					delete(open[id], by)
				}
			case 4:
				_, _ = w.Call(by, "tenders.award", api.TenderAwardRequest{ID: id})
			case 5:
				_, _ = w.Call(by, "tenders.cancel", api.TenderCancelRequest{ID: id})
			case 6:
				_, _ = w.Call(by, "tenders.complete", api.TenderCompleteRequest{ID: id, Outcome: rapid.SampledFrom(api.TenderOutcomes).Draw(t, "outcome")})
			case 7:
				_, _ = w.Call(by, "contracts."+rapid.SampledFrom([]string{"deliver", "accept", "reject", "cancel"}).Draw(t, "kind"), contractID)
			case 8:
				w.Pass(time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute)
			case 9:
				w.effect(t)
			}
			w.Audit()
		}
		w.Pass(4 * time.Hour)
		for id, bids := range open {
			v := w.view(id, "")
			if !v.State.Over() || w.Gone["tender/"+id] != 1 {
				t.Fatalf("%s is %s, archived %d times", id, v.State, w.Gone["tender/"+id])
			}
			if v.Award == nil {
				continue
			}
			for bidder, price := range bids {
				if price < bids[v.Award.Winner] {
					t.Fatalf("%s has won with %v, %s bid %s", v.Award.Winner, bids, bidder, price)
				}
			}
			if v.Award.Price < bids[v.Award.Winner] || v.Award.Price > budget {
				t.Fatalf("%+v of %v", v.Award, bids)
			}
		}
		total := w.Fees()
		for _, name := range append(names, "boss", "judge", "operator") { // whoever may have bid
			have, held := w.Balance(name)
			if total += have; held != 0 {
				t.Fatalf("%s holds %s in the end", name, held)
			}
		}
		if total != rich {
			t.Fatalf("%s are there, %s were minted", total, rich)
		}
		w.DropEnded()
		if n := len(w.tenders.Tenders) + len(w.tenders.Bids) + len(w.Contracts.Contracts); n != 0 {
			t.Fatalf("%d records are left", n)
		}
	})
}
