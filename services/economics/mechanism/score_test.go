package mechanism_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func TestScoring(t *testing.T) {
	s := mechanism.Scoring{
		PriceWeight: 2 * api.One, Worst: 1_000 * unit, Best: 500 * unit,
		Attributes: []mechanism.Attribute{
			{Name: "quality", Weight: api.One, High: 10 * api.One}, {Name: "days", Weight: api.One, Low: 5 * api.One, High: 25 * api.One, Less: true},
		},
	}
	terms := mechanism.Terms{Reverse: true, Reserve: 900 * unit, Quantity: 1}
	if err := s.Check(true); err != nil {
		t.Fatal(err)
	}
	// Half of the weight is on price, so that 500 of it count as much as both attributes together.
	all := bids(600, 700, 800, 950)
	for i, values := range [][2]api.Decimal{{0, 25}, {8, 15}, {10, 5}, {10, 5}} {
		all[i].Values = map[string]api.Decimal{"quality": values[0] * api.One, "days": values[1] * api.One, "other": api.One}
	}
	for i, want := range []api.Decimal{400_000, 625_000, 700_000, 550_000} { // 0.5*0.8; 0.5*0.6+0.25*0.8+0.25*0.5; 0.5*0.4+0.5
		if got := s.Score(terms, &all[i]); got != want {
			t.Errorf("%d scores %s, want %s", i, got, want)
		}
	}
	if o := s.Run(terms, all); len(o.Awards) != 1 || o.Awards[0].Bidder != "c" || o.Awards[0].Price != 800*unit {
		t.Errorf("first score: %+v", o)
	}
	// A millionth of a unit is less than a millionth of the score, and decides.
	near := []mechanism.Bid{all[0], all[0]}
	near[1].Bidder, near[1].Order, near[1].Price = "z", 9, near[0].Price-1
	if o := s.Run(terms, near); o.Awards[0].Bidder != "z" || s.Score(terms, &near[0]) != s.Score(terms, &near[1]) {
		t.Errorf("near: %+v", o)
	}
	// At 875 the winner, with its attributes, has the second score; 900 is the ceiling.
	s.Second = true
	if o := s.Run(terms, all); len(o.Awards) != 1 || o.Awards[0].Price != 875*unit {
		t.Errorf("second score: %+v", o)
	}
	if o := s.Run(terms, all[2:]); len(o.Awards) != 1 || o.Awards[0].Price != 900*unit {
		t.Errorf("alone: %+v", o)
	}
	terms.Reserve = 850 * unit
	if o := s.Run(terms, all); o.Awards[0].Price != 850*unit {
		t.Errorf("ceiling: %+v", o)
	}
}

func TestScoringCheck(t *testing.T) {
	a := mechanism.Attribute{Name: "q", Weight: api.One, High: api.One}
	with := func(change func(*mechanism.Attribute)) []mechanism.Attribute {
		b := a
		change(&b)
		return []mechanism.Attribute{b}
	}
	for name, s := range map[string]mechanism.Scoring{
		"nothing":         {},
		"no price weight": {Worst: 9, Attributes: []mechanism.Attribute{a}},
		"too much weight": {PriceWeight: mechanism.MaxWeight + 1, Worst: 9},
		"no range":        {PriceWeight: api.One, Worst: 9, Best: 9},
		"turned round":    {PriceWeight: api.One, Worst: 1, Best: 9},
		"negative":        {PriceWeight: api.One, Worst: 9, Best: -1},
		"many":            {PriceWeight: api.One, Worst: 9, Attributes: make([]mechanism.Attribute, mechanism.MaxAttributes+1)},
		"twice":           {PriceWeight: api.One, Worst: 9, Attributes: []mechanism.Attribute{a, a}},
		"no name":         {PriceWeight: api.One, Worst: 9, Attributes: with(func(b *mechanism.Attribute) { b.Name = "" })},
		"no weight":       {PriceWeight: api.One, Worst: 9, Attributes: with(func(b *mechanism.Attribute) { b.Weight = 0 })},
		"no extent":       {PriceWeight: api.One, Worst: 9, Attributes: with(func(b *mechanism.Attribute) { b.High = 0 })},
		"beyond":          {PriceWeight: api.One, Worst: 9, Attributes: with(func(b *mechanism.Attribute) { b.High = math.MaxInt64 })},
		"hardly a price":  {PriceWeight: 999, Worst: 9, Attributes: []mechanism.Attribute{a}},
	} {
		if err := s.Check(true); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Within what Check allows, nothing overflows: the score is the weighted mean to within the roundings, and better prices score better.
func TestScoreIsTheWeightedMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := mechanism.Terms{Reverse: rapid.Bool().Draw(t, "reverse"), Reserve: api.MaxAmount, Quantity: 1}
		price := rapid.OneOf(rapid.Int64Range(1, 1_000), rapid.Int64Range(1, api.MaxAmount))
		s := mechanism.Scoring{
			PriceWeight: api.Decimal(rapid.Int64Range(1, int64(mechanism.MaxWeight)).Draw(t, "price weight")),
			Worst:       api.Micro(price.Draw(t, "worst")), Best: api.Micro(price.Draw(t, "best")),
			Attributes: []mechanism.Attribute{{
				Name: "q", Weight: api.Decimal(rapid.Int64Range(1, int64(mechanism.MaxWeight)).Draw(t, "weight")),
				Low: -api.DecimalLimit, High: api.DecimalLimit, Less: rapid.Bool().Draw(t, "less"),
			}},
		}
		if s.Check(terms.Reverse) != nil {
			return
		}
		b := mechanism.Bid{Price: api.Micro(price.Draw(t, "price")), Values: map[string]api.Decimal{"q": api.Decimal(rapid.Int64().Draw(t, "q"))}}
		got := s.Score(terms, &b)
		q := min(max((float64(b.Values["q"])/1e6+1e9)/2e9, 0), 1)
		if s.Attributes[0].Less {
			q = 1 - q
		}
		w, v := float64(s.PriceWeight), float64(s.Attributes[0].Weight)
		u := float64(b.Price-s.Worst) / float64(s.Best-s.Worst)
		want := (w*u + v*q) / (w + v)
		if math.Abs(u) > 1e12 {
			return // beyond what a Decimal holds
		}
		span := math.Abs(float64(s.Best - s.Worst))
		if diff := math.Abs(float64(got)/1e6 - want); diff > 3e-6+1/span+math.Abs(want)*1e-9 && got != math.MaxInt64 && got != -math.MaxInt64 {
			t.Fatalf("%+v, %+v: %s, want %v", s, b, got, want)
		}
		more := b
		if more.Price++; s.Score(terms, &more) > got == terms.Reverse && s.Score(terms, &more) != got {
			t.Fatalf("%+v: at %s %s, at one more %s", s, b.Price, got, s.Score(terms, &more))
		}
	})
}

