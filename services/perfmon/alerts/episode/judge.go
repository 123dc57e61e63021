package episode

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Condition is what a look at a series means under a rule.
type Condition int

// The conditions.
const (
	Unknown  Condition = iota // there is no figure: that raises nothing, and ends nothing
	Fine                      // on the healthy side of where the alert clears
	Between                   // on neither side: between the threshold and where it clears
	Breached                  // on the side of the threshold that raises an alert
	Silent                    // no sample for as long as the rule bears
)

// Figure is what is known of one series.
type Figure struct {
	Series api.Series
	// Value is the figure that the rule looks at; Known says whether there is one.
	Value api.Measure
	Known bool
	// Last is when the series last had a sample; zero if nobody remembers.
	Last time.Time
}

// Look is one look at what was measured.
type Look struct {
	// At is the time of the data, by the clock of the log.
	At time.Time
	// Since is from when on this replica has followed the log without a break: silence before that is nobody's.
	Since   time.Time
	Figures []Figure
}

// FigureOf returns what a rule looks at, out of the figures of a series.
func FigureOf(r *api.AlertRule, m *api.MetricSummary) Figure {
	f := Figure{Series: m.Series, Last: m.Last}
	stat := r.Statistic
	if stat == api.StatLast {
		stat = api.StatMean
	}
	f.Value, f.Known = m.Stat(stat)
	f.Known = f.Known && m.Count > 0
	return f
}

// Judge says what a figure means. The rule has its defaults.
func Judge(r *api.AlertRule, f *Figure, look *Look) Condition {
	if r.Absent > 0 && !f.Last.IsZero() {
		heard := f.Last
		if look.Since.After(heard) {
			heard = look.Since
		}
		if look.At.Sub(heard) > r.Absent.Std() {
			return Silent
		}
	}
	switch {
	case !f.Known:
		return Unknown
	case r.Comparison.Holds(f.Value, *r.Threshold):
		return Breached
	case *r.Clear == *r.Threshold, f.Value == *r.Clear, r.Comparison.Rising() == (f.Value < *r.Clear):
		return Fine
	}
	return Between
}

// ID names the alert of a rule about a series. That of a source does not hang on its type and host: it may move.
func ID(rule string, scope api.MetricScope, s api.Series) string {
	if scope == api.MetricsOfSource {
		s.Type, s.Host = "", ""
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{rule, string(scope), s.Metric, string(s.Kind), s.ID, s.Type, s.Host}, "/")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15])) // 24 characters
}

// Covers tells whether an alert is about something that the rule, as it is now, is about.
func Covers(r *api.AlertRule, a *api.Alert) bool {
	s, of := a.Series, r.Selector()
	return !r.Disabled && a.Scope == of.Scope && s.Metric == of.Metric && s.Kind == of.Kind &&
		(of.ID == "" || of.ID == s.ID) && (of.Type == "" || of.Type == s.Type) && (of.Host == "" || of.Host == s.Host)
}
