package fixed_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

func TestMulDivIsExactWithOneRounding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) api.Decimal { return api.Decimal(rapid.Int64().Draw(t, name)) }
		a, b, c := draw("a"), draw("b"), draw("c")
		if c == 0 {
			if fixed.MulDiv(a, b, c) != 0 {
				t.Fatal("a division by nothing is not 0")
			}
			return
		}
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b))), big.NewInt(int64(c)))
		got := fixed.MulDiv(a, b, c)
		if limit := new(big.Rat).SetInt64(math.MaxInt64); exact.Cmp(limit) >= 0 || exact.Cmp(limit.Neg(limit)) <= 0 {
			if got != math.MaxInt64 && got != -math.MaxInt64 {
				t.Fatalf("%v is beyond the range, got %d", exact, got)
			}
			return
		}
		diff := exact.Sub(exact, new(big.Rat).SetInt64(int64(got)))
		switch diff.Abs(diff).Cmp(big.NewRat(1, 2)) {
		case 1:
			t.Fatalf("%d*%d/%d = %d, off by %v", a, b, c, got, diff)
		case 0:
			if got%2 != 0 {
				t.Fatalf("%d*%d/%d = %d: a half goes to the even neighbour", a, b, c, got)
			}
		}
	})
}

func TestAddStaysInRange(t *testing.T) {
	if got := fixed.Add(math.MaxInt64, 1); got != math.MaxInt64 {
		t.Error(got)
	}
	if got := fixed.Add(-math.MaxInt64, -5); got != -math.MaxInt64 {
		t.Error(got)
	}
	if got := fixed.Add(api.One, -2*api.One); got != -api.One {
		t.Error(got)
	}
	if got := fixed.Int(3); got != 3*api.One {
		t.Error(got)
	}
}
