package mechanism_test

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

// rules are the mechanisms with sealed bids on one side. All hold what is tested here.
var rules = map[string]func(mechanism.Terms, []mechanism.Bid) mechanism.Outcome{
	"first_price":    mechanism.FirstPrice,
	"vickrey":        mechanism.Vickrey,
	"uniform":        mechanism.Uniform,
	"discriminatory": mechanism.Discriminatory,
	"first_score":    scored1,
	"second_score":   scored2,
	"incentive": func(t mechanism.Terms, bids []mechanism.Bid) mechanism.Outcome {
		return mechanism.Incentive(t, bids, map[string]mechanism.Record{
			"a": {Quality: api.One / 2, Reputation: api.One / 2}, "b": {Quality: api.One}, "c": {Quality: api.One / 2, Reputation: api.One / 2},
		})
	},
}

func scored1(t mechanism.Terms, bids []mechanism.Bid) mechanism.Outcome {
	return directed(scoring(false), t).Run(t, bids)
}

func scored2(t mechanism.Terms, bids []mechanism.Bid) mechanism.Outcome {
	return directed(scoring(true), t).Run(t, bids)
}

func directed(s mechanism.Scoring, t mechanism.Terms) mechanism.Scoring {
	if t.Reverse {
		s.Worst, s.Best = s.Best, s.Worst
	}
	return s
}

// sealed runs every rule over generated terms and bids: several of one bidder, all or nothing, many ties, some that do not count.
func sealed(t *testing.T, check func(t *rapid.T, name string, terms mechanism.Terms, bids []mechanism.Bid, o mechanism.Outcome)) {
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				terms := mechanism.Terms{
					Reverse: rapid.Bool().Draw(t, "reverse") || name == "incentive",
					Reserve: api.Micro(rapid.Int64Range(1, 12).Draw(t, "reserve")), Quantity: rapid.Int64Range(1, 8).Draw(t, "quantity"),
				}
				bids := drawBids(t, "bid", 7)
				check(t, name, terms, bids, rule(terms, bids))
			})
		})
	}
}

func drawBids(t *rapid.T, name string, most int) []mechanism.Bid {
	bids := make([]mechanism.Bid, rapid.IntRange(0, most).Draw(t, name+"s"))
	for i, order := range rapid.Permutation(orders[:len(bids)]).Draw(t, "orders") {
		bids[i] = mechanism.Bid{
			Bidder: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "bidder"), Price: api.Micro(rapid.Int64Range(-1, 14).Draw(t, name)),
			Quantity: rapid.Int64Range(0, 4).Draw(t, "units"), Whole: rapid.Bool().Draw(t, "whole"), Order: order,
			Values: rapid.SampledFrom(scored).Draw(t, "values"),
		}
	}
	return bids
}

var orders = []uint64{1, 2, 3, 4, 5, 6, 7, 8}

func named(bids []mechanism.Bid, order uint64) *mechanism.Bid {
	i := slices.IndexFunc(bids, func(b mechanism.Bid) bool { return b.Order == order })
	return &bids[i]
}

// Nobody pays more than it has bid, or gets less than it has asked: an honest bid never loses by taking part.
func TestIndividualRationality(t *testing.T) {
	sealed(t, func(t *rapid.T, name string, terms mechanism.Terms, bids []mechanism.Bid, o mechanism.Outcome) {
		for _, a := range o.Awards {
			b := named(bids, a.Order)
			if a.Bidder != b.Bidder || better(terms, a.Price, b.Price) {
				t.Fatalf("%s: %+v wins at %s", name, b, a.Price)
			}
			if pays := name == "first_price" || name == "discriminatory" || name == "first_score" || name == "incentive"; pays && a.Price != b.Price {
				t.Fatalf("%s: %+v pays %s", name, b, a.Price)
			}
		}
	})
}

// Nothing is sold at a price worse than the reserve, nor to a bid that does not count, nor more than there is.
func TestReserve(t *testing.T) {
	sealed(t, func(t *rapid.T, name string, terms mechanism.Terms, bids []mechanism.Bid, o mechanism.Outcome) {
		left := terms.Quantity
		for _, a := range o.Awards {
			b := named(bids, a.Order)
			left -= a.Quantity
			if !terms.Meets(b.Price) || better(terms, terms.Reserve, a.Price) || a.Quantity < 1 || left < 0 {
				t.Fatalf("%s with reserve %s: %+v wins %d at %s", name, terms.Reserve, b, a.Quantity, a.Price)
			}
		}
	})
}

