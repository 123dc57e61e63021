package card_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/economics/lmsr"
	"github.com/mabus-project/mabus/services/economics/mechanism/card"
	"github.com/mabus-project/mabus/shared/api"
)

func TestCardsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range card.Cards() {
		if seen[c.Name] || !api.ValidID(c.Name) || c.Kind == "" || c.Summary == "" || c.When == "" || c.Formula == "" || c.Paper == "" || len(c.Promises) == 0 {
			t.Errorf("%q lacks something, or is there twice", c.Name)
		}
		seen[c.Name] = true
		if found, ok := card.Find(c.Name); !ok || found.Summary != c.Summary {
			t.Errorf("%s is not found", c.Name)
		}
		truthful := card.Property{}
		for _, p := range c.Promises {
			if p.Name == card.Truthful {
				truthful = p
			}
			switch p.Holds {
			case card.Yes:
			case card.No, card.Conditional:
				if p.Condition == "" {
					t.Errorf("%s: %s holds %s, without a condition", c.Name, p.Name, p.Holds)
				}
			default:
				t.Errorf("%s: %s holds %q", c.Name, p.Name, p.Holds)
			}
		}
		if truthful.Holds == "" || truthful.Holds == card.No && c.Regret == nil || truthful.Holds == card.Yes && c.Regret != nil {
			t.Errorf("%s: truthful %q, regret %+v", c.Name, truthful.Holds, c.Regret)
		}
	}
	if _, ok := card.Find("raffle"); ok {
		t.Error("a card of nothing")
	}
}

// Each property names a test that is there.
func TestPropertiesHaveTests(t *testing.T) {
	known := map[string]map[string]bool{}
	for _, c := range card.Cards() {
		for _, p := range c.Promises {
			dir, name, _ := strings.Cut(p.Test, ".")
			if known[dir] == nil {
				known[dir] = tests(t, filepath.Join("..", "..", filepath.FromSlash(dir)))
			}
			if !known[dir][name] {
				t.Errorf("%s: %s is shown by %s, which is not there", c.Name, p.Name, p.Test)
			}
		}
	}
}

// tests are the names of the tests in a directory.
func tests(t *testing.T, dir string) map[string]bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range files {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// The figures on the cards are what is measured.
func TestRegrets(t *testing.T) {
	for i, c := range card.Cards() {
		if i%oneIn != 0 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			got, ok := card.Measure(c.Name)
			if ok != (c.Regret != nil) {
				t.Fatalf("measured %v, on the card %+v", ok, c.Regret)
			}
			if !ok {
				return
			}
			if got != *c.Regret {
				t.Errorf("measured %d and %d, on the card %d and %d", got.Mean, got.Max, c.Regret.Mean, c.Regret.Max)
			}
			if got.Mean <= 0 || got.Max < got.Mean || got.Max > api.One || got.Setting == "" {
				t.Errorf("%+v is no regret", got)
			}
		})
	}
}

// To accept on the clock and to bid sealed at first price are the same (Vickrey 1961): so are the regrets of both, in the same situations.
func TestDutchIsAFirstPriceAuction(t *testing.T) {
	dutch, _ := card.Find("dutch")
	first, _ := card.Find("first_price")
	if dutch.Regret.Mean != first.Regret.Mean || dutch.Regret.Max != first.Regret.Max {
		t.Errorf("dutch %+v, first price %+v", dutch.Regret, first.Regret)
	}
}

// Who believes in an outcome with some probability, and buys shares of it, gains most, in the mean, with as many as bring the price there.
func TestMovingThePriceToTheBeliefPaysMost(t *testing.T) {
	const most = 60
	m := lmsr.Market{Liquidity: 10_000_000, Shares: []int64{0, 5, 0}}
	before := m.Cost()
	for belief := api.Decimal(50_000); belief < api.One; belief += 50_000 {
		gain := func(n int64) api.Micro {
			if n == 0 {
				return 0
			}
			trade, err := m.Buy(before, 0, n)
			if err != nil {
				t.Fatal(err)
			}
			return api.Micro(belief)*api.Micro(n) - trade.Value
		}
		// The last number of shares at which the price is not beyond the belief, or one more: shares are whole.
		n := int64(0)
		for n < most && (&lmsr.Market{Liquidity: m.Liquidity, Shares: []int64{n + 1, 5, 0}}).Prices()[0] <= belief {
			n++
		}
		best := max(gain(n), gain(n+1))
		for other := int64(0); other <= most; other++ {
			if g := gain(other); g > best {
				t.Errorf("belief %s: %d shares gain %s, %d gain %s", belief, n, best, other, g)
			}
		}
	}
}
