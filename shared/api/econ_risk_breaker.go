package api

import (
	"slices"
	"time"
)

// Bounds of systemic breakers.
const (
	MaxBreakers      = 64        // breakers of a namespace
	MaxTrips         = 100       // trips that are remembered
	MaxBreakerWindow = 2_592_000 // seconds of a breaker's window, and of its cool-down
	MinBreakerWindow = 1         // seconds of a breaker's window at least
)

// RiskMetric is what a breaker watches.
type RiskMetric string

// The metrics. The first two are reported, the others the machine measures by itself over the window. All are 0 to 1.
const (
	MetricAgentFailures        RiskMetric = "agent_failures"
	MetricCoordinationFailures RiskMetric = "coordination_failures"
	MetricContractFailures     RiskMetric = "contract_failures" // breached contracts among those fulfilled or breached
	MetricSlashing             RiskMetric = "slashing"          // what was slashed, as a share of all that was staked
	MetricReputationDrop       RiskMetric = "reputation_drop"   // how far the mean score of all agents is below its highest
	MetricVolatility           RiskMetric = "volatility"        // (highest - lowest) / highest price, the mean over the markets that traded
)

// RiskMetrics lists every metric.
var RiskMetrics = []RiskMetric{
	MetricAgentFailures, MetricCoordinationFailures, MetricContractFailures, MetricSlashing, MetricReputationDrop, MetricVolatility,
}

// Reported tells whether somebody has to report the metric.
func (m RiskMetric) Reported() bool {
	return m == MetricAgentFailures || m == MetricCoordinationFailures
}

// BreakerAction is what an open breaker refuses. Operators are never refused.
type BreakerAction string

// The actions.
const (
	RefuseAuctions  BreakerAction = "auctions"  // new auctions
	RefuseOrders    BreakerAction = "orders"    // new orders in markets, and trades with market makers
	RefuseTenders   BreakerAction = "tenders"   // new tenders
	RefuseTransfers BreakerAction = "transfers" // transfers above a limit
	RefusePolicies  BreakerAction = "policies"  // new insurance
)

// BreakerActions lists every action.
var BreakerActions = []BreakerAction{RefuseAuctions, RefuseOrders, RefuseTenders, RefuseTransfers, RefusePolicies}

// SystemicState is where a breaker stands.
type SystemicState string

// The states of a breaker.
const (
	BreakerClosed   SystemicState = "closed"    // nothing is refused
	BreakerOpen     SystemicState = "open"      // what it names is refused, until the cool-down is over
	BreakerHalfOpen SystemicState = "half_open" // nothing is refused; what is measured from now on decides
)

// SystemicStates lists every state.
var SystemicStates = []SystemicState{BreakerClosed, BreakerOpen, BreakerHalfOpen}

// SystemicBreakerSpec says what trips a breaker and what follows.
type SystemicBreakerSpec struct {
	Name   string     `json:"name"`
	Metric RiskMetric `json:"metric"`
	// Threshold trips the breaker when the metric is above it.
	Threshold Decimal `json:"threshold"`
	// Refuse is what is refused while it is open.
	Refuse []BreakerAction `json:"refuse"`
	// Above is from which amount on transfers are refused; 0 refuses all.
	Above Micro `json:"above,omitempty"`
	// Window is over what time the metric is measured; an hour unless given. CoolDown is how long the breaker stays open; the window
	// unless given.
	Window   Duration `json:"window,omitzero"`
	CoolDown Duration `json:"cool_down,omitzero"`
	// MinSamples is how many contracts must have ended in the window before their failures count; 10 unless given.
	MinSamples int64 `json:"min_samples,omitempty"`
}

