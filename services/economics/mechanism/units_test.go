package mechanism_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func TestUnits(t *testing.T) {
	many := func(bids ...mechanism.Bid) []mechanism.Bid {
		for i := range bids {
			bids[i].Bidder, bids[i].Order = string(rune('a'+i)), uint64(i+1)
		}
		return bids
	}
	bid := func(quantity int64, price api.Micro) mechanism.Bid {
		return mechanism.Bid{Quantity: quantity, Price: price}
	}
	whole := func(quantity int64, price api.Micro) mechanism.Bid {
		return mechanism.Bid{Quantity: quantity, Price: price, Whole: true}
	}
	for name, row := range map[string]struct {
		terms mechanism.Terms
		bids  []mechanism.Bid
		won   []int64 // by each bid
		price api.Micro
	}{
		"the highest that loses": {mechanism.Terms{Quantity: 2}, many(bid(1, 5), bid(1, 9), bid(1, 7), bid(1, 6)), []int64{0, 1, 1, 0}, 6},
		"enough for all":         {mechanism.Terms{Quantity: 5, Reserve: 4}, many(bid(1, 5), bid(3, 9)), []int64{1, 3}, 4},
		"just enough":            {mechanism.Terms{Quantity: 4, Reserve: 4}, many(bid(1, 5), bid(3, 9)), []int64{1, 3}, 4},
		"in part":                {mechanism.Terms{Quantity: 5}, many(bid(4, 9), bid(3, 7), bid(2, 6)), []int64{4, 1, 0}, 7},
		"all or nothing":         {mechanism.Terms{Quantity: 5}, many(bid(4, 9), whole(3, 8), bid(2, 6)), []int64{4, 0, 1}, 6},
		"nothing that fits":      {mechanism.Terms{Quantity: 5, Reserve: 2}, many(bid(4, 9), whole(3, 8)), []int64{4, 0}, 2},
		"equal: the earlier":     {mechanism.Terms{Quantity: 2}, many(bid(1, 5), bid(1, 5), bid(1, 5)), []int64{1, 1, 0}, 5},
		"below the reserve":      {mechanism.Terms{Quantity: 2, Reserve: 6}, many(bid(1, 5), bid(1, 6)), []int64{0, 1}, 6},
		"reverse": {
			mechanism.Terms{Quantity: 3, Reserve: 9, Reverse: true},
			many(bid(1, 5), bid(1, 9), bid(1, 10), bid(1, 4), bid(1, 8)),
			[]int64{1, 0, 0, 1, 1},
			9,
		},
		"bids that are none": {
			mechanism.Terms{Quantity: 3},
			many(bid(0, 5), bid(-1, 5), bid(api.MaxQuantity, api.MaxAmount), bid(1, 0), bid(1, -1), bid(1, 3)),
			[]int64{0, 0, 0, 0, 0, 1},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			won := make([]int64, len(row.bids))
			for _, a := range mechanism.Uniform(row.terms, row.bids).Awards {
				won[a.Order-1] = a.Quantity
				if a.Price != row.price {
					t.Errorf("pays %s, want %s", a.Price, row.price)
				}
			}
			if diff := cmp.Diff(row.won, won); diff != "" {
				t.Error(diff)
			}
			for _, a := range mechanism.Discriminatory(row.terms, row.bids).Awards {
				if a.Quantity != row.won[a.Order-1] || a.Price != row.bids[a.Order-1].Price {
					t.Errorf("discriminatory: %+v", a)
				}
			}
		})
	}
}

// Who bids for two units gains by asking less for the second: why Uniform is truthful for unit demand alone.
func TestUniformIsNotTruthfulForSeveralUnits(t *testing.T) {
	const value = 10 // of each of two units
	terms := mechanism.Terms{Quantity: 2, Reserve: 1}
	gain := func(second api.Micro) api.Micro {
		o := mechanism.Uniform(terms, []mechanism.Bid{
			{Bidder: "a", Price: value, Quantity: 1, Order: 1}, {Bidder: "a", Price: second, Quantity: 1, Order: 2}, {Bidder: "b", Price: 8, Quantity: 1, Order: 3},
		})
		sum := api.Micro(0)
		for _, a := range o.Awards {
			if a.Bidder == "a" {
				sum += value - a.Price
			}
		}
		return sum
	}
	if honest, reduced := gain(value), gain(1); honest != 4 || reduced != 9 {
		t.Errorf("honest gains %s, demand reduction %s", honest, reduced)
	}
}

func TestAmount(t *testing.T) {
	for _, row := range []struct {
		price    api.Micro
		quantity int64
		want     api.Micro
	}{
		{3, 4, 12},
		{-3, 4, 0},
		{3, -4, 0},
		{api.MaxAmount, 1, api.MaxAmount},
		{api.MaxAmount, api.MaxQuantity, 1<<63 - 1},
		{1 << 62, 2, 1<<63 - 1},
	} {
		if got := mechanism.Amount(row.price, row.quantity); got != row.want {
			t.Errorf("%d of %s: %s", row.quantity, row.price, got)
		}
	}
	o := mechanism.Outcome{Awards: []mechanism.Award{{Quantity: 1, Price: 1<<63 - 1}, {Quantity: 1, Price: 1<<63 - 1}, {Quantity: 1, Price: 5}}}
	if got := o.Total(); got != 1<<63-1 {
		t.Error(got)
	}
}
