package risk

import (
	"time"

	"github.com/mabus-project/mabus/services/economics/reputation"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/fixed"
)

// reportAge is how old a reported figure may be that counts for the health.
const reportAge = time.Hour

// Health returns the mean of 1 - agent failures, 1 - coordination failures, reputation and 1 - volatility, of those that are known, and
// whether any is.
func Health(agentFailures, coordinationFailures, reputation, volatility *api.Decimal) (api.Decimal, bool) {
	var sum, n api.Decimal
	for _, bad := range []*api.Decimal{agentFailures, coordinationFailures, volatility} {
		if bad != nil {
			sum, n = sum+api.One-*bad, n+1
		}
	}
	if reputation != nil {
		sum, n = sum+*reputation, n+1
	}
	return fixed.MulDiv(sum, 1, n), n > 0
}

// health tells how the economy does. The volatility is the highest that a breaker has measured last within an hour.
func (d *Draft) health(rep *reputation.Draft, now time.Time) *api.HealthResponse {
	book := d.look()
	h := &api.HealthResponse{Open: []string{}}
	reported := func(m api.RiskMetric) *api.Decimal {
		if r, ok := book.Reports[m]; ok && now.Sub(r.At) <= reportAge {
			return &r.Value
		}
		return nil
	}
	h.AgentFailures, h.CoordinationFailures = reported(api.MetricAgentFailures), reported(api.MetricCoordinationFailures)
	if mean, agents := d.meanScore(rep, now); agents > 0 {
		h.Reputation = &mean
	}
	for _, name := range d.breakers.IDs() {
		b, _ := d.breakers.Get(name)
		if b.Metric == api.MetricVolatility && b.Value != nil && now.Sub(b.MeasuredAt) <= reportAge && (h.Volatility == nil || *b.Value > *h.Volatility) {
			v := *b.Value
			h.Volatility = &v
		}
	}
	for _, o := range book.Open {
		h.Open = append(h.Open, o.Name)
	}
	if v, ok := Health(h.AgentFailures, h.CoordinationFailures, h.Reputation, h.Volatility); ok {
		h.Health = &v
	}
	return h
}

// Health tells how the economy does.
func (s *State) Health(rep *reputation.Draft, now time.Time) *api.HealthResponse {
	return s.Draft().health(rep, now)
}
