package view

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/history"
	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/sketch"
)

// maxWork is how many sketches one question may look for: some half a second.
const maxWork = 5_000_000

// Selection is some series and what is remembered of a time. It is its owner's, whatever becomes of the view.
type Selection struct {
	// Status is that of the answer.
	Status api.MetricsStatus
	// From and To are what the data goes over.
	From, To time.Time
	chosen   []chosen
	span     history.Span
	covered  float64 // seconds of the span that there is data of
}

// chosen is a selected series, and that of its errors if it is a latency.
type chosen struct {
	*entry
	errors *entry
}

// Question is what Select wants to know.
type Question struct {
	Selector api.MetricSelector
	Time     api.MetricTime
	// Now is the time of the question.
	Now time.Time
	// After is where a page begins; all of them unless Limit is given.
	After string
	Limit int
}

// Select takes out the series that a question names and that have samples not older than its time; pages, and up to 1,000 series, in the
// order of their names. Next is where the next page begins; "" for the last one.
func (v *View) Select(q Question) (s *Selection, next string, err error) {
	sel := q.Selector.WithDefaults()
	from, to := seconds(q.Time, q.Now)
	tier := v.tiers[ofAggregates]
	if sel.Scope == api.MetricsOfSource {
		tier = v.tiers[ofSources]
	}
	s = &Selection{Status: v.status(q.Now, tier), span: tier.Span(from, to)}
	s.From, s.To = time.Unix(s.span.From, 0).UTC(), time.Unix(s.span.To, 0).UTC()
	s.covered = v.covered(s.span, tier)
	list := v.table.match(sel, s.span.From)
	if q.Limit > 0 || q.After != "" || len(list) <= api.MaxPage { // in which order thousands are compared does not matter
		slices.SortFunc(list, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	}
	if q.After != "" {
		at, _ := slices.BinarySearchFunc(list, q.After, func(e *entry, after string) int { return cmp.Or(strings.Compare(e.key, after), -1) })
		list = list[at:]
	}
	if q.Limit > 0 && len(list) > q.Limit {
		next, list = list[q.Limit-1].key, list[:q.Limit]
	}
	if len(list)*max(len(s.span.Blocks), 1) > maxWork {
		return nil, "", api.Errorf(api.Invalid, "%d series over %s are too many for one answer: ask for a shorter time, for fewer series, or for a page of them",
			len(list), time.Duration(to-from)*time.Second).WithReason(api.ReasonQueryTooLarge)
	}
	s.chosen = make([]chosen, len(list))
	for i, e := range list {
		s.chosen[i] = chosen{e, v.errorsOf(e)}
	}
	return s, next, nil
}

// errorsOf returns the series of the failures of a latency.
func (v *View) errorsOf(e *entry) *entry {
	method, ok := strings.CutPrefix(e.series.Metric, api.MetricLatency)
	if !ok {
		return nil
	}
	return v.table.byKey[strings.TrimSuffix(e.key, e.series.Metric)+api.MetricErrors+method]
}

// Known tells whether a selector names any series at all, however long it has said nothing.
func (v *View) Known(s api.MetricSelector) bool { return len(v.table.match(s.WithDefaults(), 0)) > 0 }

// seconds returns the whole seconds that a time goes over, the last not included; up to now means up to the end of this second.
func seconds(t api.MetricTime, now time.Time) (from, to int64) {
	begin, end := t.Bounds(now)
	if t.From.IsZero() {
		to = now.Unix() + 1
		return to - int64((end.Sub(begin)+time.Second-1)/time.Second), to
	}
	return begin.Add(time.Second - 1).Unix(), end.Add(time.Second - 1).Unix()
}

// covered returns how many seconds of a span the view has data of: not of what comes yet, and not of what was before it.
func (v *View) covered(s history.Span, t *history.Tier) float64 {
	from, to := time.Unix(s.From, 0), time.Unix(s.To, 0)
	if seconds, minutes := t.Since(); seconds > 0 {
		since := seconds
		if minutes > 0 && minutes < seconds && s.From < seconds {
			since = minutes
		}
		if begin := time.Unix(since, 0); begin.After(from) {
			from = begin
		}
	}
	if v.asOf.Before(to) {
		to = v.asOf
	}
	return max(to.Sub(from).Seconds(), 0)
}

// status says how far an answer can be trusted.
func (v *View) status(now time.Time, t *history.Tier) api.MetricsStatus {
	s := api.MetricsStatus{AsOf: v.asOf, LostReplicas: v.replicas.lost(), RefusedSeries: v.table.refused, Replica: v.cfg.Replica}
	if !v.asOf.IsZero() {
		s.Age = api.Duration(max(now.Sub(v.asOf), 0).Round(time.Millisecond))
	}
	s.LostIntervals, s.LostSince = v.sources.losses.count(v.asOf)
	s.LostMessages, _ = v.overruns.count(v.asOf)
	seconds, minutes := t.Since()
	if minutes > 0 && minutes < seconds {
		seconds = minutes
	}
	if seconds > 0 {
		s.Since = time.Unix(seconds, 0).UTC()
	}
	return s
}

// merge adds what a series has in some blocks, and returns the end of the last one that has any.
func merge(into *sketch.Sketch, e *entry, blocks []*history.Block) (last int64) {
	for _, b := range blocks {
		if found := b.Find(e.index); found != nil {
			_ = into.MergeBinary(found) // was checked when it was taken
			last = b.To
		}
	}
	return last
}

// summary returns the entry as answers have it, without figures.
func (e *entry) summary() api.MetricSummary {
	return api.MetricSummary{Scope: e.scope.Name(), Series: e.series}
}

// Len returns how many series were selected.
func (s *Selection) Len() int { return len(s.chosen) }

// Work returns how many sketches the selection has to look for.
func (s *Selection) Work() int { return len(s.chosen) * len(s.span.Blocks) }

// Seen tells whether a delta is in the log already.
func (v *View) Seen(d *journal.Delta) bool { return v.sources.seen(d) }