// What all pay together is what is due for what each has got: nothing is made or lost between them and the auctioneer.
func TestRevenueIsWhatIsPaid(t *testing.T) {
	sealed(t, func(t *rapid.T, name string, _ mechanism.Terms, _ []mechanism.Bid, o mechanism.Outcome) {
		sum, units := api.Micro(0), int64(0)
		for _, a := range o.Awards {
			sum += a.Price * api.Micro(a.Quantity)
			units += a.Quantity
		}
		if o.Total() != sum || o.Sold() != units {
			t.Fatalf("%s: total %s of %d, want %s of %d", name, o.Total(), o.Sold(), sum, units)
		}
	})
}

// Among equal bids the earliest wins, and in which order bids are listed makes no difference.
func TestEarliestWins(t *testing.T) {
	sealed(t, func(t *rapid.T, name string, terms mechanism.Terms, bids []mechanism.Bid, o mechanism.Outcome) {
		if again := rules[name](terms, rapid.Permutation(bids).Draw(t, "listed")); !cmp.Equal(o, again) {
			t.Fatalf("%s: %+v, and in another order %+v", name, o, again)
		}
		if len(bids) < 2 {
			return
		}
		twin := bids[0]
		twin.Bidder, twin.Order = "twin", 9
		if name == "incentive" {
			twin.Bidder = bids[0].Bidder // with the same record
		}
		after := rules[name](terms, append(slices.Clone(bids), twin))
		won := func(order uint64) int64 {
			for _, a := range after.Awards {
				if a.Order == order {
					return a.Quantity
				}
			}
			return 0
		}
		if won(9) > won(bids[0].Order) {
			t.Fatalf("%s: of two equal bids the later gets %d, the earlier %d", name, won(9), won(bids[0].Order))
		}
	})
}

// A winner that had bid better would have won at least as much.
func TestBetterBidsWinMore(t *testing.T) {
	sealed(t, func(t *rapid.T, name string, terms mechanism.Terms, bids []mechanism.Bid, o mechanism.Outcome) {
		if len(o.Awards) == 0 {
			return
		}
		won := rapid.SampledFrom(o.Awards).Draw(t, "won")
		by := api.Micro(rapid.Int64Range(1, 5).Draw(t, "by"))
		more := slices.Clone(bids)
		if b := named(more, won.Order); terms.Reverse {
			b.Price = max(1, b.Price-by)
		} else {
			b.Price += by
		}
		again := rules[name](terms, more)
		if !slices.ContainsFunc(again.Awards, func(a mechanism.Award) bool { return a.Order == won.Order && a.Quantity >= won.Quantity }) {
			t.Fatalf("%s: %+v wins, and with a better price %+v", name, won, again)
		}
	})
}

// What bidders offer for the units sold is the most that any choice of bids offers, when each is for one unit.
func TestUnitsGoToWhoValuesThemMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := mechanism.Terms{Reverse: rapid.Bool().Draw(t, "reverse"), Reserve: 5, Quantity: rapid.Int64Range(1, 4).Draw(t, "quantity")}
		bids := drawBids(t, "bid", 7)
		for i := range bids {
			bids[i].Quantity = 1
		}
		gain := func(b *mechanism.Bid) api.Micro {
			if terms.Reverse {
				return terms.Reserve - b.Price
			}
			return b.Price - terms.Reserve
		}
		most := api.Micro(0)
		for chosen := range uint(1) << len(bids) {
			sum := api.Micro(0)
			for i := range bids {
				if chosen>>i&1 == 1 && terms.Meets(bids[i].Price) {
					sum += gain(&bids[i])
				}
			}
			if int64(bits.OnesCount(chosen)) <= terms.Quantity {
				most = max(most, sum)
			}
		}
		sum := api.Micro(0)
		for _, a := range mechanism.Uniform(terms, bids).Awards {
			sum += gain(named(bids, a.Order))
		}
		if sum != most {
			t.Fatalf("%+v: gains %s, at best %s", bids, sum, most)
		}
	})
}

func better(t mechanism.Terms, a, b api.Micro) bool {
	if t.Reverse {
		return a < b
	}
	return a > b
}

func TestTheBestValueWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := mechanism.Terms{Reverse: rapid.Bool().Draw(t, "reverse"), Reserve: 5, Quantity: 1}
		bids := drawBids(t, "bid", 7)
		o := mechanism.Vickrey(terms, bids)
		for _, b := range bids {
			if terms.Meets(b.Price) && (len(o.Awards) == 0 || better(terms, b.Price, named(bids, o.Awards[0].Order).Price)) {
				t.Fatalf("%+v, and %+v does not win", o, b)
			}
		}
	})
}
