package lmsr_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/lmsr"
	"github.com/mabus-project/mabus/shared/api"
)

const unit = 1_000_000

func TestKnownCosts(t *testing.T) {
	for _, row := range []struct {
		liquidity api.Micro
		shares    []int64
		want      api.Micro
	}{
		{100 * unit, []int64{0, 0}, 69_314_719},                 // 100 ln 2 = 69.3147180559...
		{100 * unit, []int64{0, 0, 0}, 109_861_229},             // 100 ln 3 = 109.8612288668...
		{100 * unit, []int64{10, 0}, 74_439_667},                // 100 ln(e^0.1+1) = 74.4396660073...
		{unit, []int64{1000, 0}, 1_000_000_001},                 // above 1000 by e^-1000
		{unit, []int64{lmsr.MaxShares, 0}, 500_000_000_000_001}, // above by e^-10^9
		{api.MaxLiquidity, []int64{0, 0}, 69_314_718_055_995},   // 10^8 ln 2 = 69314718.0559945309...
		{api.MaxLiquidity, []int64{lmsr.MaxShares, lmsr.MaxShares}, 569_314_718_055_995},
	} {
		m := lmsr.Market{Liquidity: row.liquidity, Shares: row.shares}
		if got := m.Cost(); got != row.want {
			t.Errorf("b %d, %v: %d, want %d", row.liquidity, row.shares, got, row.want)
		}
	}
}

func TestKnownPrices(t *testing.T) {
	for _, row := range []struct {
		shares []int64
		want   []api.Decimal
	}{
		{[]int64{0, 0}, []api.Decimal{500_000, 500_000}},
		{[]int64{7, 7, 7}, []api.Decimal{333_334, 333_333, 333_333}},
		{[]int64{100, 0}, []api.Decimal{731_059, 268_941}}, // 1/(1+e^-1) = 0.7310585786...
		{[]int64{0, 1000_000}, []api.Decimal{0, 1_000_000}},
		{[]int64{0, lmsr.MaxShares, 0}, []api.Decimal{0, 1_000_000, 0}},
	} {
		m := lmsr.Market{Liquidity: 100 * unit, Shares: row.shares}
		if got := m.Prices(); !slices.Equal(got, row.want) {
			t.Errorf("%v: %v, want %v", row.shares, got, row.want)
		}
	}
}

func draw(t *rapid.T) lmsr.Market {
	m := lmsr.Market{Liquidity: api.Micro(rapid.Int64Range(api.MinLiquidity, 1000*unit).Draw(t, "b"))}
	for range rapid.IntRange(2, 6).Draw(t, "outcomes") {
		m.Shares = append(m.Shares, rapid.Int64Range(0, 3000).Draw(t, "shares"))
	}
	return m
}

func TestCostIsNearAndExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		got := m.Cost()
		b := float64(m.Liquidity) / unit
		top, sum := float64(slices.Max(m.Shares)), 0.0
		for _, q := range m.Shares {
			sum += math.Exp((float64(q) - top) / b)
		}
		if want := top + b*math.Log(sum); math.Abs(float64(got)/unit-want) > 1.1e-6 {
			t.Fatalf("%+v costs %d, want %v", m, got, want)
		}
		// Narrower from the beginning is the same, and so is wider.
		if fine, coarse := m.CostFrom(512), m.CostFrom(40); fine != got || coarse != got {
			t.Fatalf("%+v: %d, %d, %d", m, coarse, got, fine)
		}
		// A share of each outcome is worth one unit, to the millionth: there is no arbitrage between them.
		all := lmsr.Market{Liquidity: m.Liquidity, Shares: slices.Clone(m.Shares)}
		for i := range all.Shares {
			all.Shares[i] += 5
		}
		if all.Cost() != got+5*unit {
			t.Fatalf("%+v: 5 of each cost %d", m, all.Cost()-got)
		}
		if got <= api.Micro(slices.Max(m.Shares))*unit {
			t.Fatalf("%+v: %d does not cover the shares that may win", m, got)
		}
	})
}

func TestPricesSumToOneAndFollowTheShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		prices, floors := m.Prices(), m.FloorPrices()
		var sum, worth api.Micro
		top := slices.Max(m.Shares)
		all := 0.0
		for _, q := range m.Shares {
			all += math.Exp(float64(q-top) * unit / float64(m.Liquidity))
		}
		for i, p := range prices {
			sum += api.Micro(p)
			worth += floors[i] * api.Micro(m.Shares[i])
			want := math.Exp(float64(m.Shares[i]-top)*unit/float64(m.Liquidity)) / all
			if math.Abs(float64(p)/unit-want) > 1.001e-6 || p < 0 || api.Decimal(floors[i]) > p || api.Decimal(floors[i]) < p-1 || float64(floors[i])/unit > want+1e-12 {
				t.Fatalf("%+v: price %d is %v, want %v", m, i, p, want)
			}
			for j := range prices {
				if m.Shares[i] > m.Shares[j] && prices[i] < prices[j] {
					t.Fatalf("%+v: %v", m, prices)
				}
			}
		}
		if sum != unit {
			t.Fatalf("%+v: the prices %v sum to %d", m, prices, sum)
		}
		if worth > m.Cost() {
			t.Fatalf("%+v: to pay every share its price costs %d of %d", m, worth, m.Cost())
		}
	})
}

// TestTheMakersLossIsBounded trades along generated ways: whatever outcome comes true at any time, the maker has lost no more than the
// cost of nothing sold, b ln n; a way back to where it began costs the trader at least nothing.
func TestTheMakersLossIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		clear(m.Shares)
		stake := m.Cost()
		cost, paid := stake, api.Micro(0)
		seen := map[string]api.Micro{}
		for range rapid.IntRange(1, 30).Draw(t, "trades") {
			i := rapid.IntRange(0, len(m.Shares)-1).Draw(t, "outcome")
			n := rapid.Int64Range(1, 400).Draw(t, "quantity")
			var tr *lmsr.Trade
			var err error
			if sell := rapid.Bool().Draw(t, "sell"); sell && m.Shares[i] > 0 {
				if tr, err = m.Sell(cost, i, min(n, m.Shares[i])); err != nil || tr.Value < 0 {
					t.Fatal(tr, err)
				}
				paid -= tr.Value
			} else {
				if tr, err = m.Buy(cost, i, n); err != nil || tr.Value < 1 || tr.Value > api.Micro(n)*unit+1 {
					t.Fatal(tr, err)
				}
				paid += tr.Value
			}
			m.Shares, cost = tr.Shares, tr.Cost
			if cost != m.Cost() {
				t.Fatalf("%+v: cost %d, want %d", m, cost, m.Cost())
			}
			if loss := api.Micro(slices.Max(m.Shares))*unit - paid; loss > stake {
				t.Fatalf("%+v: the maker may lose %d, and stakes %d", m, loss, stake)
			}
			key := string(key(m.Shares))
			if before, ok := seen[key]; ok && paid < before {
				t.Fatalf("%+v: the traders came back with %d more", m, before-paid)
			}
			seen[key] = paid
		}
	})
}

