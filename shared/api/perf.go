package api

import (
	"fmt"
	"slices"
	"strings"
)

// SourceKind says what kind of thing was measured.
type SourceKind string

// The kinds of sources.
const (
	SourceAgent   SourceKind = "agent"   // an agent, by its host
	SourceHost    SourceKind = "host"    // an agent host, by itself
	SourceService SourceKind = "service" // one instance of a service, or the process that it runs in
	SourceCaller  SourceKind = "caller"  // who asks agents and services, by its SDK
	SourceCustom  SourceKind = "custom"  // anything else, by anybody
)

// SourceKinds lists every kind.
var SourceKinds = []SourceKind{SourceAgent, SourceHost, SourceService, SourceCaller, SourceCustom}

// The metrics that Mabus measures by itself. What is counted (errors, refusals, restarts) is one sample of 1 each time, so that its
// number is the number of samples; throughput is the number of samples of latency_seconds over time. A service has some of them a
// second time for each method, with its name behind them: latency_seconds.agents.get.
const (
	MetricLatency     = "latency_seconds"    // from taking a request or message to its answer; a caller's: from asking to the answer
	MetricQueueWait   = "queue_wait_seconds" // of a message in an agent's mailbox
	MetricErrors      = "errors"             // operations that failed through no fault of the caller
	MetricRefusals    = "refusals"           // operations that were refused because of what the caller asked
	MetricQueueDepth  = "queue_depth"        // messages that wait for an agent
	MetricActive      = "active"             // requests, messages or tasks under way
	MetricRestarts    = "restarts"           // of an agent, and incarnations of a process after its first
	MetricCPU         = "cpu_cores"          // processors kept busy: 1.5 is one and a half
	MetricCPUShare    = "cpu_share"          // of all processors of a host, by whatever runs there, 0 to 1
	MetricMemory      = "memory_bytes"       // resident
	MetricMemoryShare = "memory_share"       // of all memory of a host, by whatever runs there, 0 to 1
	MetricGoroutines  = "goroutines"         // of a process
	MetricAgents      = "agents"             // on a host
	MetricPlaces      = "places_free"        // agents that a host takes beyond those it has
)

// TypeProcess is the type of the series that tell of a process of services as a whole; their kind is SourceService.
const TypeProcess = "process"

// TypeAgents is the type of a caller's series that tell of what it asks agents by their ids.
const TypeAgents = "_agents"

// SeriesOther is the id of the series that samples go to when the source has no room for a series of their own.
const SeriesOther = "_other"

// Bounds of what is measured.
const (
	MaxMetricName  = 64            // characters of a metric's name
	MaxDeltaSeries = 10_000        // series of one delta
	MaxDeltaBytes  = 256 << 10     // bytes of one delta: a source sends several rather than a larger one
	MaxSketchBytes = 32 << 10      // bytes of one encoded sketch
	MaxSketchCount = 1_000_000_000 // samples of one series in a delta: what is more is not measured, and would leave no room for others in a sum
	MaxInterval    = 3600          // seconds that one delta tells of
	MaxDeltaNumber = 1 << 53       // the number of a delta, and the samples that one says were dropped: up to there JSON is exact everywhere
)

// Series names what was measured. Times are in seconds, sizes in bytes, shares from 0 to 1.
type Series struct {
	// Metric is 1 to 64 characters of a-z, 0-9, '_' and '.'.
	Metric string `json:"metric"`
	// Kind is that of the source.
	Kind SourceKind `json:"kind"`
	// ID is the source's: of the agent, the host, the service's instance; of a caller its principal or process.
	ID string `json:"id"`
	// Type is the agent's module or type, the service's name, or what a caller asks; none unless given.
	Type string `json:"type,omitempty"`
	// Host is the id of the host that the source runs on, if it is on one.
	Host string `json:"host,omitempty"`
}

