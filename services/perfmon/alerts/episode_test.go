package alerts_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Three replicas look at the same log; each episode is raised once and ends once.
func TestOneOfThreeRaises(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, quick)
	w.add(t, func(r *api.AlertRule) { r.Severity = api.SeverityCritical })
	for _, id := range []string{"oven", "kiln"} {
		w.record(t, id, 1)
	}
	w.comes(t, "oven", 200, active, "it is raised")
	w.comes(t, "oven", 1, cleared, "it ends")
	a := w.comes(t, "oven", 300, inThe(2, active), "it is raised again")
	if a.Episode != 2 || a.Severity != api.SeverityCritical || a.Series.ID != "oven" || *a.Value <= 100 || a.Message == "" {
		t.Errorf("got %+v", a)
	}
	w.toldIs(t, "oven", raised, over, raised)
	if a := w.alert(t, "kiln"); a != nil {
		t.Errorf("nothing is wrong with the kiln: %+v", a)
	}
	natstest.Eventually(t, patience, func() bool { // as soon as the replica that is asked has read of it
		h, err := w.Health(t.Context())
		return err == nil && h.Alerts != nil && h.Alerts.Active == 1 && h.Alerts.Critical == 1 && h.Status == api.Unhealthy
	}, "the health has the alert")
}

// Who raised it dies, and nobody raises it again; it ends all the same.
func TestTheReplicaThatRaisedDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1, quick)
	w.add(t, nil)
	w.comes(t, "oven", 200, active, "it is raised")
	w.start(t, quick)
	w.start(t, quick)
	w.replicas[0].conn.NC.Close()
	for range 100 {
		w.record(t, "oven", 200)
	}
	a := w.comes(t, "oven", 1, cleared, "another replica ends it")
	if a.Episode != 1 {
		t.Errorf("got %+v", a)
	}
	w.toldIs(t, "oven", raised, over)
}

func TestMissingDataAndSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	w.add(t, nil)
	w.add(t, func(r *api.AlertRule) { r.ID, r.Source, r.Absent = "lost", "clock", api.Duration(5*time.Second) })
	w.comes(t, "oven", 200, active, "it is raised")
	w.record(t, "clock", 1)
	w.record(t, "clock", 1)
	natstest.Eventually(t, patience, func() bool { a := w.alert(t, "clock"); return a != nil && active(a) && a.Absent }, "the clock's silence is noticed")
	if a := w.alert(t, "oven"); !active(a) {
		t.Errorf("it has ended without a figure: %+v", a)
	}
	w.comes(t, "clock", 1, cleared, "it ticks again")
	w.toldIs(t, "clock", raised, over)
	// By hand, as for a source that is gone for good.
	id := w.alert(t, "oven").ID
	a, err := w.Alerts.Clear(t.Context(), id, "sold")
	if err != nil || a.Status != api.AlertCleared || a.End != api.EndByHand || a.Note != "sold" {
		t.Errorf("%v: got %+v", err, a)
	}
	_, err = w.Alerts.Clear(t.Context(), id, "")
	refused(t, err, api.FailedPrecondition, api.ReasonAlertNotActive)
}

func TestFlappingIsDamped(t *testing.T) {
	t.Parallel()
	cfg := quick
	cfg.Damping = episode.Damping{Changes: 3, Window: time.Minute, Quiet: 2 * time.Second}
	w := newWorld(t, 3, cfg)
	w.add(t, nil)
	w.comes(t, "oven", 200, active, "it is raised")
	w.comes(t, "oven", 1, cleared, "it ends")
	w.comes(t, "oven", 200, func(a *api.Alert) bool { return a.Flapping }, "it flaps")
	a := w.comes(t, "oven", 1, inThe(2, cleared), "it ends when it is quiet")
	if a.Flapping || a.ClearedAt.Sub(a.RaisedAt) < cfg.Damping.Quiet {
		t.Errorf("got %+v", a)
	}
	w.toldIs(t, "oven", raised, over, episode.Flapping, over)
}

func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, quick)
	w.add(t, nil)
	id := w.comes(t, "oven", 200, active, "it is raised").ID
	a, err := w.Alerts.Ack(t.Context(), id, "on my way")
	if err != nil || a.AckedBy != "ann" || a.Note != "on my way" || a.AckedAt.IsZero() {
		t.Fatalf("%v: got %+v", err, a)
	}
	if a := w.comes(t, "oven", 1, cleared, "it ends"); a.AckedBy != "ann" {
		t.Errorf("got %+v", a)
	}
	if a := w.comes(t, "oven", 200, inThe(2, active), "the next episode"); a.AckedBy != "" || a.Note != "" || !a.ClearedAt.IsZero() {
		t.Errorf("got %+v", a)
	}
	w.toldIs(t, "oven", raised, episode.Acknowledged, over, raised)
}

// A rule that is removed, disabled or about something else takes its alerts with it.
func TestAlertsEndWithTheirRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, quick)
	for i, change := range []func(r api.AlertRule) error{
		func(r api.AlertRule) error { return w.Alerts.RemoveRule(t.Context(), r.ID) },
		func(r api.AlertRule) error { r.Disabled = true; return w.set(t, r) },
		func(r api.AlertRule) error { r.Metric = "cold"; return w.set(t, r) },
	} {
		id := []string{"a", "b", "c"}[i]
		rule := *w.add(t, func(r *api.AlertRule) { r.ID, r.Source = "rule-"+id, id })
		w.comes(t, id, 200, active, "it is raised")
		if err := change(rule); err != nil {
			t.Fatal(err)
		}
		a := w.comes(t, id, 200, cleared, "it ends with its rule")
		if a.End != api.EndRule {
			t.Errorf("got %+v", a)
		}
		for range 50 {
			w.record(t, id, 200)
		}
		w.toldIs(t, id, raised, over)
	}
}

// set replaces a rule by what it was when it was read, changed.
func (w *world) set(t testing.TB, r api.AlertRule) error {
	v := r.Version
	r.Version, r.ChangedAt, r.ChangedBy, r.Revision = 0, time.Time{}, "", ""
	_, err := w.Alerts.SetRule(t.Context(), api.AlertRuleSetRequest{Rule: r, Version: &v})
	return err
}

func refused(t testing.TB, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got %v, want %s (%s)", err, code, reason)
	}
}
