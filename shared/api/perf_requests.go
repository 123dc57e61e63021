package api

import (
	"fmt"
	"slices"
)

// Bounds of records.
const (
	MaxRecords     = 1000      // records of one request
	MaxRecordCount = 1_000_000 // samples that one record stands for
	MaxRecordValue = 1e15      // in a metric's unit: what is above is a mistake
)

// MetricRecord is a sample of anybody's own series.
type MetricRecord struct {
	// Metric is 1 to 64 characters of a-z, 0-9, '_' and '.'.
	Metric string `json:"metric,omitempty"`
	// Kind is custom unless given.
	Kind SourceKind `json:"kind,omitempty"`
	// ID is the source's.
	ID   string `json:"id,omitempty"`
	Type string `json:"type,omitempty"`
	Host string `json:"host,omitempty"`
	// Value is 0 or more: durations in seconds, sizes in bytes, shares from 0 to 1.
	Value *Measure `json:"value,omitempty"`
	// Count is how many samples of the value there were; 1 unless given.
	Count int `json:"count,omitempty"`
}

// Series returns the series that the record belongs to.
func (r *MetricRecord) Series() Series {
	s := Series{Metric: r.Metric, Kind: r.Kind, ID: r.ID, Type: r.Type, Host: r.Host}
	if s.Kind == "" {
		s.Kind = SourceCustom
	}
	return s
}

// Validate implements Validator.
func (r *MetricRecord) Validate() error {
	series := r.Series()
	if err := series.Validate(); err != nil {
		return err
	}
	if r.Value == nil {
		return Errorf(Invalid, "value is required").WithReason(ReasonMissingFields).WithFields("value")
	}
	return CheckSample(float64(*r.Value), r.Count)
}

// CheckSample returns an invalid error unless value and count can be those of a record. A value that is not a number is above no bound
// and below none, and so is refused.
func CheckSample(value float64, count int) error {
	if !(value >= 0 && value <= MaxRecordValue) {
		return Errorf(Invalid, "value must be 0 to %g", float64(MaxRecordValue)).WithFields("value")
	}
	if count < 0 || count > MaxRecordCount {
		return Errorf(Invalid, "count must be 1 to %d, or left out for 1", MaxRecordCount).WithFields("count")
	}
	return nil
}

// RecordRequest records one sample, or those in Records.
type RecordRequest struct {
	MetricRecord
	// Records are given without a sample beside them, at most 1,000.
	Records []MetricRecord `json:"records,omitempty"`
}

// Validate implements Validator.
func (r *RecordRequest) Validate() error {
	if len(r.Records) == 0 {
		return r.MetricRecord.Validate()
	}
	if r.MetricRecord != (MetricRecord{}) {
		return Errorf(Invalid, "records does not go with a sample beside it").WithFields("records")
	}
	if len(r.Records) > MaxRecords {
		return Errorf(Invalid, "records has %d entries, at most %d are allowed", len(r.Records), MaxRecords).WithFields("records")
	}
	for i := range r.Records {
		if err := r.Records[i].Validate(); err != nil {
			e := AsError(err)
			return Errorf(e.Code, "records[%d]: %s", i, e.Message).WithReason(e.Details.Reason).WithFields(fmt.Sprintf("/records/%d", i))
		}
	}
	return nil
}

// RecordResponse says what was recorded.
type RecordResponse struct {
	// Recorded is the number of samples that are in the log now.
	Recorded int `json:"recorded"`
}