func TestSettleIsBoundedByTheGuarantee(t *testing.T) {
	b := mechanism.Bonuses{Target: 800_000, Guarantee: 900_000, Quality: unit, Deadline: time.Hour, Speed: 7 * unit, Reputation: 50_000}
	for _, row := range []struct {
		quality api.Decimal
		took    time.Duration
		want    mechanism.Settlement
	}{
		{950_000, 30 * time.Minute, mechanism.Settlement{Base: 100, Quality: 15 * unit, Speed: 3_500_000, Reputation: 5}},
		{900_000, 2 * time.Hour, mechanism.Settlement{Base: 100, Quality: 10 * unit, Reputation: 5}},
		{450_000, 0, mechanism.Settlement{Base: 50}}, // half of what was promised
		{0, 0, mechanism.Settlement{}},
		{-5, 0, mechanism.Settlement{}},
		{5 * api.One, -time.Hour, mechanism.Settlement{Base: 100, Quality: 20 * unit, Speed: 7 * unit, Reputation: 5}},
	} {
		row.want.Total = row.want.Base + row.want.Quality + row.want.Speed + row.want.Reputation
		if got := b.Settle(100, row.quality, row.took); got != row.want {
			t.Errorf("%s in %v: %+v, want %+v", row.quality, row.took, got, row.want)
		}
	}
	b.Guarantee = 500_000 // kept, though the target is not reached
	if got := b.Settle(100, 600_000, 2*time.Hour); got.Quality != 0 || got.Total != 105 {
		t.Errorf("%+v", got)
	}
}

// Whatever is done, no more is due than Most, which can be held before.
func TestSettlementIsAtMostWhatIsHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.OneOf(rapid.Int64Range(-1, 1_000), rapid.Int64())
		share := rapid.OneOf(rapid.Int64Range(-1, int64(api.One)+1), rapid.Int64())
		b := mechanism.Bonuses{
			Target: api.Decimal(share.Draw(t, "target")), Guarantee: api.Decimal(share.Draw(t, "guarantee")),
			Quality: api.Micro(amount.Draw(t, "quality rate")), Speed: api.Micro(amount.Draw(t, "speed rate")),
			Reputation: api.Decimal(share.Draw(t, "reputation rate")), Deadline: time.Duration(rapid.Int64().Draw(t, "deadline")),
		}
		price := api.Micro(amount.Draw(t, "price"))
		s := b.Settle(price, api.Decimal(share.Draw(t, "quality")), time.Duration(rapid.Int64().Draw(t, "took")))
		if b.Check(price) != nil {
			return
		}
		if most := b.Most(price); s.Total < 0 || s.Total > most || most > api.MaxAmount || s.Total != s.Base+s.Quality+s.Speed+s.Reputation {
			t.Fatalf("%+v: %+v, at most %s", b, s, most)
		}
	})
}
