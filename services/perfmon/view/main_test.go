package view_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/gather"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// begin is a whole minute.
var begin = time.Unix(1_800_000_000, 0).UTC()

func encoded(values ...float64) []byte {
	s := sketch.New()
	for _, v := range values {
		if err := s.Add(v, 1); err != nil {
			panic(err)
		}
	}
	return s.AppendBinary(nil)
}

// rig is a view with a replica that feeds it.
type rig struct {
	t interface{ Fatal(...any) }
	*view.View
	g      *gather.Gatherer
	number uint64
	seqs   map[string]uint64
}

func newRig(t interface{ Fatal(...any) }, cfg view.Config) *rig {
	v := view.New(cfg)
	v.Begin(begin, false)
	return &rig{t: t, View: v, g: gather.New(gather.Config{MaxSeries: 1e6, Room: v.Room}), seqs: map[string]uint64{}}
}

// record gathers samples.
func (r *rig) record(s api.Series, values ...float64) {
	for _, v := range values {
		if _, err := r.g.AddRecords(&api.RecordRequest{MetricRecord: api.MetricRecord{
			Metric: s.Metric, Kind: s.Kind, ID: s.ID, Type: s.Type, Host: s.Host, Value: (*api.Measure)(&v),
		}}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// flush applies what was gathered, so long after the beginning.
func (r *rig) flush(after time.Duration) { r.flushAs("r1", after, 0) }

func (r *rig) flushAs(replica string, after time.Duration, flags byte) {
	r.number++
	for _, part := range r.g.Take(journal.Head{Number: r.number, Flags: flags}) {
		b, err := journal.Read(part)
		if err != nil {
			r.t.Fatal(err)
		}
		if !r.Apply(replica, begin.Add(after), b) {
			r.t.Fatal("a batch was not new")
		}
	}
}

// ask selects.
func (r *rig) ask(after time.Duration, sel api.MetricSelector, last time.Duration) *view.Selection {
	s, _, err := r.Select(view.Question{Selector: sel, Time: api.MetricTime{Last: api.Duration(last)}, Now: begin.Add(after)})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

func agent(id string) api.Series {
	return api.Series{Metric: api.MetricLatency, Kind: api.SourceAgent, ID: id, Type: "echo", Host: "h1"}
}

func latencies(id string) api.MetricSelector {
	return api.MetricSelector{Metric: api.MetricLatency, ID: id}
}

// page asks for a page.
func (r *rig) page(t *testing.T, sel api.MetricSelector, after string, limit int) ([]api.MetricSummary, string) {
	t.Helper()
	s, next, err := r.Select(view.Question{Selector: sel, Time: api.MetricTime{}, Now: begin.Add(time.Second), After: after, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return s.Summaries(), next
}
