package episode

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// The names of what happens to an alert. Raised, Flapping and Cleared are sent to routes.
const (
	Raised       = "raised"
	Cleared      = "cleared"
	Flapping     = "flapping"
	Steadied     = "steadied" // it flapped, and now stands for good
	Acknowledged = "acknowledged"
)

// Damping says what flapping is.
type Damping struct {
	// Changes within Window make an alert flap: it stands, whatever its figure does, until that has been fine for Quiet, or breached
	// for as long.
	Changes int
	Window  time.Duration
	Quiet   time.Duration
}

// DefaultDamping is what flapping is unless said otherwise.
var DefaultDamping = Damping{Changes: 5, Window: 10 * time.Minute, Quiet: 5 * time.Minute}

// Decide returns the alert as it is to be after a finding, and what has happened to it: the old one itself, and nothing, when nothing is to
// change. Old is nil for an alert that was never raised; it is not changed.
func Decide(old *api.Alert, f *Finding, d Damping) (next *api.Alert, event string) {
	if old != nil && !f.At.After(old.JudgedAt) {
		return old, ""
	}
	if old != nil { // what another replica has seen in between, this one may have missed
		g := *f
		since := f.At.Sub(old.JudgedAt)
		g.Held, g.Quiet = min(f.Held, since), min(f.Quiet, since)
		f = &g
	}
	if old == nil || old.Status != api.AlertActive {
		if f.raises() {
			return raise(old, f, d)
		}
		return old, ""
	}
	switch {
	case f.Missing > Forget:
		return End(old, f.At, api.EndForgotten)
	case old.Absent && f.Condition == Breached:
		a := f.onto(old)
		a.Absent, a.Message = false, message(f)
		return a, ""
	case old.Flapping && f.Condition == Fine && f.Quiet >= d.Quiet:
		a := f.onto(old)
		a.Changes, a.Message = []time.Time{f.At}, recovery(f)
		return End(a, f.At, api.EndRecovered)
	case old.Flapping && f.Held >= d.Quiet:
		a := f.onto(old)
		a.Flapping, a.Changes = false, nil
		return a, Steadied
	case !old.Flapping && f.recovers(old):
		a := f.onto(old)
		a.Changes = recent(old.Changes, f.At, d)
		if len(a.Changes) >= d.Changes {
			a.Flapping = true
			return a, Flapping
		}
		a.Message = recovery(f)
		return End(a, f.At, api.EndRecovered)
	}
	return old, ""
}

// raises tells whether the finding is enough to raise an alert.
func (f *Finding) raises() bool {
	return f.Condition == Silent || f.Condition == Breached && f.Held >= f.Rule.For.Std()
}

// recovers tells whether the alert is over.
func (f *Finding) recovers(a *api.Alert) bool {
	return f.Condition == Fine || a.Absent && f.Condition == Between
}

func raise(old *api.Alert, f *Finding, d Damping) (*api.Alert, string) {
	a := &api.Alert{ID: f.ID}
	if old != nil { // of the episodes before, how many there were and when is all that stays
		a.Episode, a.Changes = old.Episode, old.Changes
	}
	a = f.onto(a)
	a.Status, a.RaisedAt, a.Absent, a.Episode = api.AlertActive, f.At, f.Condition == Silent, a.Episode+1
	if a.Absent {
		a.Value = nil
	}
	a.Message, a.Route, a.Severity = message(f), f.Rule.Route, f.Rule.Severity
	a.Changes = recent(a.Changes, f.At, d)
	if len(a.Changes) >= d.Changes {
		a.Flapping = true
		return a, Flapping
	}
	return a, Raised
}

// onto returns a copy of the alert with what the finding says of its rule and figure.
func (f *Finding) onto(old *api.Alert) *api.Alert {
	a := *old
	r := f.Rule
	a.Rule, a.Scope, a.Series, a.RuleVersion, a.JudgedAt = r.ID, r.Scope, f.Series, r.Version, f.At
	a.Statistic, a.Comparison, a.Threshold = r.Statistic, r.Comparison, *r.Threshold
	if v := f.Value; f.Condition != Unknown {
		a.Value = &v
	}
	return &a
}

// End returns the alert ended; an alert that does not stand stays as it is.
func End(old *api.Alert, at time.Time, why api.AlertEnd) (*api.Alert, string) {
	if old == nil || old.Status != api.AlertActive {
		return old, ""
	}
	a := *old
	a.Status, a.ClearedAt, a.End, a.Flapping = api.AlertCleared, at, why, false
	if at.After(a.JudgedAt) {
		a.JudgedAt = at
	}
	return &a, Cleared
}

// recent returns the changes within the window and the one at a time, at most as many as count.
func recent(changes []time.Time, at time.Time, d Damping) []time.Time {
	kept := slices.DeleteFunc(slices.Clone(changes), func(t time.Time) bool { return at.Sub(t) > d.Window })
	kept = append(kept, at)
	return kept[max(0, len(kept)-d.Changes):]
}

func message(f *Finding) string {
	r := f.Rule
	if f.Condition == Silent {
		return fmt.Sprintf("%s has not reported %s for more than %s", who(r, f.Series), r.Metric, r.Absent)
	}
	words := map[api.AlertComparison]string{api.GreaterThan: "above", api.AtLeast: "at or above", api.LessThan: "below", api.AtMost: "at or below"}
	return fmt.Sprintf("%s, %s %s", figure(f), words[r.Comparison], *r.Threshold)
}

// recovery says that the figure is where it should be.
func recovery(f *Finding) string { return figure(f) + " again" }

// figure says what the rule has seen, to four digits.
func figure(f *Finding) string {
	short, err := strconv.ParseFloat(strconv.FormatFloat(float64(f.Value), 'g', 4, 64), 64)
	if err != nil {
		short = float64(f.Value)
	}
	return fmt.Sprintf("%s of %s of %s is %s", f.Rule.Statistic, f.Rule.Metric, who(f.Rule, f.Series), api.Measure(short))
}

func who(r *api.AlertRule, s api.Series) string {
	switch r.Scope {
	case api.MetricsOfType:
		return fmt.Sprintf("all %ss of type %s", s.Kind, s.Type)
	case api.MetricsOfHost:
		return fmt.Sprintf("all %ss on host %s", s.Kind, s.Host)
	case api.MetricsOfFleet:
		return fmt.Sprintf("all %ss", s.Kind)
	}
	return fmt.Sprintf("%s %s", s.Kind, s.ID)
}

// Acknowledge returns the alert with somebody's note on it.
func Acknowledge(old *api.Alert, by, note string, at time.Time) (*api.Alert, string) {
	a := *old
	a.AckedBy, a.AckedAt, a.Note = by, at, note
	return &a, Acknowledged
}
