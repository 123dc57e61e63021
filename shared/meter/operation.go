package meter

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Operation measures something that is done again and again: how long it takes and how it ends. A nil Operation does nothing.
type Operation struct {
	latency, errors, refusals *Recorder
}

// Operation returns the measure of an operation of a source: of all that it does, or only of one kind of it, whose name then stands behind
// those of the metrics. The series' own metric does not count.
func (m *Meter) Operation(source api.Series, name string) *Operation {
	if m == nil {
		return nil
	}
	of := func(metric string) *Recorder {
		s := source
		s.Metric = OperationMetric(metric, name)
		return m.Series(s)
	}
	return &Operation{of(api.MetricLatency), of(api.MetricErrors), of(api.MetricRefusals)}
}

// OperationMetric is the name of a metric of one kind of operation, for example latency_seconds.agents.get.
func OperationMetric(metric, name string) string {
	if name == "" {
		return metric
	}
	return metric + "." + name
}

// Done records an operation that has ended, with the error that it has ended with.
func (o *Operation) Done(took time.Duration, err error) {
	o.Took(took)
	o.Failed(err)
}

// Took records how long an operation took.
func (o *Operation) Took(d time.Duration) {
	if o != nil {
		o.latency.Record(max(d, 0).Seconds())
	}
}

// Failed records an error as a failure or a refusal (api.IsFault), and nothing if it is nil or says that the operation was given up.
func (o *Operation) Failed(err error) {
	switch {
	case err == nil:
	case api.IsFault(err):
		o.Faults(1)
	case api.CodeOf(err) != api.Cancelled:
		o.Refusals(1)
	}
}

// Faults records failures.
func (o *Operation) Faults(n uint32) {
	if o != nil {
		o.errors.RecordMany(1, n)
	}
}

// Refusals records operations that were refused because of what was asked.
func (o *Operation) Refusals(n uint32) {
	if o != nil {
		o.refusals.RecordMany(1, n)
	}
}
