package mechanism_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

const unit api.Micro = 1_000_000

// bids makes one for each price, of bidders a, b, c... in that order.
func bids(prices ...api.Micro) []mechanism.Bid {
	all := make([]mechanism.Bid, len(prices))
	for i, p := range prices {
		all[i] = mechanism.Bid{Bidder: string(rune('a' + i)), Price: p * unit, Quantity: 1, Order: uint64(i + 1)}
	}
	return all
}

// 35: 15.0, then 20.0: the second, at 20.0. A first bid equal to the reserve is enough, which the reference system refused.
func TestReferenceEnglish(t *testing.T) {
	e := mechanism.English{Reserve: 15 * unit, Increment: unit / 10}
	l, first := e.Place(mechanism.Lead{}, mechanism.Offer{Bidder: "agent1", Price: 15 * unit, Order: 1})
	l, second := e.Place(l, mechanism.Offer{Bidder: "agent2", Price: 20 * unit, Order: 2})
	if !first || !second || l.Bidder != "agent2" || l.Price != 20*unit {
		t.Errorf("%v, %v, %+v", first, second, l)
	}
}

// 37, 38, and what the reference system did otherwise: one bid alone pays the reserve, the reserve is the floor of the price, the
// earliest of equal bids wins, and nobody's own second bid sets its price.
func TestReferenceVickrey(t *testing.T) {
	twice := bids(100, 80, 90)
	twice[2].Bidder = "a"
	rising := bids(80, 100, 70)
	rising[1].Bidder = "a"
	for _, row := range []struct {
		reserve api.Micro
		bids    []mechanism.Bid
		winner  uint64
		price   api.Micro
	}{
		{0, bids(100, 80, 90), 1, 90},
		{0, bids(100, 80), 1, 80},
		{0, bids(100, 150, 120), 2, 120},
		{0, bids(100), 1, 0},
		{60, bids(100), 1, 60},
		{60, bids(100, 50), 1, 60},
		{60, bids(60), 1, 60},
		{60, bids(59), 0, 0},
		{0, bids(70, 100, 100), 2, 100},
		{0, twice, 1, 80},
		{0, rising, 2, 70},
		{0, bids(-3, -5), 0, 0},
		{0, nil, 0, 0},
	} {
		o := mechanism.Vickrey(mechanism.Terms{Reserve: row.reserve * unit, Quantity: 1}, row.bids)
		if row.winner == 0 {
			if len(o.Awards) > 0 {
				t.Errorf("%v: %+v", row.bids, o)
			}
			continue
		}
		if len(o.Awards) != 1 || o.Awards[0].Order != row.winner || o.Awards[0].Price != row.price*unit {
			t.Errorf("%v with reserve %d: %+v", row.bids, row.reserve, o)
		}
	}
	o := mechanism.Vickrey(mechanism.Terms{Reverse: true, Reserve: 95 * unit, Quantity: 1}, bids(100, 80, 90))
	if len(o.Awards) != 1 || o.Awards[0].Order != 2 || o.Awards[0].Price != 90*unit {
		t.Errorf("reverse: %+v", o)
	}
}

// Sealed bids at first price: the highest, at its own price; the reference system gave equal ones to the latest.
func TestReferenceSealedBid(t *testing.T) {
	o := mechanism.FirstPrice(mechanism.Terms{Reserve: 50 * unit, Quantity: 1}, bids(90, 100, 100))
	if want := (mechanism.Award{Bidder: "b", Order: 2, Quantity: 1, Price: 100 * unit}); len(o.Awards) != 1 || o.Awards[0] != want {
		t.Errorf("%+v", o)
	}
}

// 40: terms that are refused.
func TestReferenceTerms(t *testing.T) {
	for _, terms := range []mechanism.Terms{
		{Reserve: -1, Quantity: 1},
		{Quantity: 0},
		{Quantity: -1},
		{Quantity: api.MaxQuantity + 1},
		{Reserve: api.MaxAmount + 1, Quantity: 1},
		{Reverse: true, Quantity: 1},
		{Reserve: api.MaxAmount, Quantity: 2},
	} {
		if err := terms.Check(); api.CodeOf(err) != api.Invalid {
			t.Errorf("%+v: %v", terms, err)
		}
	}
	for _, terms := range []mechanism.Terms{{Quantity: 1}, {Reserve: api.MaxAmount, Quantity: 1}, {Reverse: true, Reserve: 1, Quantity: api.MaxQuantity}} {
		if err := terms.Check(); err != nil {
			t.Errorf("%+v: %v", terms, err)
		}
	}
}

