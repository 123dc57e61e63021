package insurance_test

import (
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/insurance"
	"github.com/mabus-project/mabus/shared/api"
)

func TestRisk(t *testing.T) {
	for _, row := range []struct {
		reputation, failures api.Decimal
		complexity           api.InsuranceLevel
		risk                 api.Decimal
		level                api.InsuranceLevel
	}{
		{api.One, 0, api.InsuranceLow, 40_000, api.InsuranceLow},
		{900_000, 0, api.InsuranceHigh, 280_000, api.InsuranceMedium},
		{500_000, 500_000, api.InsuranceMedium, 420_000, api.InsuranceMedium},
		{500_000, api.One, api.InsuranceHigh, 640_000, api.InsuranceHigh},
		{0, api.One, api.InsuranceCritical, 920_000, api.InsuranceCritical},
	} {
		risk := insurance.Risk(insurance.Factors{
			Reputation: row.reputation, ReputationWeight: 400_000, Complexity: row.complexity, ComplexityWeight: 400_000, FailureRate: row.failures,
		})
		if risk != row.risk || insurance.Level(risk) != row.level {
			t.Errorf("reputation %s, %s, failures %s: risk %s (%s), want %s (%s)", row.reputation, row.complexity, row.failures,
				risk, insurance.Level(risk), row.risk, row.level)
		}
	}
	for risk, level := range map[api.Decimal]api.InsuranceLevel{
		199_999: api.InsuranceLow, 200_000: api.InsuranceMedium, 499_999: api.InsuranceMedium, 500_000: api.InsuranceHigh,
		799_999: api.InsuranceHigh, 800_000: api.InsuranceCritical, 0: api.InsuranceLow,
	} {
		if got := insurance.Level(risk); got != level {
			t.Errorf("a risk of %s is %s, want %s", risk, got, level)
		}
	}
}

func TestPremium(t *testing.T) {
	day := 24 * time.Hour
	for _, row := range []struct {
		value         api.Micro
		rate, loading api.Decimal
		risk          api.Decimal
		term          time.Duration
		want          api.Micro
	}{
		{1000_000_000, 20_000, 0, api.One, 30 * day, 20_000_000},
		{1000_000_000, 20_000, api.One, 0, 30 * day, 20_000_000},
		{1000_000_000, 20_000, api.One, 500_000, 30 * day, 30_000_000},
		{1000_000_000, 20_000, api.One, 500_000, 15 * day, 15_000_000},
		{1, 20_000, api.One, 500_000, day, 1},
		{api.MaxAmount, api.DecimalLimit, api.One, api.One, 30 * day, api.MaxAmount + 1},
		{api.MaxAmount, api.One, 0, 0, 1 << 62, api.MaxAmount + 1},
	} {
		if got := insurance.Premium(row.value, row.rate, row.loading, row.risk, row.term, 30*day); got != row.want {
			t.Errorf("%+v costs %s", row, got)
		}
	}
}

// A higher risk, value, rate or term never costs less, and the premium is exact up to its two roundings up.
func TestPremiumIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := api.Micro(rapid.Int64Range(1, 1e12).Draw(t, "value"))
		rate := api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, "rate"))
		loading := api.Decimal(rapid.Int64Range(0, int64(10*api.One)).Draw(t, "loading"))
		risk := api.Decimal(rapid.Int64Range(0, int64(2*api.One)).Draw(t, "risk"))
		term := time.Duration(rapid.Int64Range(1, 1e16).Draw(t, "term"))
		const period = 30 * 24 * time.Hour
		got := insurance.Premium(value, rate, loading, risk, term, period)
		for _, more := range []api.Micro{
			insurance.Premium(value+1e6, rate, loading, risk, term, period), insurance.Premium(value, rate+1000, loading, risk, term, period),
			insurance.Premium(value, rate, loading, risk+1000, term, period), insurance.Premium(value, rate, loading, risk, term+1e9, period),
		} {
			if more < got {
				t.Fatalf("more costs %s, less %s", more, got)
			}
		}
		one := big.NewRat(1, int64(api.One))
		rat := func(d api.Decimal) *big.Rat { return new(big.Rat).Mul(new(big.Rat).SetInt64(int64(d)), one) }
		exact := new(big.Rat).Add(big.NewRat(1, 1), new(big.Rat).Mul(rat(loading), rat(risk)))
		exact.Mul(exact, rat(rate)).Mul(exact, new(big.Rat).SetInt64(int64(value))).Mul(exact, big.NewRat(int64(term), int64(period)))
		// The rate is rounded to a millionth, which is worth value/10^6 for a period.
		slack := new(big.Rat).Mul(big.NewRat(int64(value), 1e6), big.NewRat(int64(term), int64(period)))
		slack.Mul(slack, big.NewRat(3, 1)).Add(slack, big.NewRat(2+int64(term/period), 1))
		diff := exact.Sub(exact, new(big.Rat).SetInt64(int64(got)))
		if got <= api.MaxAmount && diff.Abs(diff).Cmp(slack) > 0 {
			t.Fatalf("off by %s", diff.FloatString(3))
		}
	})
}

func TestPayout(t *testing.T) {
	const million = api.Micro(1_000_000)
	for _, row := range []struct {
		name              string
		value, loss       api.Micro
		coverage, gap     api.Decimal
		limit, left, want api.Micro
	}{
		{"all of it", 100 * million, 0, 800_000, 0, 0, 80 * million, 80 * million},
		{"part of the gap", 100 * million, 0, 800_000, 25_000, 0, 80 * million, 40 * million},
		{"a gap beyond the full one", 100 * million, 0, 800_000, 500_000, 0, 80 * million, 80 * million},
		{"the loss is less", 100 * million, 10 * million, 800_000, 0, 0, 80 * million, 8 * million},
		{"a loss beyond the value", 100 * million, 1000 * million, 800_000, 0, 0, 80 * million, 80 * million},
		{"capped by the pool", 100 * million, 0, 800_000, 0, 30 * million, 80 * million, 30 * million},
		{"little is left", 100 * million, 0, 800_000, 0, 30 * million, 7 * million, 7 * million},
		{"nothing is left", 100 * million, 0, 800_000, 0, 0, 0, 0},
	} {
		if got := insurance.Payout(row.value, row.loss, row.coverage, row.gap, row.limit, row.left); got != row.want {
			t.Errorf("%s: pays %s, want %s", row.name, got, row.want)
		}
	}
}

// No claim pays more than its coverage, the cap, the loss and what is left, nor less than nothing.
func TestPayoutIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := func(name string) api.Micro { return api.Micro(rapid.Int64Range(0, api.MaxAmount).Draw(t, name)) }
		share := func(name string) api.Decimal { return api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, name)) }
		value, loss, limit, left, coverage := amount("value"), amount("loss"), amount("limit"), amount("left"), share("coverage")
		got := insurance.Payout(value, loss, coverage, share("gap"), limit, left)
		if got < 0 || got > left || got > value || limit > 0 && got > limit || loss > 0 && got > loss || got > insurance.Limit(value, coverage) {
			t.Fatalf("pays %s", got)
		}
	})
}
