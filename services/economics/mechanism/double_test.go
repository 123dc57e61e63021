package mechanism_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func drawBook(t *rapid.T) (reserve api.Micro, buys, sells []mechanism.Bid) {
	reserve = api.Micro(rapid.Int64Range(0, 4).Draw(t, "reserve"))
	buys, sells = drawBids(t, "buy", 5), drawBids(t, "sell", 5)
	for i := range sells {
		sells[i].Order += 10
		sells[i].Bidder += "'"
	}
	return reserve, buys, sells
}

func units(bids []mechanism.Bid, most api.Micro) []api.Micro {
	var prices []api.Micro
	for _, b := range bids {
		for range b.Quantity {
			if b.Price >= 1 && b.Price <= most {
				prices = append(prices, b.Price)
			}
		}
	}
	slices.Sort(prices)
	return prices
}

// gains is the most that trade can bring, the sum of what the best buyers bid above what the best sellers ask, unit by unit; what of it
// the last unit brings, and how many units there are.
func gains(reserve api.Micro, buys, sells []mechanism.Bid) (sum, last api.Micro, volume int64) {
	b, s := units(buys, api.MaxAmount), units(sells, api.MaxAmount)
	slices.Reverse(b)
	for i := range min(len(b), len(s)) {
		gain := b[i] - max(s[i], reserve)
		if gain < 0 || b[i] < reserve {
			break
		}
		sum, last, volume = sum+gain, gain, volume+1
	}
	return sum, last, volume
}

func TestDoubleAuction(t *testing.T) {
	for name, rule := range map[string]func(api.Micro, []mechanism.Bid, []mechanism.Bid) mechanism.Clearing{
		"midpoint": midpoint, "mcafee": mechanism.McAfee,
		"highest": func(r api.Micro, b, s []mechanism.Bid) mechanism.Clearing { return mechanism.KDouble(r, api.One, b, s) },
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				reserve, buys, sells := drawBook(t)
				c := rule(reserve, buys, sells)
				traded := map[uint64]int64{}
				sum := api.Micro(0)
				for _, x := range c.Trades {
					b, s := named(buys, x.BuyOrder), named(sells, x.SellOrder)
					if x.Buyer != b.Bidder || x.Seller != s.Bidder || x.Quantity < 1 {
						t.Fatalf("%+v is not of %+v and %+v", x, b, s)
					}
					if c.Pays > b.Price || c.Gets < s.Price || c.Gets < reserve || c.Pays < c.Gets {
						t.Fatalf("%+v and %+v trade at %s and %s, the reserve is %s", b, s, c.Pays, c.Gets, reserve)
					}
					traded[x.BuyOrder] += x.Quantity
					traded[x.SellOrder] += x.Quantity
					sum += api.Micro(x.Quantity) * (b.Price - max(s.Price, reserve))
				}
				for order, n := range traded {
					if of := append(slices.Clone(buys), sells...); n > named(of, order).Quantity {
						t.Fatalf("%d trades %d units", order, n)
					}
				}
				most, last, volume := gains(reserve, buys, sells)
				switch {
				case name == "mcafee" && (sum < most-last || c.Volume() < volume-1):
					t.Fatalf("gains %s of %s by %d of %d, and the last trade is worth %s", sum, most, c.Volume(), volume, last)
				case name != "mcafee" && (sum != most || c.Volume() != volume || c.Surplus() != 0):
					t.Fatalf("gains %s of %s by %d of %d, %s is left", sum, most, c.Volume(), volume, c.Surplus())
				}
				again := rule(reserve, rapid.Permutation(buys).Draw(t, "buys listed"), rapid.Permutation(sells).Draw(t, "sells listed"))
				if !cmp.Equal(c, again) {
					t.Fatalf("%+v, and in another order %+v", c, again)
				}
			})
		})
	}
}

