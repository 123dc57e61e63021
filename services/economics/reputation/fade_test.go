package reputation_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
)

func TestFade(t *testing.T) {
	for _, row := range []struct {
		x    api.Decimal
		days int64
		want api.Decimal
	}{
		{900_000, 1, 891_000}, // the reference's decay by 0.99
		{900_000, 0, 900_000},
		{900_000, -3, 900_000},
		{api.One, 2, 980_100},
		{api.One, 69, 499_837}, // half of it in 69 days
		{api.One, 1000, 43},
		{api.One, 8191, 0},
		{api.One, 1 << 62, 0},
		{0, 5, 0},
		{-5, 5, -5},
	} {
		if got := reputation.Fade(row.x, row.days); got != row.want {
			t.Errorf("%v after %d days is %v, want %v", row.x, row.days, got, row.want)
		}
	}
}

func TestFadeIsExactToTheMillionth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Int64Range(0, 1e12).Draw(t, "x")
		days := rapid.Int64Range(1, 3000).Draw(t, "days")
		exact := new(big.Rat).SetFrac(new(big.Int).Exp(big.NewInt(99), big.NewInt(days), nil), new(big.Int).Exp(big.NewInt(100), big.NewInt(days), nil))
		exact.Mul(exact, new(big.Rat).SetInt64(x))
		diff := exact.Sub(exact, new(big.Rat).SetInt64(int64(reputation.Fade(api.Decimal(x), days))))
		if diff.Abs(diff).Cmp(big.NewRat(501, 1000)) > 0 {
			t.Fatalf("%d after %d days is off by %s", x, days, diff.FloatString(4))
		}
	})
}
