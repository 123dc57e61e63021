package reputation_test

import (
	"fmt"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

func TestPenalties(t *testing.T) {
	// The reference: 0.4 becomes 0.1, and 0.7 becomes 0.6.
	w := newWorld()
	for range 6 {
		w.must(t, plain("low", 250_000))
	}
	for range 10 {
		w.must(t, plain("high", 750_000))
	}
	for _, row := range []struct {
		agent, violation string
		cost             api.Decimal
	}{
		{"low", "quality_fraud", 300_000},
		{"high", "task_abandonment", 100_000},
		{"high", "effort_manipulation", 250_000},
		{"x", "collusion_detected", 200_000},
		{"x", "performance_failure", 150_000},
		{"x", "anything", 50_000},
	} {
		before := w.score(row.agent, "")
		score, err := w.penalise(row.agent, row.violation, row.violation+"-1")
		if err != nil || score != before-row.cost || w.score(row.agent, "") != score || w.score(row.agent, "other") != 500_000-w.of(row.agent, "").Penalty {
			t.Errorf("%s of %s: %v after %v, %v", row.violation, row.agent, score, before, err)
		}
	}
}

func TestTheReferencesPenalties(t *testing.T) {
	for _, row := range []struct {
		quality       api.Decimal
		records       int
		before, after api.Decimal
		violation     string
	}{
		{200_000, 1, 400_000, 100_000, "quality_fraud"},
		{api.One, 1, 666_667, 566_667, "task_abandonment"},
		{0, 3, 206_079, 0, "quality_fraud"}, // never below 0
	} {
		w := newWorld()
		for range row.records {
			w.must(t, plain("a", row.quality))
		}
		if got := w.score("a", ""); got != row.before {
			t.Errorf("%v before, want %v", got, row.before)
		}
		if got, err := w.penalise("a", row.violation, "v"); got != row.after || err != nil {
			t.Errorf("%v after, want %v: %v", got, row.after, err)
		}
	}
}

// A penalty is not wiped out by the next record.
func TestAPenaltyStays(t *testing.T) {
	w := newWorld()
	w.must(t, plain("a", 600_000))
	before, err := w.penalise("a", "quality_fraud", "v")
	if err != nil {
		t.Fatal(err)
	}
	w.must(t, plain("a", 600_000))
	if got := w.score("a", ""); got < before || got > before+20_000 {
		t.Errorf("%v after %v", got, before)
	}
}

func TestAViolationCostsOnce(t *testing.T) {
	w := newWorld()
	if _, err := w.penalise("a", "x", "violation/1"); err != nil {
		t.Fatal(err)
	}
	before := w.of("a", "")
	if _, err := w.penalise("a", "quality_fraud", "violation/1"); api.CodeOf(err) != api.Conflict || api.ReasonOf(err) != api.ReasonAlreadyPenalised {
		t.Errorf("%v", err)
	}
	if after := w.of("a", ""); after.Score != before.Score || after.Version != before.Version {
		t.Errorf("%+v after %+v", after, before)
	}
	for _, bad := range [][2]string{{"", "v"}, {"a b", "v"}, {"a", ""}} {
		if _, err := w.penalise(bad[0], "x", bad[1]); api.CodeOf(err) != api.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for i := range 5 * api.MaxReputationPenalties {
		if _, err := w.penalise("a", "x", fmt.Sprint("w", i)); err != nil {
			t.Fatal(err)
		}
	}
	_, penalties := w.Draft().History("a", "", 1000)
	if len(penalties) != api.MaxReputationPenalties || penalties[0].Ref != fmt.Sprint("w", 5*api.MaxReputationPenalties-1) {
		t.Errorf("%d penalties, the last %+v", len(penalties), penalties[0])
	}
	if p := w.of("a", ""); p.Score != 0 || p.Penalty != 4*api.One {
		t.Errorf("%+v", p)
	}
}
