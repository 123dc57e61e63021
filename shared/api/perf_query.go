package api

import (
	"slices"
	"time"
)

// Reasons of the methods about metrics.
const (
	ReasonSeriesNotFound    = "series_not_found"   // not_found: nothing has reported it within a day
	ReasonTooManySeries     = "too_many_series"    // overloaded: the fleet has as many series as there is room for
	ReasonInvalidSketch     = "invalid_sketch"     // invalid
	ReasonUnsupportedFormat = "unsupported_format" // invalid
	ReasonQueryTooLarge     = "query_too_large"    // invalid: the answer would have to look at too much
)

// Bounds of questions about metrics.
const (
	MaxMetricWindow   = 24 * 3600 // seconds that a question may go over
	MaxQuantiles      = 100       // quantiles of one question
	MaxMetricPoints   = 5_000     // points of one history
	MaxMetricExport   = 10_000    // series of one export
	DefaultMetricsTop = 10        // sources of a top unless given
	DefaultPoints     = 50        // points of a history unless given
)

// Defaults of questions about metrics.
const (
	CurrentWindow = Duration(5 * time.Second) // what metrics.current goes over
	DefaultWindow = Duration(time.Minute)     // what the others go over unless given
)

// MetricScope says what is taken together.
type MetricScope string

// The scopes of a series.
const (
	MetricsOfSource MetricScope = "source" // one agent, host, service instance, caller or custom source
	MetricsOfType   MetricScope = "type"   // all sources of a kind and type
	MetricsOfHost   MetricScope = "host"   // all sources of a kind that run on a host
	MetricsOfFleet  MetricScope = "fleet"  // all sources of a kind
)

// MetricScopes lists every scope.
var MetricScopes = []MetricScope{MetricsOfSource, MetricsOfType, MetricsOfHost, MetricsOfFleet}

// MetricSelector names series. What is left out is not looked at where a method returns many, and required where it returns one.
type MetricSelector struct {
	// Scope is source unless given.
	Scope MetricScope `json:"scope,omitempty"`
	// Kind of the sources; agent unless given.
	Kind SourceKind `json:"kind,omitempty"`
	// Metric is the metric's name.
	Metric string `json:"metric,omitempty"`
	// ID is the id of the source; with scope source alone.
	ID string `json:"id,omitempty"`
	// Type is the type of the sources; with scope source and type.
	Type string `json:"type,omitempty"`
	// Host is where the sources run; with scope source and host.
	Host string `json:"host,omitempty"`
}

// Validate implements Validator.
func (s *MetricSelector) Validate() error {
	if s.Scope != "" && !slices.Contains(MetricScopes, s.Scope) {
		return Errorf(Invalid, "scope must be source, type, host or fleet").WithFields("scope")
	}
	if s.Kind != "" && !slices.Contains(SourceKinds, s.Kind) {
		return Errorf(Invalid, "kind must be one of %s", joinKinds()).WithFields("kind")
	}
	if s.Metric != "" {
		if err := CheckMetric("metric", s.Metric); err != nil {
			return err
		}
	}
	scope := s.WithDefaults().Scope
	for _, f := range []struct {
		name, value string
		fits        bool
	}{
		{"id", s.ID, scope == MetricsOfSource},
		{"type", s.Type, scope == MetricsOfSource || scope == MetricsOfType},
		{"host", s.Host, scope == MetricsOfSource || scope == MetricsOfHost},
	} {
		if err := CheckOptionalID(f.name, f.value); err != nil {
			return err
		}
		if f.value != "" && !f.fits {
			return Errorf(Invalid, "%s does not go with scope %s", f.name, scope).WithFields(f.name)
		}
	}
	return nil
}

// one is Validate for a method that looks at one series.
func (s *MetricSelector) one() error {
	if err := s.Validate(); err != nil {
		return err
	}
	missing := ""
	switch d := s.WithDefaults(); {
	case s.Metric == "":
		missing = "metric"
	case d.Scope == MetricsOfSource && s.ID == "":
		missing = "id"
	case d.Scope == MetricsOfType && s.Type == "":
		missing = "type"
	case d.Scope == MetricsOfHost && s.Host == "":
		missing = "host"
	default:
		return nil
	}
	return Errorf(Invalid, "%s is required", missing).WithReason(ReasonMissingFields).WithFields(missing)
}

// WithDefaults returns s with what was left out of scope and kind.
func (s MetricSelector) WithDefaults() MetricSelector {
	if s.Scope == "" {
		s.Scope = MetricsOfSource
	}
	if s.Kind == "" {
		s.Kind = SourceAgent
	}
	return s
}

// MetricTime is the time that a question goes over: the last so much, or from one time to another.
type MetricTime struct {
	// Last is how far back from now; 1m unless given, at most 24h.
	Last Duration `json:"last,omitzero"`
	// From and To are given together, without Last: the whole seconds from From on, before To.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Validate implements Validator.
func (w *MetricTime) Validate() error {
	const most = MaxMetricWindow * time.Second
	switch {
	case w.From.IsZero() != w.To.IsZero():
		return Errorf(Invalid, "from and to are given together").WithFields("from", "to")
	case w.From.IsZero():
		if w.Last < 0 || w.Last.Std() > most || w.Last > 0 && w.Last.Std() < time.Second {
			return Errorf(Invalid, "last must be 1s to %s", most).WithFields("last")
		}
	case w.Last != 0:
		return Errorf(Invalid, "last does not go with from and to").WithFields("last")
	case !w.To.After(w.From) || w.To.Sub(w.From) > most:
		return Errorf(Invalid, "to must be after from, and at most %s after it", most).WithFields("to")
	}
	return nil
}

// Bounds returns the beginning and the end of the time, as of now.
func (w MetricTime) Bounds(now time.Time) (from, to time.Time) {
	if !w.From.IsZero() {
		return w.From, w.To
	}
	if w.Last == 0 {
		w.Last = DefaultWindow
	}
	return now.Add(-w.Last.Std()), now
}

// Statistic is a figure of a series over a time.
type Statistic string

// The statistics.
const (
	StatCount      Statistic = "count"       // samples
	StatRate       Statistic = "rate"        // samples a second
	StatSum        Statistic = "sum"         // of the samples
	StatMean       Statistic = "mean"        // of the samples
	StatMin        Statistic = "min"         // the smallest sample
	StatMax        Statistic = "max"         // the largest sample
	StatP50        Statistic = "p50"         // the median
	StatP90        Statistic = "p90"         // nine tenths are not above it
	StatP95        Statistic = "p95"         // 95 % are not above it
	StatP99        Statistic = "p99"         // 99 % are not above it
	StatP999       Statistic = "p999"        // 99.9 % are not above it
	StatErrorShare Statistic = "error_share" // of a latency: failed operations among all of them, 0 to 1
)

// Statistics lists every statistic.
var Statistics = []Statistic{
	StatCount, StatRate, StatSum, StatMean, StatMin, StatMax, StatP50, StatP90, StatP95, StatP99, StatP999, StatErrorShare,
}
