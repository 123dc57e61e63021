package episode

import (
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Forget is how long there may be no figure before an alert that waits for one ends.
const Forget = 24 * time.Hour

// Finding is what a look has found about one series, with what was found before.
type Finding struct {
	ID        string
	Rule      *api.AlertRule // with its defaults
	Series    api.Series
	Condition Condition
	Value     api.Measure
	At        time.Time
	// Held is for how long it has been breached, and Quiet for how long it has been fine, without a break.
	Held, Quiet time.Duration
	// Missing is for how long there has been no figure.
	Missing time.Duration
}

// Watch is what one replica remembers between two looks under one rule. It is not safe for concurrent use.
type Watch struct {
	since map[string]span
}

// span is since when a series has been in a condition: breached (silence included), fine, or without a figure.
type span struct {
	breached, fine, missing time.Time
}

// Step takes a look, and returns what may raise, change or end an alert, in the order of the alerts' ids. Active are the alerts of the rule
// that stand. What is remembered is bounded by what is breached and what stands.
func (w *Watch) Step(r *api.AlertRule, look *Look, active []*api.Alert) []Finding {
	next := map[string]span{}
	var found []Finding
	stands := make(map[string]bool, len(active))
	for _, a := range active {
		stands[a.ID] = true
	}
	for id, f := range newest(r, look.Figures) {
		c := Judge(r, f, look)
		if c == Breached || c == Silent || stands[id] {
			found = append(found, w.find(r, id, f, c, look.At, next))
		}
		delete(stands, id)
	}
	for _, a := range active {
		if stands[a.ID] {
			found = append(found, w.find(r, a.ID, &Figure{Series: a.Series}, Unknown, look.At, next))
		}
	}
	w.since = next
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// newest returns the figures by the ids of their alerts: of a source that has moved, the one that was heard of last.
func newest(r *api.AlertRule, figures []Figure) map[string]*Figure {
	by := make(map[string]*Figure, len(figures))
	for i := range figures {
		f := &figures[i]
		id := ID(r.ID, r.Scope, f.Series)
		if was := by[id]; was == nil || f.Last.After(was.Last) || f.Last.Equal(was.Last) && f.Known && !was.Known {
			by[id] = f
		}
	}
	return by
}

func (w *Watch) find(r *api.AlertRule, id string, f *Figure, c Condition, at time.Time, next map[string]span) Finding {
	was, now := w.since[id], span{}
	begin := func(t time.Time) time.Time {
		if t.IsZero() || t.After(at) {
			return at
		}
		return t
	}
	finding := Finding{ID: id, Rule: r, Series: f.Series, Condition: c, Value: f.Value, At: at}
	switch c {
	case Breached, Silent:
		now.breached = begin(was.breached)
		finding.Held = at.Sub(now.breached)
	case Fine:
		now.fine = begin(was.fine)
		finding.Quiet = at.Sub(now.fine)
	case Unknown:
		now.missing = begin(was.missing)
		finding.Missing = at.Sub(now.missing)
	}
	next[id] = now
	return finding
}
