package view

import (
	"strings"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
)

// entry is one series that the view has a name for. But for last it does not change.
type entry struct {
	index  uint32 // in blocks; never given to another series
	scope  journal.Scope
	series api.Series
	key    string
	last   int64 // Unix seconds of its newest samples
}

// source names one sender of series, whatever its type and host.
type source struct {
	kind api.SourceKind
	id   string
}

// table has the entries.
type table struct {
	max      int
	byKey    map[string]*entry
	byIndex  map[uint32]*entry
	byMetric map[string][]*entry
	bySource map[source][]*entry
	sources  int // entries of scope source
	next     uint32
	refused  uint64
	swept    int64
}

func newTable(limit int) *table {
	t := &table{max: limit}
	t.clear()
	return t
}

func (t *table) clear() {
	t.byKey, t.byIndex = map[string]*entry{}, map[uint32]*entry{}
	t.byMetric, t.bySource = map[string][]*entry{}, map[source][]*entry{}
	t.sources = 0
}

// appendGroup appends the key of a group, to which a metric's name makes that of a series. Its order is that of the answers.
func appendGroup(b []byte, scope journal.Scope, kind api.SourceKind, id, typ, host string) []byte {
	for _, s := range [...]string{string(scope.Name()), string(kind), id, typ, host} {
		b = append(b, s...)
		b = append(b, '/')
	}
	return b
}

// ensure returns the entry of a key, made anew if there is room for it, or nil.
func (t *table) ensure(key []byte, g *journal.Group, metric string, now int64) *entry {
	if e := t.byKey[string(key)]; e != nil {
		e.last = max(e.last, now)
		return e
	}
	if len(t.byKey) >= t.max && !t.makeRoom(now) {
		t.refused++
		return nil
	}
	t.next++
	e := &entry{
		index: t.next, scope: g.Scope, key: string(key), last: now,
		series: api.Series{Metric: strings.Clone(metric), Kind: g.Kind, ID: strings.Clone(g.ID), Type: strings.Clone(g.Type), Host: strings.Clone(g.Host)},
	}
	t.list(e)
	return e
}

func (t *table) list(e *entry) {
	t.byKey[e.key], t.byIndex[e.index] = e, e
	t.byMetric[e.series.Metric] = append(t.byMetric[e.series.Metric], e)
	if e.scope == journal.Source {
		t.sources++
		at := source{e.series.Kind, e.series.ID}
		t.bySource[at] = append(t.bySource[at], e)
	}
}

// How long a series is remembered that says nothing, in seconds.
const (
	silence   = 3600      // when another one needs its place
	oblivion  = 24 * 3600 // in any case: by then its minutes have gone as well
	sweepMore = 10        // seconds between two looks for room
)

// canMakeRoom tells whether it may be tried.
func (t *table) canMakeRoom(now int64) bool { return now >= t.swept+sweepMore }

// makeRoom forgets series that have said nothing for an hour.
func (t *table) makeRoom(now int64) bool {
	if !t.canMakeRoom(now) {
		return false
	}
	t.swept = now
	return t.forget(now-silence) > 0
}

// forget removes what has said nothing since a time.
func (t *table) forget(since int64) int {
	gone := 0
	for _, e := range t.byKey {
		if e.last < since {
			gone++
		}
	}
	if gone == 0 {
		return 0
	}
	all := t.byKey
	t.clear()
	for _, e := range all {
		if e.last >= since {
			t.list(e)
		}
	}
	return gone
}

// match returns the entries that a selector names, with samples since a time.
func (t *table) match(s api.MetricSelector, since int64) []*entry {
	scope, _ := journal.ScopeOf(s.Scope)
	fits := func(e *entry) bool {
		return e.scope == scope && e.series.Kind == s.Kind && e.last >= since && (s.Metric == "" || s.Metric == e.series.Metric) &&
			(s.ID == "" || s.ID == e.series.ID) && (s.Type == "" || s.Type == e.series.Type) && (s.Host == "" || s.Host == e.series.Host)
	}
	var found []*entry
	from := func(list []*entry) {
		for _, e := range list {
			if fits(e) {
				found = append(found, e)
			}
		}
	}
	switch {
	case scope == journal.Source && s.ID != "":
		from(t.bySource[source{s.Kind, s.ID}])
	case s.Metric != "":
		from(t.byMetric[s.Metric])
	default:
		for _, e := range t.byKey {
			if fits(e) {
				found = append(found, e)
			}
		}
	}
	return found
}
