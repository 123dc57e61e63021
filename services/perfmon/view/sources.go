package view

import (
	"cmp"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	// grace is how long a delta may come after a later one of its source: they go through different replicas, each of which gathers.
	grace = 2 * time.Second
	// remembered is how long losses and sources without a word are told of.
	remembered = time.Hour
	maxSources = 100_000
	maxGaps    = 64 // of one source that are remembered
)

// sources are those that send deltas.
type sources struct {
	byName map[string]*sender
	open   map[*sender]bool // those that miss something
	begun  time.Time        // when the log that was read begins
	losses losses           // of deltas
}

type sender struct {
	api.MetricSource
	previous string // incarnation, of which something may still come
	gaps     []gap  // in the order in which they were noticed
}

func newSources() *sources { return &sources{byName: map[string]*sender{}, open: map[*sender]bool{}} }

// heard takes note of a delta that is in the log.
func (s *sources) heard(d *journal.Delta, at time.Time) {
	o := s.byName[d.Source]
	if o == nil {
		if len(s.byName) >= maxSources {
			return
		}
		o = &sender{MetricSource: api.MetricSource{Source: d.Source}}
		s.byName[d.Source] = o
	}
	o.LastSeen, o.Interval = at, api.Duration(d.Interval)
	o.Received++
	o.Dropped += d.Dropped
	switch {
	case o.Incarnation == d.Incarnation && d.Seq > o.Seq:
		o.miss(gap{o.Seq + 1, d.Seq - 1, at, missing})
		o.Seq = d.Seq
	case o.Incarnation == d.Incarnation:
		if g, ok := o.fill(d.Seq); ok && g.state == lost { // it has come after all
			o.Lost--
			s.losses.take(loss{g.noticed, 1})
		}
	case o.previous == d.Incarnation && d.Incarnation != "":
	default:
		s.giveUp(o, at, 0) // what is missing of the one before does not come any more
		o.gaps = nil
		o.previous, o.Incarnation, o.Seq = o.Incarnation, d.Incarnation, d.Seq
		state := foreign
		if s.should(d, at) {
			state = missing
		}
		o.miss(gap{1, d.Seq - 1, at, state})
	}
	if len(o.gaps) > 0 {
		s.open[o] = true
	}
}

// settle gives up what was missed long enough ago.
func (s *sources) settle(at time.Time) {
	for o := range s.open {
		if !s.giveUp(o, at, grace) {
			delete(s.open, o)
		}
	}
}

// should tells whether the numbers before the first that was heard of belong to the time that was read.
func (s *sources) should(d *journal.Delta, at time.Time) bool {
	return d.Seq < maxGap && at.Add(-time.Duration(d.Seq)*d.Interval-grace).After(s.begun)
}

// seen tells whether a delta is in the log already. Of an incarnation before the last, nobody knows any more.
func (s *sources) seen(d *journal.Delta) bool {
	o := s.byName[d.Source]
	return o != nil && o.Incarnation == d.Incarnation && d.Seq <= o.Seq &&
		!slices.ContainsFunc(o.gaps, func(g gap) bool { return d.Seq >= g.from && d.Seq <= g.to })
}

// giveUp counts what was missed long enough ago as lost, and tells whether something is missing still.
func (s *sources) giveUp(o *sender, at time.Time, after time.Duration) (more bool) {
	tooMany := len(o.gaps) - maxGaps
	for i := range o.gaps {
		g := &o.gaps[i]
		if g.state != missing {
			continue
		}
		if at.Sub(g.noticed) < after && i >= tooMany {
			more = true
			continue
		}
		g.state = lost
		o.Lost += g.len()
		o.LostAt = g.noticed
		s.losses.add(loss{g.noticed, g.len()})
	}
	if tooMany > 0 {
		o.gaps = slices.Delete(o.gaps, 0, tooMany)
	}
	return more
}

// tidy forgets what is older than an hour.
func (s *sources) tidy(at time.Time) {
	for name, o := range s.byName {
		if at.Sub(o.LastSeen) > remembered {
			delete(s.open, o)
			delete(s.byName, name)
		}
	}
	s.losses.tidy(at)
}

// page returns the sources behind a name, in their order.
func (s *sources) page(after string, limit int) (list []api.MetricSource, next string) {
	names := make([]string, 0, len(s.byName))
	for name := range s.byName {
		if name > after {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	for _, name := range names[:min(limit, len(names))] {
		list = append(list, s.byName[name].MetricSource)
	}
	if len(names) > limit {
		next = names[limit-1]
	}
	return list, next
}
