package episode_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
)

var damping = episode.Damping{Changes: 4, Window: 100 * time.Second, Quiet: 50 * time.Second}

// scene is one series under one rule, looked at second by second.
type scene struct {
	rule    *api.AlertRule
	watch   episode.Watch
	alert   *api.Alert
	log     []string
	times   []time.Time
	damping episode.Damping
}

// look takes a look at a figure; none without one.
func (s *scene) look(seconds float64, figures ...episode.Figure) string {
	look := &episode.Look{At: at(seconds), Since: at(-1000), Figures: figures}
	return s.decide(s.watch.Step(s.rule, look, s.active()))
}

func (s *scene) active() []*api.Alert {
	if s.alert != nil && s.alert.Status == api.AlertActive {
		return []*api.Alert{s.alert}
	}
	return nil
}

func (s *scene) decide(found []episode.Finding) string {
	happened := ""
	for i := range found {
		next, event := episode.Decide(s.alert, &found[i], s.damping)
		if s.alert = next; event != "" {
			happened = event
			s.log, s.times = append(s.log, event), append(s.times, found[i].At)
		}
	}
	return happened
}

func TestAnEpisode(t *testing.T) {
	s := &scene{damping: damping, rule: rule(func(r *api.AlertRule) {
		r.Clear, r.For, r.Severity = measure(8), api.Duration(3*time.Second), api.SeverityCritical
		r.Route = &api.AlertRoute{Subject: "ops"}
	})}
	for i, c := range []struct {
		v    float64
		want string
	}{
		{11, ""}, {11, ""}, {9, ""}, {11, ""}, {12, ""}, {12, ""}, {13, episode.Raised}, {20, ""}, {9, ""}, {8, episode.Cleared}, {7, ""}, {9, ""},
	} {
		if got := s.look(float64(i), of("a", c.v)); got != c.want {
			t.Errorf("second %d, %v: got %q, want %q", i, c.v, got, c.want)
		}
	}
	a := s.alert
	if a.Episode != 1 || !a.RaisedAt.Equal(at(6)) || !a.ClearedAt.Equal(at(9)) || a.End != api.EndRecovered || a.Severity != api.SeverityCritical || a.Route.Subject != "ops" || *a.Value != 8 {
		t.Errorf("got %+v", a)
	}
	if a.Message != "mean of m of agent a is 8 again" {
		t.Errorf("message %q", a.Message)
	}
	if s.look(100, of("a", 2345678.9)); s.look(103, of("a", 2345678.9)) != episode.Raised || s.alert.Message != "mean of m of agent a is 2346000, above 10" {
		t.Errorf("message %q", s.alert.Message)
	}
}

func TestMissingDataRaisesNothingAndEndsNothing(t *testing.T) {
	s := &scene{damping: damping, rule: rule(func(r *api.AlertRule) { r.For = api.Duration(2 * time.Second) })}
	s.look(0, of("a", 11))
	s.look(1)
	s.look(2, of("a", 11)) // the condition did not hold without a break
	if got := s.look(3, of("a", 11)); got != "" {
		t.Fatalf("got %q", got)
	}
	if got := s.look(4, of("a", 11)); got != episode.Raised {
		t.Fatalf("got %q", got)
	}
	for i := range 1000 {
		if got := s.look(float64(5 + i)); got != "" {
			t.Fatalf("after %d seconds without a figure: %q", i, got)
		}
	}
	if got := s.look(5 + 25*3600); got != episode.Cleared || s.alert.End != api.EndForgotten {
		t.Fatalf("after a day: %q %+v", got, s.alert)
	}
}

func TestSilence(t *testing.T) {
	s := &scene{damping: damping, rule: rule(func(r *api.AlertRule) { r.Absent = api.Duration(10 * time.Second) })}
	heard := func(v, last float64, known bool) episode.Figure {
		f := of("a", v)
		f.Last, f.Known = at(last), known
		return f
	}
	if got := s.look(1, heard(1, 1, true)); got != "" {
		t.Fatal(got)
	}
	if got := s.look(12, heard(0, 1, false)); got != episode.Raised || !s.alert.Absent || s.alert.Value != nil || s.alert.Message != "agent a has not reported m for more than 10s" {
		t.Fatalf("%q %+v", got, s.alert)
	}
	if got := s.look(13, heard(20, 13, true)); got != "" || s.alert.Absent || *s.alert.Value != 20 {
		t.Fatalf("it speaks, and what it says is bad: %q %+v", got, s.alert)
	}
	if got := s.look(14, heard(1, 14, true)); got != episode.Cleared {
		t.Fatal(got)
	}
	s.rule.Clear = measure(8)
	if got := s.look(300, heard(0, 14, false)); got != episode.Raised {
		t.Fatal(got)
	}
	if got := s.look(301, heard(9, 301, true)); got != episode.Cleared {
		t.Fatalf("it speaks, and its figure has raised nothing: %q", got)
	}
}

// However often somebody ends what comes again, the record does not grow.
func TestWhatIsEndedByHandFlapsAsWell(t *testing.T) {
	s := &scene{damping: damping, rule: rule(nil)}
	for i := range 20 {
		want := episode.Raised
		if i >= damping.Changes-1 {
			want = episode.Flapping
		}
		if got := s.look(float64(2*i), of("a", 11)); got != want || len(s.alert.Changes) > damping.Changes {
			t.Fatalf("time %d: %q %v", i, got, s.alert.Changes)
		}
		s.alert, _ = episode.End(s.alert, at(float64(2*i+1)), api.EndByHand)
	}
}

