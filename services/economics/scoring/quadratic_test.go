package scoring_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/scoring"
	"github.com/mabus-project/mabus/shared/api"
)

func TestQuadratic(t *testing.T) {
	for _, row := range []struct {
		base, scale     api.Micro
		belief, outcome api.Decimal
		want            api.Micro
	}{
		{0, 100, api.One, api.One, 100},
		{0, 100, 0, api.One, 0},
		{5, 100, 0, api.One, 5},
		{5, 100, 900_000, api.One, 104},
		{5, 100, 500_000, api.One, 80},
		{5, 100, 500_000, 0, 80},
		{0, 100, 950_000, 960_000, 99}, // 99.99
		{0, 100, 7 * api.One, -api.One, 0},
		{-1, -1, 0, 0, 0},
		{0, 0, 0, 0, 0},
		{api.MaxReportPay, api.MaxReportPay, 1, 1, 2 * api.MaxReportPay},
		{0, api.MaxReportPay, api.One, 1, 1_999_999_000}, // 10^15 * (2*10^-6 - 10^-12)
	} {
		if got := scoring.Quadratic(row.base, row.scale, row.belief, row.outcome); got != row.want {
			t.Errorf("%d + %d, %v for %v: %d, want %d", row.base, row.scale, row.belief, row.outcome, got, row.want)
		}
	}
}

func TestQuadraticIsTheFormulaRoundedDown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.Int64Range(0, api.MaxReportPay).Draw(t, "scale")
		r, x := rapid.Int64Range(0, 1e6).Draw(t, "belief"), rapid.Int64Range(0, 1e6).Draw(t, "outcome")
		want := new(big.Int).Mul(big.NewInt(scale), big.NewInt(1e12-(r-x)*(r-x)))
		want.Quo(want, big.NewInt(1e12))
		if got := scoring.Quadratic(7, api.Micro(scale), api.Decimal(r), api.Decimal(x)); int64(got)-7 != want.Int64() {
			t.Fatalf("%d, want %v", got-7, want)
		}
	})
}

// expected is a million times what is expected of a report when the outcome is yes with a probability in millionths.
func expected(scale api.Micro, r, p api.Decimal) int64 {
	return int64(p)*int64(scoring.Quadratic(0, scale, r, api.One)) + int64(api.One-p)*int64(scoring.Quadratic(0, scale, r, 0))
}

// Every belief and every report, in steps of 0.01: the honest one is strictly the best. With a scale of 10^4 nothing is rounded.
func TestHonestyPaysBestOnTheGrid(t *testing.T) {
	const step, scale = api.One / 100, 10_000
	for p := api.Decimal(0); p <= api.One; p += step {
		honest := expected(scale, p, p)
		for r := api.Decimal(0); r <= api.One; r += step {
			if got := expected(scale, r, p); r != p && got >= honest {
				t.Fatalf("who believes %v and says %v expects %d, honest %d", p, r, got, honest)
			} else if lost := int64(scale) * int64((p-r)/step) * int64((p-r)/step) * 100; honest-got != lost {
				t.Fatalf("who believes %v and says %v loses %d, want %d", p, r, honest-got, lost)
			}
		}
	}
}

// A million and a half beliefs, reports, scales and outcomes: distributions over three outcomes anywhere between no and yes. Another
// report gains less than one micro-unit, and loses what the formula says if that is a micro-unit or more.
func TestHonestyPaysBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 5))
	for range 1_500_000 {
		scale := api.Micro(1 + rng.Int64N(1_000_000_000))
		a, b, c := api.Decimal(rng.Int64N(1_000_001)), api.Decimal(rng.Int64N(1_000_001)), api.Decimal(rng.Int64N(1_000_001))
		// The weights of the outcomes sum to 8, so that the expectation of their thousandths is whole.
		a, b, c = a/8*8, b/8*8, c/8*8
		v := 1 + rng.Int64N(6)
		w := 1 + rng.Int64N(7-v)
		u := 8 - v - w
		p := (api.Decimal(u)*a + api.Decimal(v)*b + api.Decimal(w)*c) / 8
		r := api.Decimal(rng.Int64N(1_000_001))
		pay := func(r api.Decimal) int64 {
			return u*int64(scoring.Quadratic(0, scale, r, a)) + v*int64(scoring.Quadratic(0, scale, r, b)) + w*int64(scoring.Quadratic(0, scale, r, c))
		}
		gain := pay(r) - pay(p) // in eighths of a micro-unit
		if gain >= 8 {
			t.Fatalf("who expects %v of %v*%d %v*%d %v*%d and says %v of %d gains %d/8", p, a, u, b, v, c, w, r, scale, gain)
		}
		// 10^9 * 10^12 is beyond the range: the gap is taken in thousandths, rounded down.
		gap := int64(max(p-r, r-p)) / 1000
		if lost := 8 * int64(scale) * gap * gap / 1_000_000; lost > 8 && -gain <= lost-9 {
			t.Fatalf("who expects %v and says %v of %d loses %d/8, want %d/8", p, r, scale, -gain, lost)
		}
	}
}

func FuzzQuadraticPaysBetweenNothingAndAll(f *testing.F) {
	f.Add(int64(5), int64(-1), int64(1<<40))
	f.Fuzz(func(t *testing.T, scale, belief, outcome int64) {
		got := scoring.Quadratic(0, api.Micro(scale), api.Decimal(belief), api.Decimal(outcome))
		if got < 0 || got > max(0, api.Micro(scale)) {
			t.Fatalf("%d of %d", got, scale)
		}
	})
}
