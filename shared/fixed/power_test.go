package fixed_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

func float(d api.Decimal) float64 { return float64(d) / float64(api.One) }

func TestPow(t *testing.T) {
	for _, row := range []struct {
		x        api.Decimal
		num, den int
		want     api.Decimal
	}{
		{0, 7, 10, 0},
		{api.One, 7, 10, api.One},
		{800_000, 7, 10, 855_388},
		{4 * api.One, 1, 2, 2 * api.One},
		{2 * api.One, 1, 2, 1_414_214},
		{2 * api.One, 10, 1, 1024 * api.One},
		{2 * api.One, -2, 1, 250_000},
		{4 * api.One, -1, 2, 500_000},
		{1500, 2, 1, 2}, // 2.25 millionths
		{500, 3, 1, 0},  // 0.000125 millionths
		{707_107, 2, 1, 500_000},
		{5 * api.One, 0, 3, api.One},
		{0, 0, 1, api.One},
		{0, -1, 1, math.MaxInt64},
		{-api.One, 2, 1, 0},
		{api.One, 1, 0, 0},
		{api.DecimalLimit, 3, 1, math.MaxInt64},
		{math.MaxInt64, 1, 1, math.MaxInt64},
		{math.MaxInt64, 1, 2, 3_037_000_499_976},
	} {
		got := fixed.Pow(row.x, row.num, row.den)
		if got != row.want {
			t.Errorf("%v^(%d/%d) = %v, want %v", row.x, row.num, row.den, got, row.want)
		}
	}
}

func TestPowIsNearAndMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := api.Decimal(rapid.Int64Range(1, int64(100*api.One)).Draw(t, "x"))
		num, den := rapid.IntRange(-6, 12).Draw(t, "num"), rapid.IntRange(1, 12).Draw(t, "den")
		got := fixed.Pow(x, num, den)
		want := math.Pow(float(x), float64(num)/float64(den))
		if want < 1e6 && math.Abs(float(got)-want) > 1e-6 {
			t.Fatalf("%v^(%d/%d) = %v, want %v", x, num, den, got, want)
		}
		more := fixed.Pow(x+1, num, den)
		if num > 0 && more < got || num < 0 && more > got {
			t.Fatalf("%v^(%d/%d) = %v, and of the next %v", x, num, den, got, more)
		}
	})
}

// The result is nearer to the true value than any other: |result - value| <= 1/2 millionth, in whole numbers.
func TestPowIsCorrectlyRounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64Range(1, int64(10*api.One)).Draw(t, "x")
		num, den := rapid.Int64Range(1, 10).Draw(t, "num"), rapid.Int64Range(1, 10).Draw(t, "den")
		got := int64(fixed.Pow(api.Decimal(x), int(num), int(den)))
		if got == math.MaxInt64 {
			return
		}
		exp := func(b, n int64) *big.Int { return new(big.Int).Exp(big.NewInt(b), big.NewInt(n), nil) }
		// value^den = x^num / 10^6num, in units; compare ((2*got±1)/(2*10^6))^den with it.
		right := new(big.Int).Mul(exp(x, num), exp(2*int64(api.One), den))
		for _, side := range []int64{-1, 1} {
			left := new(big.Int).Mul(exp(2*got+side, den), exp(int64(api.One), num))
			if 2*got+side < 0 {
				left.SetInt64(-1)
			}
			if c := left.Cmp(right); c != 0 && c != int(side) {
				t.Fatalf("%d^(%d/%d) = %d is not the nearest", x, num, den, got)
			}
		}
	})
}

func TestLog2(t *testing.T) {
	for x, want := range map[api.Decimal]api.Decimal{
		api.One: 0, 2 * api.One: api.One, 1024 * api.One: 10 * api.One, api.One / 2: -api.One, 250_000: -2 * api.One,
		3 * api.One: 1_584_963, 1: -19_931_569, math.MaxInt64: 43_068_431, 0: -math.MaxInt64, -1: -math.MaxInt64, 333_333: -1_584_964,
		999_999: -1, 1_000_001: 1,
	} {
		if got := fixed.Log2(x); got != want {
			t.Errorf("log2(%v) = %v, want %v", x, got, want)
		}
	}
	if got := fixed.LogRatio(api.One, 3); got != fixed.LogRatio(4*api.One, 12) {
		t.Errorf("a ratio and the same ratio differ: %v", got)
	}
	if got := fixed.LogRatio(api.One, 0); got != -math.MaxInt64 {
		t.Error(got)
	}
}

func TestLogIsNearAndMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(1, 1<<50).Draw(t, "a"), rapid.Int64Range(1, 1<<50).Draw(t, "b")
		got := fixed.LogRatio(api.Decimal(a), api.Decimal(b))
		if want := math.Log2(float64(a) / float64(b)); math.Abs(float(got)-want) > 0.5e-6+1e-9 {
			t.Fatalf("log2(%d/%d) = %v, want %v", a, b, got, want)
		}
		if back := fixed.LogRatio(api.Decimal(b), api.Decimal(a)); back != -got {
			t.Fatalf("log2(%d/%d) = %v, and of the reverse %v", a, b, got, back)
		}
		if more := fixed.LogRatio(api.Decimal(a+1), api.Decimal(b)); more < got {
			t.Fatalf("log2(%d/%d) = %v, and of the next %v", a, b, got, more)
		}
	})
}
