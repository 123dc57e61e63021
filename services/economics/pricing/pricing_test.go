package pricing_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/pricing"
	"github.com/mabus-project/mabus/shared/api"
)

func dec(t testing.TB, s string) api.Decimal {
	t.Helper()
	d, err := api.ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSupplyDemand(t *testing.T) {
	for _, row := range []struct {
		base           api.Micro
		demand, supply int64
		price          api.Micro
		factor, reason string
	}{
		{20_000, 20, 5, 80_000, "4", ""}, // 0.02 at 20 to 5 is 0.08
		{20_000, 0, 5, 0, "0", ""},
		{100, 1, 3, 33, "0.333333", ""},
		{3, 1, 2, 2, "0.5", ""}, // a half to the even neighbour
		{20_000, 20, 0, 0, "0", api.ReasonNoSupply},
		{api.MaxAmount, 2, 1, 0, "0", api.ReasonPriceOutOfRange},
		{1, api.MaxPriceCount, 1, api.MaxPriceCount, "1000000000", ""},
	} {
		q, err := pricing.SupplyDemand(&api.SupplyDemandRequest{BasePrice: row.base, Demand: row.demand, Supply: row.supply})
		if api.ReasonOf(err) != row.reason || err == nil && (q.Price != row.price || q.Factor != dec(t, row.factor)) {
			t.Errorf("%d at %d to %d: %+v, %v", row.base, row.demand, row.supply, q, err)
		}
	}
}

func TestDynamicCompounds(t *testing.T) {
	price := api.Micro(1_000_000)
	for _, row := range []struct {
		requests, agents int64
		factor           string
		price            api.Micro
	}{
		{50, 10, "1.4", 1_400_000},
		{5, 25, "0.92", 1_288_000},
		{20, 18, "1.011111", 1_302_311},
		{1000, 1, "1.5", 1_953_466},
		{0, 1, "0.9", 1_758_119},
	} {
		q, err := pricing.Dynamic(&api.DynamicPriceRequest{Previous: price, Requests: row.requests, Agents: row.agents})
		if err != nil || q.Factor != dec(t, row.factor) || q.Price != row.price {
			t.Fatalf("%d requests, %d agents: %+v, %v", row.requests, row.agents, q, err)
		}
		price = q.Price
	}
	if _, err := pricing.Dynamic(&api.DynamicPriceRequest{Previous: 1, Requests: 1}); api.ReasonOf(err) != api.ReasonNoSupply {
		t.Error(err)
	}
}

// The factor stays within its bounds, grows with the requests and falls with the agents; nothing overflows.
func TestDynamicIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Int64Range(1, api.MaxPriceCount-1)
		r := &api.DynamicPriceRequest{
			Previous: api.Micro(rapid.Int64Range(1, api.MaxAmount/2).Draw(t, "previous")), Requests: count.Draw(t, "requests"), Agents: count.Draw(t, "agents"),
			Rate: api.Decimal(rapid.Int64Range(0, int64(api.MultiplierLimit)).Draw(t, "rate")), MaxChange: api.Decimal(rapid.Int64Range(1, int64(api.One)-1).Draw(t, "change")),
		}
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		q := quoted(t, r)
		if q.Factor < api.One-r.MaxChange || q.Factor > api.One+r.MaxChange {
			t.Fatalf("%+v", q)
		}
		more, busier := *r, *r
		more.Requests++
		busier.Agents++
		if a, b := quoted(t, &more), quoted(t, &busier); a.Price < q.Price || b.Price > q.Price {
			t.Fatalf("%d, with more requests %d, with more agents %d", q.Price, a.Price, b.Price)
		}
	})
}

