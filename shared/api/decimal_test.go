package api_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
)

func TestDecimal(t *testing.T) {
	for _, c := range []struct {
		in   string
		want api.Decimal
	}{
		{"0", 0},
		{"-0", 0},
		{"0.0", 0},
		{"1", api.One},
		{"0.5", 500_000},
		{"-0.25", -250_000},
		{"1e3", 1000 * api.One},
		{"1.5E-3", 1500},
		{"0.0000005", 0},
		{"0.0000015", 2},
		{"0.00000050000001", 1},
		{"12345.678901", 12_345_678_901},
		{"1000000000", api.DecimalLimit},
		{"1e-400", 0},
	} {
		if got, err := api.ParseDecimal(c.in); err != nil || got != c.want {
			t.Errorf("ParseDecimal(%q) = %d, %v, want %d", c.in, got, err, c.want)
		}
	}
	for _, in := range []string{"", "-", ".5", "5.", "01", "1e", "NaN", "+1", "1000000001", "1e10", "1e1001", "0x1", "\"1\"", "1 "} {
		if got, err := api.ParseDecimal(in); err == nil {
			t.Errorf("ParseDecimal(%q) = %d, want an error", in, got)
		}
	}
}

func TestDecimalRoundTripAndRounding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := api.Decimal(rapid.Int64Range(-int64(api.DecimalLimit), int64(api.DecimalLimit)).Draw(t, "d"))
		if got, err := api.ParseDecimal(d.String()); err != nil || got != d {
			t.Fatalf("%d reads back from %q as %d, %v", d, d.String(), got, err)
		}
		s := rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,12})?([eE][+-]?[0-9])?`).Draw(t, "s")
		got, err := api.ParseDecimal(s)
		if err != nil {
			return // over the bound; the table has the rest
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q was read and is no number", s)
		}
		diff := exact.Sub(exact, big.NewRat(int64(got), int64(api.One)))
		if diff.Abs(diff).Cmp(big.NewRat(1, 2*int64(api.One))) > 0 {
			t.Fatalf("%q was read as %s", s, got)
		}
	})
}
