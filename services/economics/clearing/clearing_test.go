package clearing_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/clearing"
	"github.com/mabus-project/mabus/shared/api"
)

type offers = []api.MarketOffer

func at(price api.Micro, quantity int64) api.MarketOffer {
	return api.MarketOffer{Price: price, Quantity: quantity}
}

func TestKnownMarkets(t *testing.T) {
	const u = 1_000_000
	for name, row := range map[string]struct {
		buys, sells offers
		price       api.Micro
		quantity    int64
	}{
		"one of each":                {offers{at(12*u, 10)}, offers{at(8*u, 10)}, 10 * u, 10},
		"bid 5, ask 8":               {offers{at(5*u, 10)}, offers{at(8*u, 10)}, 0, 0},
		"bid 50, ask 80":             {offers{at(50*u, 100)}, offers{at(80*u, 100)}, 0, 0},
		"no seller":                  {offers{at(5*u, 10)}, nil, 0, 0},
		"nobody":                     {nil, nil, 0, 0},
		"a buyer of 10 gets 10":      {offers{at(12*u, 10), at(11*u, 5)}, offers{at(8*u, 8), at(9*u, 7)}, 10 * u, 15},
		"less imbalance":             {offers{at(12, 10)}, offers{at(8, 10), at(10, 5)}, 8, 10}, // 8 or 9: no sell is left out
		"the more units":             {offers{at(12, 1), at(9, 10)}, offers{at(8, 10), at(10, 1)}, 8, 10},
		"the same price":             {offers{at(7, 3)}, offers{at(7, 5)}, 7, 3},
		"the middle is rounded down": {offers{at(10, 1)}, offers{at(7, 1)}, 8, 1},
	} {
		r, err := clearing.Clear(row.buys, row.sells)
		if row.quantity == 0 {
			if api.ReasonOf(err) != api.ReasonNoEquilibrium || api.CodeOf(err) != api.FailedPrecondition {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
			continue
		}
		if err != nil || r.Price != row.price || r.Quantity != row.quantity {
			t.Errorf("%s: %+v, %v, want %d at %d", name, r, err, row.quantity, row.price)
		}
	}
}

func draw(t *rapid.T, name string, price api.Micro) offers {
	var out offers
	for range rapid.IntRange(0, 6).Draw(t, name) {
		out = append(out, api.MarketOffer{
			Price:    api.Micro(rapid.Int64Range(1, int64(price)).Draw(t, "price")),
			Quantity: rapid.Int64Range(1, 5).Draw(t, "quantity"),
		})
	}
	return out
}

const highest = 12

// brute tries every price there is.
func brute(buys, sells offers, top api.Micro) (api.Micro, int64) {
	var first, last api.Micro
	var most, least int64
	for p := api.Micro(1); p <= top; p++ {
		var demand, supply int64
		for _, o := range buys {
			if o.Price >= p {
				demand += o.Quantity
			}
		}
		for _, o := range sells {
			if o.Price <= p {
				supply += o.Quantity
			}
		}
		volume, imbalance := min(demand, supply), max(demand-supply, supply-demand)
		if volume > most || volume == most && imbalance < least {
			first, most, least = p, volume, imbalance
		}
		if volume == most && imbalance == least {
			last = p
		}
	}
	if most == 0 {
		return 0, 0
	}
	return (first + last) / 2, most
}

// failer is a test, of package testing or of rapid.
type failer interface {
	Fatalf(format string, args ...any)
}

// TestEqualsBruteForce goes through all markets of up to three orders on each side at few prices and quantities, and through generated
// larger ones.
func TestEqualsBruteForce(t *testing.T) {
	sides := []offers{nil}
	for from, level := 0, 0; level < orders; level++ {
		end := len(sides)
		for _, one := range sides[from:end] {
			for p := api.Micro(1); p <= 4; p++ {
				for n := int64(1); n <= 2; n++ {
					sides = append(sides, append(slices.Clip(one), at(p, n)))
				}
			}
		}
		from = end
	}
	for _, buys := range sides {
		for _, sells := range sides {
			compare(t, buys, sells, 4)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		buys, sells := draw(t, "buys", highest), draw(t, "sells", highest)
		if r := compare(t, buys, sells, highest); r != nil {
			checkSurplus(t, r, buys, sells)
		}
	})
}

// compare wants what brute finds, and that the fills are right.
func compare(t failer, buys, sells offers, top api.Micro) *clearing.Result {
	price, quantity := brute(buys, sells, top)
	r, err := clearing.Clear(buys, sells)
	if quantity == 0 {
		if err == nil {
			t.Fatalf("%+v, where nothing trades", r)
		}
		return nil
	}
	if err != nil || r.Price != price || r.Quantity != quantity {
		t.Fatalf("%+v, %v, want %d at %d", r, err, quantity, price)
	}
	checkFills(t, r, buys, sells)
	return r
}

// checkFills: nobody gets more than asked for or beyond the limit, the sides are equal, and whoever is better or earlier is served first.
func checkFills(t failer, r *clearing.Result, buys, sells offers) {
	for _, side := range []struct {
		offers offers
		filled []int64
		better func(a, b api.Micro) bool
	}{
		{buys, r.Buys, func(a, b api.Micro) bool { return a > b }},
		{sells, r.Sells, func(a, b api.Micro) bool { return a < b }},
	} {
		var sum int64
		for i, n := range side.filled {
			sum += n
			o := side.offers[i]
			if n < 0 || n > o.Quantity || n > 0 && o.Price != r.Price && !side.better(o.Price, r.Price) {
				t.Fatalf("%+v trades %d at %d", o, n, r.Price)
			}
			for j, m := range side.filled {
				before := side.better(o.Price, side.offers[j].Price) || o.Price == side.offers[j].Price && i < j
				if before && m > 0 && n < o.Quantity {
					t.Fatalf("%+v trades %d of it, and %+v behind it %d", o, n, side.offers[j], m)
				}
			}
		}
		if sum != r.Quantity {
			t.Fatalf("%d units trade, want %d", sum, r.Quantity)
		}
	}
	b, s := make([]int64, len(buys)), make([]int64, len(sells))
	for _, x := range r.Trades {
		if x.Quantity < 1 {
			t.Fatalf("a trade of %d", x.Quantity)
		}
		b[x.Buy] += x.Quantity
		s[x.Sell] += x.Quantity
	}
	if !slices.Equal(b, r.Buys) || !slices.Equal(s, r.Sells) || len(r.Trades) > len(buys)+len(sells) {
		t.Fatalf("%+v", r)
	}
}

// checkSurplus: what both sides gain is the value to buyers less that to sellers, and no other way to trade gains more.
func checkSurplus(t failer, r *clearing.Result, buys, sells offers) {
	x, y, err := r.Surplus(buys, sells)
	if err != nil || x < 0 || y < 0 {
		t.Fatalf("%d, %d, %v", x, y, err)
	}
	var units []api.Micro
	var asked []api.Micro
	for _, o := range buys {
		units = append(units, slices.Repeat([]api.Micro{o.Price}, int(o.Quantity))...)
	}
	for _, o := range sells {
		asked = append(asked, slices.Repeat([]api.Micro{o.Price}, int(o.Quantity))...)
	}
	slices.Sort(units)
	slices.Reverse(units)
	slices.Sort(asked)
	var most, sum api.Micro
	for i := range min(len(units), len(asked)) {
		sum += units[i] - asked[i]
		most = max(most, sum)
	}
	if x+y != most {
		t.Fatalf("the surplus is %d+%d, and could be %d", x, y, most)
	}
}

// Of many orders at several prices, mixed, the better and then the earlier ones are served.
func TestTimePriorityAtTheMargin(t *testing.T) {
	var buys offers
	for i := range 300 {
		buys = append(buys, at(api.Micro(7+i*31%17%3), 2))
	}
	for n := int64(1); n < 600; n += 13 {
		r, err := clearing.Clear(buys, offers{at(5, n)})
		if err != nil || r.Quantity != n {
			t.Fatal(r, err)
		}
		checkFills(t, r, buys, offers{at(5, n)})
	}
}

func TestSurplusThatIsTooLarge(t *testing.T) {
	buys := slices.Repeat(offers{at(api.MaxOrderValue, 1)}, 10_000)
	sells := slices.Repeat(offers{at(1, 1)}, 10_000)
	r, err := clearing.Clear(buys, sells)
	if err != nil || r.Quantity != 10_000 {
		t.Fatal(r, err)
	}
	if _, _, err := r.Surplus(buys, sells); api.CodeOf(err) != api.Invalid {
		t.Error(err)
	}
}
