package risk

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// Figures are what the breakers watch of the other parts of the economy.
type Figures struct {
	// Breached and Ended count the contracts since the log began: those in breach, and those in breach or fulfilled.
	Breached, Ended int64
	// Prices are the last prices of markets that have traded, in the order of the markets; the first MaxPrices are looked at.
	Prices []Price
}

// Price is the last price of a market.
type Price struct {
	Market string    `json:"market"`
	Price  api.Micro `json:"price"`
}

// MaxPrices is how many markets the volatility is made of.
const MaxPrices = 64

// Sample is what a breaker has measured at a time.
type Sample struct {
	At time.Time `json:"at"`
	// Bad and All are sums since the log began.
	Bad int64 `json:"bad,omitempty"`
	All int64 `json:"all,omitempty"`
	// Level is a mean of Agents agents.
	Level  api.Decimal `json:"level,omitzero"`
	Agents int         `json:"agents,omitempty"`
	Prices []Price     `json:"prices,omitempty"`
}

// sample measures what a metric is made of.
func (d *Draft) sample(a *act.Act, m api.RiskMetric) Sample {
	s := Sample{At: a.Time}
	var f Figures
	if d.Figures != nil && (m == api.MetricContractFailures || m == api.MetricVolatility) {
		f = d.Figures()
	}
	switch m {
	case api.MetricContractFailures:
		s.Bad, s.All = f.Breached, f.Ended
	case api.MetricVolatility:
		s.Prices = slices.Clone(f.Prices[:min(len(f.Prices), MaxPrices)])
	case api.MetricSlashing:
		book := d.look()
		s.Bad, s.All = int64(book.Slashed), int64(book.Staked)
	case api.MetricReputationDrop:
		s.Level, s.Agents = d.meanScore(a.Reputation, a.Time)
	}
	return s
}

// mostScores is of how many agents a mean score is at most.
const mostScores = 1000

// meanScore is the mean score of the agents who have a stake: of all, or of as many as are looked at, evenly taken in the order of
// their names.
func (d *Draft) meanScore(rep *reputation.Draft, now time.Time) (mean api.Decimal, agents int) {
	ids := d.stakes.IDs()
	step := (len(ids) + mostScores - 1) / mostScores
	var sum api.Decimal
	for i := 0; i < len(ids); i += step {
		sum += rep.Score(ids[i], "", now)
		agents++
	}
	return fixed.MulDiv(sum, 1, api.Decimal(agents)), agents
}

// add adds a sample, and drops those from before the window, but for the last of them, which is what it was at its beginning.
func (b *Breaker) add(s Sample, from time.Time) {
	for len(b.Samples) > 1 && !b.Samples[1].At.After(from) {
		b.Samples = b.Samples[1:]
	}
	b.Samples = append(b.Samples, s)
}

// measure returns what the metric is over the window, if there is anything to say.
func (d *Draft) measure(b *Breaker, now time.Time) (api.Decimal, bool) {
	if b.Metric.Reported() {
		r, ok := d.look().Reports[b.Metric]
		return r.Value, ok && !r.At.Before(b.Since) && now.Sub(r.At) <= b.Window.Std()
	}
	if len(b.Samples) < 2 {
		return 0, false
	}
	first, last := &b.Samples[0], &b.Samples[len(b.Samples)-1]
	bad, all := last.Bad-first.Bad, last.All-first.All
	switch b.Metric {
	case api.MetricContractFailures:
		return share(bad, all), all >= b.MinSamples
	case api.MetricSlashing: // all is what is left of the stakes
		return share(bad, last.All+bad), last.All+bad > 0
	case api.MetricReputationDrop:
		highest := last.Level
		for _, s := range b.Samples {
			if s.Agents > 0 {
				highest = max(highest, s.Level)
			}
		}
		return highest - last.Level, last.Agents > 0 && first.Agents > 0
	case api.MetricVolatility:
		return volatility(b.Samples)
	}
	return 0, false
}

func share(part, whole int64) api.Decimal {
	return max(0, min(api.One, fixed.MulDiv(api.Decimal(part), api.One, api.Decimal(whole))))
}

// volatility is the mean of (highest - lowest) / highest over the markets with a price in at least two samples.
func volatility(samples []Sample) (api.Decimal, bool) {
	type span struct {
		low, high api.Micro
		n         int
	}
	spans := map[string]*span{}
	var names []string
	for _, s := range samples {
		for _, p := range s.Prices {
			x, ok := spans[p.Market]
			if !ok {
				x = &span{low: p.Price, high: p.Price}
				spans[p.Market] = x
				names = append(names, p.Market)
			}
			x.low, x.high, x.n = min(x.low, p.Price), max(x.high, p.Price), x.n+1
		}
	}
	slices.SortFunc(names, strings.Compare)
	var sum api.Decimal
	n := 0
	for _, name := range names {
		if x := spans[name]; x.n > 1 && x.high > 0 {
			sum += share(int64(x.high-x.low), int64(x.high))
			n++
		}
	}
	return fixed.MulDiv(sum, 1, api.Decimal(n)), n > 0
}
