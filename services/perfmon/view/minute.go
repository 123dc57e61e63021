package view

import (
	"cmp"
	"slices"

	"github.com/mabus-project/mabus/services/perfmon/history"
	"github.com/mabus-project/mabus/services/perfmon/journal"
)

// LastMinute returns the newest minute that has ended, in Unix minutes; 0 before there is one.
func (v *View) LastMinute() int64 {
	last := int64(0)
	for _, t := range v.tiers {
		last = max(last, t.LastMinute()/60-1)
	}
	return last
}

// Minute takes out what a minute has come to, to be written where it outlives the replica; nil when the view has not read all of it.
func (v *View) Minute(minute int64) *Minute {
	m := &Minute{minute: minute}
	for _, t := range v.tiers {
		b, whole := t.Minute(minute * 60)
		if !whole {
			return nil
		}
		if b == nil {
			continue
		}
		for i := range b.Len() {
			e := b.At(i)
			if name := v.table.byIndex[e.ID]; name != nil {
				m.lines = append(m.lines, line{name, e.Sketch})
			}
		}
	}
	return m
}

// Minute is what a minute has come to.
type Minute struct {
	minute int64
	lines  []line
}

type line struct {
	*entry
	sketch []byte
}

// Write returns the minute's messages, of so many bytes each as journal.Writer has it. The first of them completes it, and so is to be written
// last. Number tells its writer from others.
func (m *Minute) Write(number uint64, partBytes int) [][]byte {
	slices.SortFunc(m.lines, func(a, b line) int { return cmp.Compare(a.key, b.key) })
	w := journal.Writer{Limit: partBytes}
	var last *entry
	for _, l := range m.lines {
		s := &l.series
		if last == nil || last.scope != l.scope || last.series.Kind != s.Kind || last.series.ID != s.ID || last.series.Type != s.Type || last.series.Host != s.Host {
			w.Group(journal.Group{Scope: l.scope, Kind: s.Kind, ID: s.ID, Type: s.Type, Host: s.Host})
		}
		w.Series(s.Metric, l.sketch)
		last = l.entry
	}
	return w.Finish(journal.Head{Number: number, Minute: m.minute})
}

// Recall takes a minute that was written before this replica began to read the log. Minutes are recalled in their order, before Begin.
func (v *View) Recall(b *journal.Batch) {
	from := b.Minute * 60
	v.read(b, from+59)
	for i, t := range v.tiers {
		if len(v.entries[i]) > 0 {
			t.AddMinute(history.NewBlock(from, from+60, v.entries[i]))
		}
		clear(v.entries[i])
	}
}

// Len returns the number of series that the minute has.
func (m *Minute) Len() int { return len(m.lines) }