// SystemicBreaker is a breaker as it stands.
type SystemicBreaker struct {
	SystemicBreakerSpec
	State SystemicState `json:"state"`
	// Value is what was measured last, at MeasuredAt; neither is there when nothing could be measured.
	Value      *Decimal  `json:"value,omitempty"`
	MeasuredAt time.Time `json:"measured_at,omitzero"`
	// ChangedAt is since when it is in its state, Until until when it stays in it at least.
	ChangedAt time.Time `json:"changed_at"`
	Until     time.Time `json:"until,omitzero"`
	Trips     int64     `json:"trips"`
	Revision  string    `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (b *SystemicBreaker) SetRevision(revision string) { b.Revision = revision }

// BreakerTrip is one time that a breaker has opened.
type BreakerTrip struct {
	Breaker   string          `json:"breaker"`
	Metric    RiskMetric      `json:"metric"`
	Value     Decimal         `json:"value"`
	Threshold Decimal         `json:"threshold"`
	At        time.Time       `json:"at"`
	Refuse    []BreakerAction `json:"refuse"`
}

// Validate implements Validator.
func (s *SystemicBreakerSpec) Validate() error {
	window := func(field string, d Duration) error {
		if d != 0 && (d.Std() < MinBreakerWindow*time.Second || d.Std() > MaxBreakerWindow*time.Second) {
			return Errorf(Invalid, "%s must be %ds to %ds", field, MinBreakerWindow, MaxBreakerWindow).WithFields(field)
		}
		return nil
	}
	switch {
	case !slices.Contains(RiskMetrics, s.Metric):
		return Errorf(Invalid, "metric must be one of %v", RiskMetrics).WithFields("metric")
	case s.Threshold < 0 || s.Threshold >= One:
		return Errorf(Invalid, "threshold must be at least 0 and below 1").WithFields("threshold")
	case len(s.Refuse) == 0 || len(s.Refuse) > len(BreakerActions):
		return Errorf(Invalid, "refuse must name what is refused: %v", BreakerActions).WithFields("refuse")
	case s.Above < 0 || s.Above > MaxAmount:
		return Errorf(Invalid, "above must be 0 to %d millionths", int64(MaxAmount)).WithFields("above")
	case s.MinSamples < 0:
		return Errorf(Invalid, "min_samples must not be negative").WithFields("min_samples")
	}
	for _, a := range s.Refuse {
		if !slices.Contains(BreakerActions, a) {
			return Errorf(Invalid, "refuse must be of %v", BreakerActions).WithFields("refuse")
		}
	}
	return first(CheckID("name", s.Name), window("window", s.Window), window("cool_down", s.CoolDown))
}

// RiskReport is a measured metric.
type RiskReport struct {
	// Metric is agent_failures or coordination_failures.
	Metric RiskMetric `json:"metric"`
	// Value is 0 to 1.
	Value Decimal `json:"value"`
}

// Validate implements Validator.
func (r *RiskReport) Validate() error {
	if !r.Metric.Reported() {
		return Errorf(Invalid, "metric must be %s or %s: the others are measured", MetricAgentFailures, MetricCoordinationFailures).WithFields("metric")
	}
	if r.Value < 0 || r.Value > One {
		return Errorf(Invalid, "value must be 0 to 1").WithFields("value")
	}
	return nil
}

// BreakersListResponse has all breakers, in the order of their names.
type BreakersListResponse struct {
	Breakers []SystemicBreaker `json:"breakers"`
	// Trips are the last ones, the newest first; at most 100 are remembered.
	Trips    []BreakerTrip `json:"trips"`
	Revision string        `json:"revision,omitempty"`
}

// HealthResponse is how the economy does: the mean of 1 - agent_failures, 1 - coordination_failures, reputation and 1 - volatility, as far
// as there are figures. A figure that nobody has reported within an hour, and one of nothing, is absent.
type HealthResponse struct {
	Health               *Decimal `json:"health,omitempty"`
	AgentFailures        *Decimal `json:"agent_failures,omitempty"`
	CoordinationFailures *Decimal `json:"coordination_failures,omitempty"`
	Reputation           *Decimal `json:"reputation,omitempty"`
	Volatility           *Decimal `json:"volatility,omitempty"`
	// Open are the breakers that refuse something now.
	Open     []string `json:"open"`
	Revision string   `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (h *HealthResponse) SetRevision(revision string) { h.Revision = revision }
