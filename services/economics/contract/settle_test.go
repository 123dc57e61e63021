package contract_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/shared/api"
)

const unit api.Micro = 1_000_000

var opened = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func after(c api.Contract, took time.Duration) *api.Contract {
	c.Terms = contract.Fill(c.Terms)
	c.OpenedAt, c.DeliveredAt = opened, opened.Add(took)
	return &c
}

// The reference's incentive-aligned settlement: 450 at 0.96 against 0.92, 16 h of 24, makes 40 + 40 + 45 on top.
func TestBonusesAreTheReferences(t *testing.T) {
	c := after(api.Contract{Price: 450 * unit, Terms: api.ContractTerms{Bonus: api.ContractBonus{
		Max: 1000 * unit, Target: 920_000, QualityRate: 10 * unit, SpeedRate: 5 * unit, ReputationMultiplier: 100_000,
	}}}, 16*time.Hour)
	got := contract.Settle(c, 960_000, 0, 1450*unit)
	want := api.ContractSettlement{
		Base: 450 * unit, Quality: 40 * unit, Speed: 40 * unit, Reputation: 45 * unit, Paid: 575 * unit, Refund: 875 * unit,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSettle(t *testing.T) {
	half, none := api.One/2, api.Decimal(0)
	rows := []struct {
		name    string
		terms   api.ContractTerms
		quality api.Decimal
		score   api.Decimal
		held    api.Micro
		want    api.ContractSettlement
	}{
		{"in full at the guarantee", api.ContractTerms{}, 800_000, 0, 100, api.ContractSettlement{Base: 100, Paid: 100}},
		{"half of the guarantee is half of the price", api.ContractTerms{}, 400_000, 0, 100, api.ContractSettlement{Base: 100, Penalty: 50, Paid: 50, Refund: 50}},
		{"nothing for quality 0", api.ContractTerms{}, 0, 0, 100, api.ContractSettlement{Base: 100, Penalty: 100, Refund: 100}},
		{"half of the penalty", api.ContractTerms{Penalty: &half}, 0, 0, 100, api.ContractSettlement{Base: 100, Penalty: 50, Paid: 50, Refund: 50}},
		{"no penalty", api.ContractTerms{Penalty: &none}, 0, 0, 100, api.ContractSettlement{Base: 100, Paid: 100}},
		{"a fee, rounded down", api.ContractTerms{Fee: 19_999}, api.One, 0, 100, api.ContractSettlement{Base: 100, Paid: 100, Fee: 1}},
		{"no bonus without a maximum", api.ContractTerms{Bonus: api.ContractBonus{QualityRate: 7}}, api.One, 0, 200, api.ContractSettlement{
			Base: 100, Paid: 100,
			Refund: 100,
		}},
		{
			"at most the maximum, the last cut first",
			api.ContractTerms{Bonus: api.ContractBonus{Max: 25, QualityRate: 1, ReputationMultiplier: api.One}},
			api.One, 0, 200,
			api.ContractSettlement{Base: 100, Quality: 20, Reputation: 5, Paid: 125, Refund: 75},
		},
		{
			"at most what is held",
			api.ContractTerms{Bonus: api.ContractBonus{Max: 50, ReputationMultiplier: api.One}},
			api.One, 0, 110,
			api.ContractSettlement{Base: 100, Reputation: 10, Paid: 110},
		},
		{
			"a bonus for a good name needs one",
			api.ContractTerms{Bonus: api.ContractBonus{Max: 50, ReputationMultiplier: api.One, MinReputation: 600_000}},
			api.One, 599_999, 150,
			api.ContractSettlement{Base: 100, Paid: 100, Refund: 50},
		},
		{
			"no bonus below the guarantee",
			api.ContractTerms{Bonus: api.ContractBonus{Max: 50, Target: 1, SpeedRate: 1, ReputationMultiplier: api.One}},
			400_000, api.One, 150,
			api.ContractSettlement{Base: 100, Penalty: 50, Paid: 50, Refund: 100},
		},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := contract.Settle(after(api.Contract{Price: 100, Terms: r.terms}, time.Hour), r.quality, r.score, r.held); got != r.want {
				t.Errorf("got %+v, want %+v", got, r.want)
			}
		})
	}
}