func TestASourceThatHasMovedIsOne(t *testing.T) {
	s := &scene{damping: damping, rule: rule(nil)}
	old, now := of("a", 50), of("a", 1)
	old.Series.Host, now.Series.Host = "h1", "h2"
	old.Last, now.Last = at(0), at(5)
	s.look(4, old)
	if got := s.look(5, old, now); got != episode.Cleared || s.alert.Series.Host != "h2" {
		t.Errorf("%q %+v", got, s.alert)
	}
}

func TestFlapping(t *testing.T) {
	s := &scene{damping: damping, rule: rule(nil)}
	for i, want := range []string{episode.Raised, episode.Cleared, episode.Raised, episode.Flapping, "", "", "", ""} {
		if got := s.look(float64(i), of("a", []float64{11, 9}[i%2])); got != want {
			t.Fatalf("change %d: got %q, want %q", i, got, want)
		}
	}
	if !s.alert.Flapping || s.alert.Status != api.AlertActive {
		t.Fatalf("got %+v", s.alert)
	}
	steady := *s
	for i := range 49 {
		if got := s.look(float64(8+i), of("a", 9)); got != "" {
			t.Fatalf("after %d seconds: %q", i, got)
		}
	}
	if got := s.look(57, of("a", 9)); got != episode.Cleared || s.alert.Flapping {
		t.Fatalf("after its quiet: %q", got)
	}
	if got := s.look(60, of("a", 11)); got != episode.Raised {
		t.Errorf("later: %q", got)
	}
	for i := range 49 {
		steady.look(float64(8+i), of("a", 11))
	}
	if got := steady.look(58, of("a", 11)); got != episode.Steadied || steady.alert.Flapping || steady.alert.Status != api.AlertActive {
		t.Errorf("what stands is no flapping: %q", got)
	}
}

// Many replicas look at the same log at times of their own, some of them late, and write the same record one after another.
func TestOneRaiseForOneEpisode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scene{damping: episode.Damping{Changes: rapid.IntRange(2, 4).Draw(t, "changes"), Window: 20 * time.Second, Quiet: 6 * time.Second}, rule: rule(func(r *api.AlertRule) {
			r.Clear = measure(8)
			r.For = api.Duration(rapid.IntRange(0, 2).Draw(t, "for")) * api.Duration(time.Second)
		})}
		var values []float64
		for len(values) < 200 {
			v := rapid.SampledFrom([]float64{0, 8, 9, 10, 11, 20}).Draw(t, "value")
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 3, 9}).Draw(t, "for") {
				values = append(values, v)
			}
		}
		var busy [3]int // until when
		replicas := make([]episode.Watch, rapid.IntRange(1, 3).Draw(t, "replicas"))
		for now := range values {
			for _, r := range rapid.Permutation([]int{0, 1, 2}[:len(replicas)]).Draw(t, "order") {
				if now < busy[r] { // it looks later, and does not know what it has missed
					continue
				}
				busy[r] = now + rapid.SampledFrom([]int{0, 0, 0, 2, 7}).Draw(t, "busy")
				seen := max(now-rapid.IntRange(0, 3).Draw(t, "lag"), 0) // what the replica has read of the log
				if rapid.IntRange(0, 20).Draw(t, "dies") == 0 {
					replicas[r] = episode.Watch{}
				}
				active := s.active() // its copy, which decides nothing
				before := s.alert
				s.decide(replicas[r].Step(s.rule, &episode.Look{At: at(float64(seen)), Figures: []episode.Figure{of("a", values[seen])}}, active))
				if a := s.alert; a != before && before != nil && !a.JudgedAt.After(before.JudgedAt) {
					t.Fatalf("what was decided at %s is changed by what was at %s", before.JudgedAt, a.JudgedAt)
				}
			}
		}
		check(t, &s)
	})
}

// check says what holds of every history.
func check(t *rapid.T, s *scene) {
	damping := s.damping
	up, flapping, episodes := false, false, uint64(0)
	var quiet time.Time // of the last event, while it flaps
	var sent []time.Time
	for i, e := range s.log {
		switch e {
		case episode.Raised:
			if up {
				t.Fatalf("raised twice without an end: %v", s.log)
			}
			up, episodes = true, episodes+1
		case episode.Flapping:
			if !up {
				episodes++
			}
			up, flapping, quiet = true, true, s.times[i]
		case episode.Cleared, episode.Steadied:
			if !up || e == episode.Steadied && !flapping {
				t.Fatalf("%s what does not stand so: %v", e, s.log)
			}
			if flapping && s.times[i].Sub(quiet) < damping.Quiet {
				t.Fatalf("%s after %s of flapping", e, s.times[i].Sub(quiet))
			}
			up, flapping = e == episode.Steadied, false
		}
		if flapping && e != episode.Flapping {
			t.Fatalf("%s while it flaps: %v", e, s.log)
		}
		if e != episode.Steadied { // which nobody is sent
			sent = append(sent, s.times[i])
		}
		if n := len(sent) - 1 - damping.Changes; n >= 0 && sent[len(sent)-1].Sub(sent[n]) < damping.Quiet {
			t.Fatalf("%d events are sent within %s: %v", damping.Changes+1, sent[len(sent)-1].Sub(sent[n]), s.log)
		}
	}
	if s.alert != nil && (s.alert.Episode != episodes || len(s.alert.Changes) > damping.Changes || (s.alert.Status == api.AlertActive) != up) {
		t.Fatalf("%d episodes, and the record says %+v", episodes, s.alert)
	}
}