// Validate implements Validator.
func (s *Series) Validate() error {
	if err := CheckMetric("metric", s.Metric); err != nil {
		return err
	}
	if !slices.Contains(SourceKinds, s.Kind) {
		return Errorf(Invalid, "kind must be one of %s", joinKinds()).WithFields("kind")
	}
	if err := CheckID("id", s.ID); err != nil {
		return err
	}
	if err := CheckOptionalID("type", s.Type); err != nil {
		return err
	}
	return CheckOptionalID("host", s.Host)
}

// String returns the series for logs, for example "latency_seconds{agent a1 echo@h1}".
func (s Series) String() string {
	return fmt.Sprintf("%s{%s %s %s@%s}", s.Metric, s.Kind, s.ID, s.Type, s.Host)
}

func joinKinds() string {
	words := make([]string, len(SourceKinds))
	for i, k := range SourceKinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// ValidMetric tells whether s can name a metric: 1 to 64 characters of a-z, 0-9, '_' and '.', the first a letter.
func ValidMetric(s string) bool {
	if len(s) == 0 || len(s) > MaxMetricName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// CheckMetric returns an invalid error that names the field unless ValidMetric(s).
func CheckMetric(field, s string) error {
	if s == "" {
		return Errorf(Invalid, "%s is required", field).WithReason(ReasonMissingFields).WithFields(field)
	}
	if !ValidMetric(s) {
		return Errorf(Invalid, "%s must be 1 to %d characters of a-z, 0-9, '_' and '.', the first a letter", field, MaxMetricName).WithFields(field)
	}
	return nil
}

// DeltaSeries is what was measured of one series since the delta before.
type DeltaSeries struct {
	Series
	// Sketch is the distribution of the samples, in the binary form that package shared/sketch documents; base64 in JSON.
	Sketch []byte `json:"sketch"`
}

// DeltaAddRequest is what a source has measured since its last delta. It is sent without waiting for an answer.
type DeltaAddRequest struct {
	// Source is who measured: one process, or one thread of it, that numbers its deltas by itself.
	Source string `json:"source"`
	// Incarnation tells the lives of a source apart: each begins its numbers anew.
	Incarnation string `json:"incarnation"`
	// Seq is 1 for the first delta of an incarnation and grows by one: what is missing was lost on the way.
	Seq uint64 `json:"seq"`
	// Interval is the time that the delta tells of.
	Interval Duration `json:"interval"`
	// Dropped is how many samples were not counted since the delta before, because the source had no room for their series or because they
	// were no numbers of 0 or more.
	Dropped uint64 `json:"dropped,omitempty"`
	// Series that are there twice count together. A source with more than fit sends several deltas.
	Series []DeltaSeries `json:"series"`
}

// Validate implements Validator.
func (r *DeltaAddRequest) Validate() error {
	if err := CheckID("source", r.Source); err != nil {
		return err
	}
	if err := CheckID("incarnation", r.Incarnation); err != nil {
		return err
	}
	if r.Seq == 0 || r.Seq > MaxDeltaNumber {
		return Errorf(Invalid, "seq must be 1 or more, up to %d", MaxDeltaNumber).WithFields("seq")
	}
	if r.Dropped > MaxDeltaNumber {
		return Errorf(Invalid, "dropped must be at most %d", MaxDeltaNumber).WithFields("dropped")
	}
	if r.Interval <= 0 || r.Interval.Std().Seconds() > MaxInterval {
		return Errorf(Invalid, "interval must be above 0s and up to %ds", MaxInterval).WithFields("interval")
	}
	if len(r.Series) > MaxDeltaSeries {
		return Errorf(Invalid, "series has %d entries, at most %d are allowed: send several deltas", len(r.Series), MaxDeltaSeries).WithFields("series")
	}
	for i := range r.Series {
		s := &r.Series[i]
		if err := s.Validate(); err != nil {
			return err
		}
		if len(s.Sketch) == 0 || len(s.Sketch) > MaxSketchBytes {
			return Errorf(Invalid, "sketch of %s has %d bytes, 1 to %d are allowed", s.Series, len(s.Sketch), MaxSketchBytes).WithFields("series")
		}
	}
	return nil
}