// Whatever the terms, nothing is made or lost, nobody pays more than is held, and more quality is never paid less.
func TestSettlementIsSound(t *testing.T) {
	share := rapid.Custom(func(t *rapid.T) api.Decimal { return api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, "share")) })
	amount := rapid.Custom(func(t *rapid.T) api.Micro {
		return api.Micro(rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, api.MaxAmount)).Draw(t, "amount"))
	})
	long := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(365*24*time.Hour)).Draw(t, "time"))
	})
	rapid.Check(t, func(t *rapid.T) {
		penalty := share.Draw(t, "penalty")
		c := after(api.Contract{Price: amount.Draw(t, "price"), Terms: api.ContractTerms{
			QualityGuarantee: share.Draw(t, "guarantee"), Penalty: &penalty, Fee: share.Draw(t, "fee"),
			Bonus: api.ContractBonus{
				Max: amount.Draw(t, "max"), Target: share.Draw(t, "target"), QualityRate: amount.Draw(t, "quality rate"), Deadline: api.Duration(long.Draw(t, "deadline")),
				SpeedRate: amount.Draw(t, "speed rate"), ReputationMultiplier: share.Draw(t, "multiplier"), MinReputation: share.Draw(t, "least"),
			},
		}}, long.Draw(t, "took"))
		held := c.Price + c.Terms.Bonus.Max
		score := share.Draw(t, "score")
		low, high := share.Draw(t, "quality"), share.Draw(t, "quality")
		if low > high {
			low, high = high, low
		}
		less, more := contract.Settle(c, low, score, held), contract.Settle(c, high, score, held)
		for _, s := range []api.ContractSettlement{less, more} {
			for _, x := range []api.Micro{s.Base, s.Penalty, s.Quality, s.Speed, s.Reputation, s.Paid, s.Fee, s.Refund} {
				if x < 0 {
					t.Fatalf("%+v", s)
				}
			}
			if s.Paid+s.Refund != held || s.Fee > s.Paid || s.Penalty > s.Base || s.Quality+s.Speed+s.Reputation > c.Terms.Bonus.Max {
				t.Fatalf("%+v of %s", s, held)
			}
		}
		if less.Paid > more.Paid {
			t.Fatalf("quality %s is paid %s, quality %s only %s", low, less.Paid, high, more.Paid)
		}
	})
}

func TestPartIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n, m := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "n"), rapid.Int64().Draw(t, "m")
		want := new(big.Int)
		if a > 0 && n > 0 && m > 0 {
			want.Div(want.Mul(big.NewInt(a), big.NewInt(n)), big.NewInt(m))
		}
		if !want.IsInt64() {
			want.SetInt64(math.MaxInt64)
		}
		if got := contract.Part(api.Micro(a), n, m); int64(got) != want.Int64() {
			t.Fatalf("Part(%d, %d, %d) = %d, want %s", a, n, m, got, want)
		}
	})
}

func TestValue(t *testing.T) {
	c := &api.Contract{Price: 60, Ceiling: 100}
	for _, r := range []struct {
		quality api.Decimal
		paid    api.Micro
		want    api.Decimal
	}{{900_000, 100, 900_000}, {900_000, 200, 900_000}, {450_000, 50, 900_000}, {900_000, 50, api.One}, {300_000, 0, 300_000}, {0, 50, 0}} {
		if got := contract.Value(c, r.quality, r.paid); got != r.want {
			t.Errorf("quality %s for %s of 100 is worth %s, want %s", r.quality, r.paid, got, r.want)
		}
	}
}

func TestIDsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, origin := range []string{"tender/t", "tender/bazaar-a", "auction/t", "bazaar/a-b/c", "bazaar/a/b-c", "bazaar/a/b", "tender/a-b-c"} {
		id := contract.ID(origin)
		if !api.ValidID(id) || seen[id] != "" {
			t.Errorf("%s and %s are both %s", origin, seen[id], id)
		}
		seen[id] = origin
	}
	if id := contract.ID("tender/t1"); id != "tender-t1" {
		t.Errorf("the contract of tender/t1 is %s", id)
	}
}