// At the price of KDouble nobody is left who would trade at it: no buyer that bids more, no seller that asks less.
func TestKDoubleClearsTheMarket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reserve, buys, sells := drawBook(t)
		k := rapid.SampledFrom([]api.Decimal{0, 1, api.One / 2, api.One}).Draw(t, "k")
		c := mechanism.KDouble(reserve, k, buys, sells)
		if c.Pays != c.Gets {
			t.Fatalf("pays %s, gets %s", c.Pays, c.Gets)
		}
		if len(c.Trades) == 0 {
			return
		}
		demand, supply := int64(0), int64(0)
		for _, p := range units(buys, api.MaxAmount) {
			if p > c.Pays {
				demand++
			}
		}
		for _, p := range units(sells, api.MaxAmount) {
			if max(p, reserve) < c.Gets {
				supply++
			}
		}
		if demand > c.Volume() || supply > c.Volume() {
			t.Fatalf("at %s %d trade, but %d would buy for more, %d sell for less", c.Pays, c.Volume(), demand, supply)
		}
	})
}

func book(prices ...api.Micro) []mechanism.Bid {
	var bids []mechanism.Bid
	for i, p := range prices {
		bids = append(bids, mechanism.Bid{Bidder: string(rune('a' + i)), Price: p, Quantity: 1, Order: uint64(i + 1)})
	}
	return bids
}

// The price is from the lowest that clears the market, at k = 0, to the highest, at k = 1.
func TestKDouble(t *testing.T) {
	for _, row := range []struct {
		buys, sells       []api.Micro
		reserve           api.Micro
		low, middle, high api.Micro
	}{
		{[]api.Micro{12}, []api.Micro{8}, 0, 8, 10, 12},
		{[]api.Micro{12}, []api.Micro{8, 9}, 0, 8, 8, 9},           // above 9 the second would sell
		{[]api.Micro{12, 11}, []api.Micro{8}, 0, 11, 11, 12},       // below 11 the second would buy
		{[]api.Micro{12, 10, 5}, []api.Micro{1, 3, 9}, 0, 5, 7, 9}, // two trade, between 5 and 9
		{[]api.Micro{12}, []api.Micro{8, 9}, 10, 10, 10, 10},       // both stand at the reserve
		{[]api.Micro{12}, []api.Micro{8}, 11, 11, 11, 12},
		{[]api.Micro{12}, []api.Micro{8}, 13, 0, 0, 0},
	} {
		for k, want := range map[api.Decimal]api.Micro{0: row.low, api.One / 2: row.middle, api.One: row.high} {
			if c := mechanism.KDouble(row.reserve, k, book(row.buys...), book(row.sells...)); c.Pays != want || c.Gets != want {
				t.Errorf("%v against %v, reserve %s, k %s: %+v, want %s", row.buys, row.sells, row.reserve, k, c, want)
			}
		}
	}
}

func TestMcAfee(t *testing.T) {
	for _, row := range []struct {
		buys, sells []api.Micro
		volume      int64
		pays, gets  api.Micro
	}{
		{[]api.Micro{9, 8, 7, 4}, []api.Micro{2, 3, 4, 5}, 3, 4, 4},  // the middle of 4 and 5, rounded down
		{[]api.Micro{9, 8, 7, 1}, []api.Micro{2, 3, 6, 20}, 2, 7, 6}, // 10 is above 7: the third trade is given up
		{[]api.Micro{9, 8}, []api.Micro{2, 3}, 1, 8, 3},              // nobody is left to set the price
		{[]api.Micro{9}, []api.Micro{2}, 0, 0, 0},
		{[]api.Micro{9, 5}, []api.Micro{2, 7}, 1, 6, 6},
		{[]api.Micro{3}, []api.Micro{4}, 0, 0, 0},
	} {
		c := mechanism.McAfee(0, book(row.buys...), book(row.sells...))
		if c.Volume() != row.volume || c.Pays != row.pays || c.Gets != row.gets || c.Surplus() != (row.pays-row.gets)*api.Micro(row.volume) {
			t.Errorf("%v against %v: %+v", row.buys, row.sells, c)
		}
	}
}