func quoted(t *rapid.T, r *api.DynamicPriceRequest) *api.PriceQuote {
	q, err := pricing.Dynamic(r)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestPerformance(t *testing.T) {
	rep := dec(t, "0.9")
	wide := &api.PriceRange{Min: dec(t, "0.5"), Max: 2 * api.One}
	good := api.PerformanceRecord{Quality: api.One, Reliability: api.One, Speed: 2 * api.One}
	poor := api.PerformanceRecord{Quality: dec(t, "0.5"), Reliability: dec(t, "0.5"), Speed: dec(t, "0.25")}
	for name, row := range map[string]struct {
		r          api.PerformancePriceRequest
		price      api.Micro
		q, s, rel  string
		confidence string
	}{
		"nothing is known":       {api.PerformancePriceRequest{}, 1_000_000, "0.5", "0.5", "0.5", "0"},
		"reputation":             {api.PerformancePriceRequest{Reputation: &rep}, 1_053_333, "0.9", "0.5", "0.9", "0"}, // (1.16 + 1 + 1.16 + 3) / 6
		"the best":               {api.PerformancePriceRequest{Records: []api.PerformanceRecord{good}}, 1_100_000, "1", "1", "1", "0.02"},
		"the worst":              {api.PerformancePriceRequest{Records: []api.PerformanceRecord{poor}}, 916_667, "0", "0.25", "0", "0.02"},
		"both":                   {api.PerformancePriceRequest{Records: []api.PerformanceRecord{good, poor}}, 1_000_000, "0.375", "0.625", "0.5", "0.04"},
		"too few":                {api.PerformancePriceRequest{MinimumTasks: 2, Records: []api.PerformanceRecord{good}}, 1_000_000, "1", "1", "1", "0.02"},
		"a range of its own":     {api.PerformancePriceRequest{Quality: wide, Records: []api.PerformanceRecord{good}}, 1_233_333, "1", "1", "1", "0.02"}, // (2 + 1.2 + 1.2 + 3) / 6
		"hardly any damping":     {api.PerformancePriceRequest{Damping: 1, Records: []api.PerformanceRecord{good}}, 1_200_000, "1", "1", "1", "0.02"},
		"no speed is known":      {api.PerformancePriceRequest{Records: []api.PerformanceRecord{{Quality: api.One, Reliability: api.One}}}, 1_066_667, "1", "0.5", "1", "0.02"},
		"as many as are trusted": {api.PerformancePriceRequest{Records: slices.Repeat([]api.PerformanceRecord{good}, 60)}, 1_100_000, "1", "1", "1", "1"},
	} {
		row.r.BasePrice = 1_000_000
		if err := row.r.Validate(); err != nil {
			t.Fatal(name, err)
		}
		p, err := pricing.Performance(&row.r)
		if err != nil || p.Price != row.price || p.Quality != dec(t, row.q) || p.Speed != dec(t, row.s) || p.Reliability != dec(t, row.rel) ||
			p.Confidence != dec(t, row.confidence) || p.Records != len(row.r.Records) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestOptimal(t *testing.T) {
	records := func(prices ...api.Micro) (all []api.PriceRecord) {
		for _, p := range prices {
			all = append(all, api.PriceRecord{Price: p})
		}
		return all
	}
	same := func(n int) []api.PriceRecord { return slices.Repeat(records(500), n) }
	d := func(s string) *api.Decimal { v := dec(t, s); return &v }
	for name, row := range map[string]struct {
		records []api.PriceRecord
		want    api.OptimalPrice
	}{
		"one":             {same(1), api.OptimalPrice{Price: 500, Records: 1, Confidence: dec(t, "0.02"), Trend: api.TrendUnknown}},
		"two":             {same(2), api.OptimalPrice{Price: 500, Records: 2, Confidence: dec(t, "0.04"), Trend: api.TrendStable, Change: d("0")}},
		"ten alike":       {same(10), api.OptimalPrice{Price: 500, Records: 10, Confidence: dec(t, "0.2"), Trend: api.TrendStable, Change: d("0")}},
		"fifteen alike":   {same(15), api.OptimalPrice{Price: 500, Records: 15, Confidence: dec(t, "0.3"), Trend: api.TrendStable, Change: d("0")}},
		"twenty alike":    {same(20), api.OptimalPrice{Price: 500, Records: 20, Confidence: dec(t, "0.4"), Trend: api.TrendStable, Change: d("0")}},
		"dearer":          {records(100, 100, 106, 106), api.OptimalPrice{Price: 103, Records: 4, Confidence: dec(t, "0.08"), Trend: api.TrendIncreasing, Change: d("0.06")}},
		"a little dearer": {records(100, 105), api.OptimalPrice{Price: 102, Records: 2, Confidence: dec(t, "0.04"), Trend: api.TrendStable, Change: d("0.05")}},
		"cheaper":         {records(9, 200, 100), api.OptimalPrice{Price: 103, Records: 3, Confidence: dec(t, "0.06"), Trend: api.TrendDecreasing, Change: d("-0.5")}},
		"only the last hundred": {
			append(records(1_000_000), same(100)...),
			api.OptimalPrice{Price: 500, Records: 100, Confidence: api.One, Trend: api.TrendStable, Change: d("0")},
		},
		"quality has its price": {
			[]api.PriceRecord{{Price: 10, Quality: d("0.1")}, {Price: 20, Quality: d("0.2")}, {Price: 30, Quality: d("0.3")}},
			api.OptimalPrice{Price: 20, Records: 3, Confidence: dec(t, "0.06"), Trend: api.TrendIncreasing, Change: d("0.5"), QualityCorrelation: d("1")},
		},
		"quality is cheap": {
			[]api.PriceRecord{{Price: 1, Quality: d("1")}, {Price: 1, Quality: d("0.5")}, {Price: 4, Quality: d("0")}, {Price: 9}},
			api.OptimalPrice{Price: 4, Records: 4, Confidence: dec(t, "0.08"), Trend: api.TrendIncreasing, Change: d("5.5"), QualityCorrelation: d("-0.866025")},
		},
		"as much as there is": {
			slices.Repeat([]api.PriceRecord{{Price: api.MaxAmount, Quality: d("1")}, {Price: 1, Quality: d("0")}}, 60),
			api.OptimalPrice{Price: api.MaxAmount / 2, Records: 100, Confidence: api.One, Trend: api.TrendStable, Change: d("0"), QualityCorrelation: d("1")},
		},
	} {
		got, err := pricing.Optimal(&api.OptimalPriceRequest{Records: row.records})
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(&row.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if _, err := pricing.Optimal(&api.OptimalPriceRequest{}); api.ReasonOf(err) != api.ReasonNoRecords {
		t.Error(err)
	}
}
