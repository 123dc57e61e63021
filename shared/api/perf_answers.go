package api

import "time"

// MetricsStatus says how far an answer can be trusted: what it is of, and what it lacks.
type MetricsStatus struct {
	// AsOf is the time up to which everything that was logged is in the answer.
	AsOf time.Time `json:"as_of"`
	// Age is how long ago that was when the answer was given.
	Age Duration `json:"age"`
	// Since is from when on this replica has data of the kind that was asked for; what is older is missing from the answer.
	Since time.Time `json:"since,omitzero"`
	// LostIntervals counts the deltas that sources have numbered and nobody has logged, within the last hour.
	LostIntervals uint64 `json:"lost_intervals"`
	// LostSince is when the first of them was missed.
	LostSince time.Time `json:"lost_since,omitzero"`
	// LostReplicas counts the replicas that ended without a last word within the last hour: each took up to an interval of records with it
	// that nobody has numbered.
	LostReplicas int `json:"lost_replicas,omitempty"`
	// LostMessages counts the messages, at least, that replicas lost within the last hour because they came faster than they were taken.
	LostMessages uint64 `json:"lost_messages,omitempty"`
	// RefusedSeries counts the series that this replica's view had no room for, since it started.
	RefusedSeries uint64 `json:"refused_series,omitempty"`
	// Replica is who answers.
	Replica string `json:"replica"`
}

// MetricSummary is what was measured of one series over a time.
type MetricSummary struct {
	Scope MetricScope `json:"scope"`
	// Series has no id unless the scope is source; of the others no type and host but the scope's own.
	Series
	// Count is the number of samples; without any there are no figures.
	Count uint64 `json:"count"`
	// Rate is samples a second, over the part of the time that there is data of.
	Rate Measure `json:"rate"`
	Sum  Measure `json:"sum"`
	Mean Measure `json:"mean"`
	Min  Measure `json:"min"`
	Max  Measure `json:"max"`
	// P50 to P999 are within 1 % of the samples that they stand for.
	P50  Measure `json:"p50"`
	P90  Measure `json:"p90"`
	P95  Measure `json:"p95"`
	P99  Measure `json:"p99"`
	P999 Measure `json:"p999"`
	// Errors and ErrorShare are there for a latency: the failed operations, and their share of all.
	Errors     uint64   `json:"errors,omitempty"`
	ErrorShare *Measure `json:"error_share,omitempty"`
	// Last is when the newest of the samples was logged, to the second.
	Last time.Time `json:"last,omitzero"`
}

// Stat returns a statistic; false when there is none, as of a series without samples.
func (s *MetricSummary) Stat(stat Statistic) (Measure, bool) {
	some := s.Count > 0
	switch stat {
	case StatCount:
		return Measure(s.Count), true
	case StatRate:
		return s.Rate, true
	case StatSum:
		return s.Sum, true
	case StatMean:
		return s.Mean, some
	case StatMin:
		return s.Min, some
	case StatMax:
		return s.Max, some
	case StatP50:
		return s.P50, some
	case StatP90:
		return s.P90, some
	case StatP95:
		return s.P95, some
	case StatP99:
		return s.P99, some
	case StatP999:
		return s.P999, some
	case StatErrorShare:
		if s.ErrorShare != nil {
			return *s.ErrorShare, true
		}
	}
	return 0, false
}

// MetricsListResponse is a page of series.
type MetricsListResponse struct {
	Status MetricsStatus `json:"status"`
	// From and To are the time that the figures go over, to whole seconds, or to whole minutes where there are no seconds any more.
	From   time.Time       `json:"from"`
	To     time.Time       `json:"to"`
	Series []MetricSummary `json:"series"`
	Next   string          `json:"next,omitempty"`
}

// QuantileValue is one quantile.
type QuantileValue struct {
	Quantile Measure `json:"quantile"`
	Value    Measure `json:"value"`
}

// MetricsPercentilesResponse has the quantiles, in the order of the request; none without samples.
type MetricsPercentilesResponse struct {
	Status MetricsStatus   `json:"status"`
	From   time.Time       `json:"from"`
	To     time.Time       `json:"to"`
	Count  uint64          `json:"count"`
	Values []QuantileValue `json:"values"`
}

// MetricsTopResponse has those that lead.
type MetricsTopResponse struct {
	Status MetricsStatus `json:"status"`
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	// Series are in their order; those that do not have the statistic are left out.
	Series []MetricSummary `json:"series"`
	// Of is how many sources were compared.
	Of int `json:"of"`
}