// In none of a million positions of two outcomes and some of three the maker would lose more than the stake to any outcome, if the traders
// have paid no more than the difference of the costs, which is the least they ever pay.
func TestNoPositionLosesMoreThanTheStake(t *testing.T) {
	const size = 1000
	for _, b := range []api.Micro{unit, 7_654_321, 100 * unit} {
		lead := make([]api.Micro, size) // what a position costs beyond its larger side, by the difference of the two
		for d := range lead {
			m := lmsr.Market{Liquidity: b, Shares: []int64{int64(d), 0}}
			lead[d] = m.Cost() - api.Micro(d)*unit
			higher := lmsr.Market{Liquidity: b, Shares: []int64{77, int64(d) + 77}}
			if got := higher.Cost(); got != lead[d]+api.Micro(d+77)*unit {
				t.Fatalf("b %d: %v costs %d, not as much more as it has shares", b, higher.Shares, got)
			}
		}
		stake := lead[0]
		for x := range size {
			for y := range size {
				top := api.Micro(max(x, y)) * unit
				paid := lead[max(x, y)-min(x, y)] + top - stake
				if top-paid > stake {
					t.Fatalf("b %d: at %d and %d shares the maker loses %d, and stakes %d", b, x, y, top-paid, stake)
				}
			}
		}
	}
	const few = 16
	stake := (&lmsr.Market{Liquidity: unit, Shares: []int64{0, 0, 0}}).Cost()
	for i := range int64(few * few * few) {
		m := lmsr.Market{Liquidity: unit, Shares: []int64{i % few, i / few % few, i / few / few}}
		if loss := api.Micro(slices.Max(m.Shares))*unit - (m.Cost() - stake); loss > stake {
			t.Fatalf("%v: the maker loses %d, and stakes %d", m.Shares, loss, stake)
		}
	}
}

func key(shares []int64) []byte {
	var b []byte
	for _, q := range shares {
		b = append(b, byte(q), byte(q>>8), byte(q>>16))
	}
	return b
}

// One trade or many to the same end cost the same, but for the least that each buy costs.
func TestNoWayIsCheaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := draw(t)
		n := rapid.Int64Range(2, 200).Draw(t, "quantity")
		at := rapid.Int64Range(1, n-1).Draw(t, "first")
		whole, err := m.Buy(m.Cost(), 0, n)
		if err != nil {
			t.Fatal(err)
		}
		one, err := m.Buy(m.Cost(), 0, at)
		if err != nil {
			t.Fatal(err)
		}
		two, err := (&lmsr.Market{Liquidity: m.Liquidity, Shares: one.Shares}).Buy(one.Cost, 0, n-at)
		if err != nil || one.Value+two.Value < whole.Value || one.Value+two.Value > whole.Value+2 || two.Cost != whole.Cost {
			t.Fatalf("%d and %d, at once %d, %v", one.Value, two.Value, whole.Value, err)
		}
	})
}

func TestWhatCannotBeTraded(t *testing.T) {
	m := lmsr.Market{Liquidity: unit, Shares: []int64{5, lmsr.MaxShares}}
	cost := m.Cost()
	for name, f := range map[string]func() (*lmsr.Trade, error){
		"below the first outcome": func() (*lmsr.Trade, error) { return m.Buy(cost, -1, 1) },
		"beyond the last outcome": func() (*lmsr.Trade, error) { return m.Buy(cost, 2, 1) },
		"nothing":                 func() (*lmsr.Trade, error) { return m.Buy(cost, 0, 0) },
		"more than there are":     func() (*lmsr.Trade, error) { return m.Sell(cost, 0, 6) },
		"more than there can be":  func() (*lmsr.Trade, error) { return m.Buy(cost, 1, 1) },
		"very many":               func() (*lmsr.Trade, error) { return m.Buy(cost, 0, math.MaxInt64) },
		"very many less":          func() (*lmsr.Trade, error) { return m.Sell(cost, 0, math.MaxInt64) },
	} {
		if tr, err := f(); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %+v, %v", name, tr, err)
		}
	}
}

// What a market costs and what its prices are is found in a time that does not depend on how far apart its outcomes are.
func BenchmarkCost(b *testing.B) {
	for _, n := range []int{2, 64} {
		m := lmsr.Market{Liquidity: 100 * unit, Shares: make([]int64, n)}
		b.Run(map[int]string{2: "two", 64: "many"}[n], func(b *testing.B) {
			for i := range b.N {
				m.Shares[0] = int64(i % 1000)
				m.Cost()
				m.Prices()
			}
		})
	}
}