// MetricsCurrentRequest asks for what is measured now.
type MetricsCurrentRequest struct {
	MetricSelector
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsCurrentRequest) Validate() error {
	if err := r.MetricSelector.Validate(); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MetricsWindowRequest asks for what a time has measured.
type MetricsWindowRequest struct {
	MetricSelector
	MetricTime
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsWindowRequest) Validate() error {
	if err := r.MetricSelector.Validate(); err != nil {
		return err
	}
	if err := r.MetricTime.Validate(); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MetricSide is one series over a time.
type MetricSide struct {
	MetricSelector
	MetricTime
}

// Validate implements Validator.
func (r *MetricSide) Validate() error {
	if err := r.one(); err != nil {
		return err
	}
	return r.MetricTime.Validate()
}

// MetricsPercentilesRequest asks for quantiles of one series.
type MetricsPercentilesRequest struct {
	MetricSelector
	MetricTime
	// Quantiles are from 0 to 1, at most 100 of them.
	Quantiles []Measure `json:"quantiles"`
}

// Validate implements Validator.
func (r *MetricsPercentilesRequest) Validate() error {
	if err := (&MetricSide{r.MetricSelector, r.MetricTime}).Validate(); err != nil {
		return err
	}
	if len(r.Quantiles) == 0 || len(r.Quantiles) > MaxQuantiles {
		return Errorf(Invalid, "quantiles has %d entries, 1 to %d are allowed", len(r.Quantiles), MaxQuantiles).WithFields("quantiles")
	}
	for _, q := range r.Quantiles {
		if !(q >= 0 && q <= 1) {
			return Errorf(Invalid, "a quantile is from 0 to 1").WithFields("quantiles")
		}
	}
	return nil
}

// MetricsTopRequest asks who leads.
type MetricsTopRequest struct {
	MetricSelector
	MetricTime
	// By is what they are ordered by; mean unless given.
	By Statistic `json:"by,omitempty"`
	// Lowest puts the smallest first, not the largest.
	Lowest bool `json:"lowest,omitempty"`
	// Limit is 10 unless given.
	Limit int `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsTopRequest) Validate() error {
	if err := r.MetricSelector.Validate(); err != nil {
		return err
	}
	if err := CheckMetric("metric", r.Metric); err != nil {
		return err
	}
	if r.By != "" && !slices.Contains(Statistics, r.By) {
		return Errorf(Invalid, "by must be one of %v", Statistics).WithFields("by")
	}
	if err := r.MetricTime.Validate(); err != nil {
		return err
	}
	return checkPage(r.Limit)
}

// MetricsCompareRequest asks how b differs from a.
type MetricsCompareRequest struct {
	A MetricSide `json:"a"`
	B MetricSide `json:"b"`
}

// Validate implements Validator.
func (r *MetricsCompareRequest) Validate() error {
	if err := r.A.Validate(); err != nil {
		return err
	}
	return r.B.Validate()
}

// MetricsHistoryRequest asks for one series in steps.
type MetricsHistoryRequest struct {
	MetricSelector
	MetricTime
	// Step is the time that one point goes over, in whole seconds; what divides the time into Limit points, at least, unless given.
	Step Duration `json:"step,omitzero"`
	// Limit is 50 unless given, at most 5,000.
	Limit int `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsHistoryRequest) Validate() error {
	if err := (&MetricSide{r.MetricSelector, r.MetricTime}).Validate(); err != nil {
		return err
	}
	if r.Step < 0 || r.Step%Duration(1e9) != 0 || r.Step > MaxMetricWindow*1e9 {
		return Errorf(Invalid, "step must be whole seconds, up to 24h").WithFields("step")
	}
	if r.Limit < 0 || r.Limit > MaxMetricPoints {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for %d", MaxMetricPoints, DefaultPoints).WithFields("limit")
	}
	return nil
}

// ExportFormat is a form of text for metrics.
type ExportFormat string

// The formats of an export.
const (
	ExportJSON        ExportFormat = "json"        // an array of what metrics.window returns
	ExportCSV         ExportFormat = "csv"         // RFC 4180, with a header
	ExportPrometheus  ExportFormat = "prometheus"  // text format 0.0.4
	ExportOpenMetrics ExportFormat = "openmetrics" // text format 1.0
)

// ExportFormats lists every format.
var ExportFormats = []ExportFormat{ExportJSON, ExportCSV, ExportPrometheus, ExportOpenMetrics}

// MetricsExportRequest asks for text.
type MetricsExportRequest struct {
	MetricSelector
	MetricTime
	// Format is json unless given.
	Format ExportFormat `json:"format,omitempty"`
	After  string       `json:"after,omitempty"`
	// Limit is 10,000 unless given, which is the most.
	Limit int `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsExportRequest) Validate() error {
	if r.Format != "" && !slices.Contains(ExportFormats, r.Format) {
		return Errorf(Invalid, "format must be one of %v", ExportFormats).WithReason(ReasonUnsupportedFormat).WithFields("format")
	}
	if err := r.MetricSelector.Validate(); err != nil {
		return err
	}
	if err := r.MetricTime.Validate(); err != nil {
		return err
	}
	if r.Limit < 0 || r.Limit > MaxMetricExport {
		return Errorf(Invalid, "limit must be 1 to %d", MaxMetricExport).WithFields("limit")
	}
	return nil
}

// MetricsSourcesRequest asks who sends deltas.
type MetricsSourcesRequest struct {
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Validate implements Validator.
func (r *MetricsSourcesRequest) Validate() error { return checkPage(r.Limit) }

// MetricsStatsRequest asks how the sources of a kind do.
type MetricsStatsRequest struct {
	MetricTime
	// Kind is agent unless given.
	Kind SourceKind `json:"kind,omitempty"`
}

// Validate implements Validator.
func (r *MetricsStatsRequest) Validate() error {
	if r.Kind != "" && !slices.Contains(SourceKinds, r.Kind) {
		return Errorf(Invalid, "kind must be one of %s", joinKinds()).WithFields("kind")
	}
	return r.MetricTime.Validate()
}