// 44: the reference system's dutch auction took the first in its list, or the last. Here the clock decides.
func TestReferenceDutch(t *testing.T) {
	c := mechanism.Clock{Start: 100 * unit, Step: 10 * unit, Reserve: 40 * unit, Interval: time.Minute}
	if early, late := c.Price(2*time.Minute), c.Price(3*time.Minute); early != 80*unit || late != 70*unit {
		t.Errorf("%s, then %s", early, late)
	}
}

// 46: price 450, quality 0.96 over 0.92, 16 of 24 hours: 40 + 40 + 45, in all 575.
func TestReferenceIncentive(t *testing.T) {
	b := mechanism.Bonuses{
		Target: 920_000, Guarantee: 920_000, Quality: 10 * unit, Deadline: 24 * time.Hour, Speed: 5 * unit, Reputation: 100_000,
	}
	if err := b.Check(450 * unit); err != nil {
		t.Fatal(err)
	}
	got := b.Settle(450*unit, 960_000, 16*time.Hour)
	want := mechanism.Settlement{Base: 450 * unit, Quality: 40 * unit, Speed: 40 * unit, Reputation: 45 * unit, Total: 575 * unit}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The reference system's liar, at 900 with what it says of itself, beat an honest 100.
func TestReferenceLiar(t *testing.T) {
	terms := mechanism.Terms{Reverse: true, Reserve: 1_000 * unit, Quantity: 1}
	all := bids(900, 100)
	all[0].Values = map[string]api.Decimal{"quality": 100 * api.One, "reputation": 100 * api.One}
	records := map[string]mechanism.Record{"a": {Reputation: 300_000, Quality: 400_000}, "b": {Reputation: 800_000, Quality: 900_000}}
	if o := mechanism.Incentive(terms, all, records); len(o.Awards) != 1 || o.Awards[0].Bidder != "b" || o.Awards[0].Price != 100*unit {
		t.Errorf("%+v", o)
	}
	if got := mechanism.IncentiveScore(all[1], records["b"]); got != 880_000 { // 0.4*0.9 + 0.4*0.9 + 0.2*0.8
		t.Error(got)
	}
	if got := mechanism.IncentiveScore(all[0], records["a"]); got != 260_000 { // 0.4*0.1 + 0.4*0.4 + 0.2*0.3
		t.Error(got)
	}
	if o := mechanism.Incentive(terms, all, nil); len(o.Awards) != 0 {
		t.Errorf("without records: %+v", o)
	}
}

// 47: 10@12 and 10@8 trade 10 at 10; 5 and 8 do not meet.
func TestReferenceDouble(t *testing.T) {
	order := func(price api.Micro) []mechanism.Bid {
		return []mechanism.Bid{{Bidder: "a", Price: price * unit, Quantity: 10, Order: uint64(price)}}
	}
	sell := order(8)
	sell[0].Bidder = "b"
	c := midpoint(0, order(12), sell)
	want := mechanism.Clearing{
		Trades: []mechanism.Trade{{Buyer: "a", Seller: "b", BuyOrder: 12, SellOrder: 8, Quantity: 10}}, Pays: 10 * unit, Gets: 10 * unit,
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	for high, want := range map[api.Micro]api.Micro{1: 0, 3: 1, 5: 2} { // rounded down
		buy := order(8)
		buy[0].Price += high
		if c := midpoint(0, buy, sell); c.Pays != 8*unit+want {
			t.Errorf("the middle of 8 and %d more is %s", high, c.Pays)
		}
	}
	if c := midpoint(0, order(5), sell); len(c.Trades) != 0 || c.Pays != 0 {
		t.Errorf("%+v", c)
	}
}