// MetricDifference is how far one statistic of b is from that of a.
type MetricDifference struct {
	Statistic Statistic `json:"statistic"`
	A         Measure   `json:"a"`
	B         Measure   `json:"b"`
	// Absolute is b less a.
	Absolute Measure `json:"absolute"`
	// Relative is Absolute as a share of a; absent when a is 0.
	Relative *Measure `json:"relative,omitempty"`
}

// MetricsCompareResponse has both sides, and a difference for each statistic that both of them have.
type MetricsCompareResponse struct {
	Status      MetricsStatus      `json:"status"`
	A           MetricSummary      `json:"a"`
	B           MetricSummary      `json:"b"`
	Differences []MetricDifference `json:"differences"`
}

// MetricPoint is one step of a history.
type MetricPoint struct {
	// At is the end of the step.
	At    time.Time `json:"at"`
	Count uint64    `json:"count"`
	Rate  Measure   `json:"rate"`
	Mean  Measure   `json:"mean"`
	Min   Measure   `json:"min"`
	Max   Measure   `json:"max"`
	P50   Measure   `json:"p50"`
	P95   Measure   `json:"p95"`
	P99   Measure   `json:"p99"`
}

// MetricsHistoryResponse has the points, the newest first.
type MetricsHistoryResponse struct {
	Status MetricsStatus `json:"status"`
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	// Step is the time that one point goes over; longer than asked for where only minutes are left.
	Step   Duration      `json:"step"`
	Points []MetricPoint `json:"points"`
}

// MetricsExportResponse is the exported text.
type MetricsExportResponse struct {
	Status      MetricsStatus `json:"status"`
	Format      ExportFormat  `json:"format"`
	ContentType string        `json:"content_type"`
	Body        string        `json:"body"`
	// Series is how many there are in the body.
	Series int    `json:"series"`
	Next   string `json:"next,omitempty"`
}

// MetricSource is one sender of deltas.
type MetricSource struct {
	Source      string `json:"source"`
	Incarnation string `json:"incarnation"`
	// Seq is the highest number that has come.
	Seq uint64 `json:"seq"`
	// Interval is the time that its last delta told of.
	Interval Duration `json:"interval"`
	// LastSeen is when its last delta was logged.
	LastSeen time.Time `json:"last_seen"`
	// Received counts the deltas that have come since this replica knows of the source, over all incarnations; Lost those that have not.
	Received uint64 `json:"received"`
	Lost     uint64 `json:"lost"`
	// LostAt is when the last of them was missed.
	LostAt time.Time `json:"lost_at,omitzero"`
	// Dropped is how many samples the source itself had no room for.
	Dropped uint64 `json:"dropped,omitempty"`
}

// MetricsSourcesResponse is a page of sources.
type MetricsSourcesResponse struct {
	Status  MetricsStatus  `json:"status"`
	Sources []MetricSource `json:"sources"`
	Next    string         `json:"next,omitempty"`
}

// MetricStat is a figure over the sources that have reported it.
type MetricStat struct {
	// Name is a metric, or throughput (operations a second) or error_share.
	Name string `json:"name"`
	// Reporting is how many sources have it; the others are not taken for zero.
	Reporting int `json:"reporting"`
	// Average, Min and Max are over the sources' means.
	Average Measure `json:"average"`
	Min     Measure `json:"min"`
	Max     Measure `json:"max"`
}

// MetricsStatsResponse tells how the sources of a kind do, and what the replica holds.
type MetricsStatsResponse struct {
	Status MetricsStatus `json:"status"`
	From   time.Time     `json:"from"`
	To     time.Time     `json:"to"`
	Kind   SourceKind    `json:"kind"`
	// Sources is how many of the kind have reported anything within the time.
	Sources int `json:"sources"`
	// Stats has a figure for each name that anything has reported.
	Stats []MetricStat `json:"stats"`
	Held  MetricsHeld  `json:"held"`
}

// MetricsHeld is what a replica holds in memory.
type MetricsHeld struct {
	// Series are all that it has names for, SourceSeries those of sources; the others are aggregates.
	Series       int `json:"series"`
	SourceSeries int `json:"source_series"`
	// Bytes of all data, and the bound.
	Bytes    int64 `json:"bytes"`
	MaxBytes int64 `json:"max_bytes"`
	// SecondsSince and MinutesSince are from when on there are seconds and minutes of sources; those of aggregates go back as far or further.
	SecondsSince time.Time `json:"seconds_since,omitzero"`
	MinutesSince time.Time `json:"minutes_since,omitzero"`
	// Deltas and Records have been merged since the replica started.
	Deltas  uint64 `json:"deltas"`
	Records uint64 `json:"records"`
}
