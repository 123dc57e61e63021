package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
)

func TestPagesHaveEachSeriesOnce(t *testing.T) {
	r := newRig(t, view.Config{})
	for i := range 25 {
		r.record(agent(fmt.Sprintf("a%02d", i)), 1)
	}
	r.flush(0)
	seen, after := []string{}, ""
	for {
		list, next := r.page(t, latencies(""), after, 10)
		for i := range list {
			seen = append(seen, list[i].ID)
		}
		if after = next; next == "" {
			break
		}
	}
	if len(seen) != 25 {
		t.Fatalf("got %d: %v", len(seen), seen)
	}
	for i, id := range seen {
		if id != fmt.Sprintf("a%02d", i) {
			t.Errorf("number %d is %s", i, id)
		}
	}
}

func TestABatchCountsOnce(t *testing.T) {
	v := view.New(view.Config{})
	v.Begin(begin, false)
	b := &journal.Batch{Head: journal.Head{Number: 1}, Groups: []journal.Group{{Kind: api.SourceAgent, ID: "a", Series: []journal.Item{{Metric: "m", Sketch: encoded(1)}}}}}
	if !v.Apply("r", begin, b) || v.Apply("r", begin, b) {
		t.Error("a batch that was appended twice counts twice")
	}
	if !v.Apply("other", begin, b) {
		t.Error("another replica has numbers of its own")
	}
	if h := v.Held(); h.SourceSeries != 1 || h.Series != 1 {
		t.Errorf("held %+v", h)
	}
}

func TestWhatNobodyCanHaveWrittenIsLeftOut(t *testing.T) {
	v := view.New(view.Config{})
	v.Begin(begin, false)
	v.Apply("r", begin, &journal.Batch{Head: journal.Head{Number: 1}, Groups: []journal.Group{{Kind: api.SourceAgent, ID: "a", Series: []journal.Item{
		{Metric: "bad", Sketch: []byte{9, 9}}, {Metric: "none", Sketch: nil}, {Metric: "empty", Sketch: []byte{0}}, {Metric: "good", Sketch: encoded(1)},
	}}}})
	if h := v.Held(); h.Series != 1 {
		t.Errorf("held %+v", h)
	}
}

func TestSeriesAreBoundedAndSilentOnesGo(t *testing.T) {
	r := newRig(t, view.Config{MaxSeries: 30}) // with the aggregates, a source has four
	for i := range 20 {
		r.record(agent(fmt.Sprintf("a%d", i)), 1)
	}
	r.flush(0)
	h := r.Held()
	s := r.ask(time.Second, latencies(""), time.Minute)
	if h.Series > 30 || s.Status.RefusedSeries != 0 {
		t.Errorf("held %+v, refused %d", h, s.Status.RefusedSeries)
	}
	for i := range 20 {
		r.record(agent(fmt.Sprintf("b%d", i)), 1)
	}
	r.flush(20 * time.Second)
	if h := r.Held(); h.Series != 30 {
		t.Errorf("held %+v", h)
	}
	if s := r.ask(21*time.Second, latencies(""), time.Minute); s.Status.RefusedSeries != 13 {
		t.Errorf("refused %d", s.Status.RefusedSeries)
	}
	if fresh := agent("c"); r.Room(&fresh) {
		t.Error("there is room where there is none")
	}
	if old := agent("a1"); !r.Room(&old) {
		t.Error("one that is there has no room")
	}
	r.flush(2 * time.Hour)
	r.record(agent("new"), 1)
	r.flush(2*time.Hour + time.Second)
	if got := r.ask(2*time.Hour+time.Second, latencies("new"), time.Minute).Summaries(); len(got) != 1 {
		t.Errorf("silent ones made no room: %+v", r.Held())
	}
}

func TestALostReplicaIsNoticed(t *testing.T) {
	r := newRig(t, view.Config{})
	lost := func(after time.Duration) int { return r.ask(after, latencies(""), time.Minute).Status.LostReplicas }
	r.flushAs("dies", 0, 0)
	r.flushAs("ends", 0, journal.FlagLast)
	for s := range 20 {
		r.flush(time.Duration(s+1) * time.Second)
		if n := lost(time.Duration(s+1) * time.Second); n != 0 && s < 14 {
			t.Errorf("after %ds %d replicas are lost", s+1, n)
		}
	}
	if n := lost(20 * time.Second); n != 1 {
		t.Errorf("%d replicas are lost, want the one without a last word", n)
	}
	// A pause of the whole log is nobody's death.
	r.flush(100 * time.Second)
	r.flushAs("late", 101*time.Second, 0)
	r.flush(200 * time.Second)
	if n := lost(200 * time.Second); n != 0 {
		t.Errorf("right after a pause %d replicas are lost", n)
	}
	for s := range 3800 {
		r.flush(time.Duration(201+s) * time.Second)
	}
	if n := lost(4000 * time.Second); n != 0 {
		t.Errorf("after an hour %d replicas are still told of", n)
	}
}

func TestTooLargeAQuestionIsRefused(t *testing.T) {
	r := newRig(t, view.Config{})
	for i := range 20_000 {
		r.record(agent(fmt.Sprintf("a%d", i)), 1)
	}
	for s := range 290 {
		r.flush(time.Duration(s) * time.Second)
		r.record(agent("a1"), 1)
	}
	_, _, err := r.Select(view.Question{Selector: latencies(""), Time: api.MetricTime{Last: api.Duration(295 * time.Second)}, Now: begin.Add(290 * time.Second)})
	if api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonQueryTooLarge {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.Select(view.Question{Selector: latencies(""), Time: api.MetricTime{Last: api.Duration(295 * time.Second)}, Now: begin.Add(290 * time.Second), Limit: 100}); err != nil {
		t.Errorf("a page of it: %v", err)
	}
}

// A replica that starts recalls the minutes that others have written, and answers as if it had read all of the log.
func TestMinutesAreRecalled(t *testing.T) {
	r := newRig(t, view.Config{})
	for s := range 150 {
		r.record(agent("a"), float64(s+1))
		r.flush(time.Duration(s) * time.Second)
	}
	first := begin.Unix() / 60
	if r.LastMinute() != first+1 {
		t.Fatalf("the last minute is %d, want %d", r.LastMinute()-first, 1)
	}
	fresh := view.New(view.Config{})
	for m := first; m <= r.LastMinute(); m++ {
		minute := r.Minute(m)
		if minute == nil || minute.Len() != 4 {
			t.Fatalf("minute %d: %+v", m-first, minute)
		}
		var a journal.Assembler
		parts := minute.Write(77, 20)
		for i := len(parts) - 1; i >= 0; i-- {
			p, err := journal.Read(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			if b := a.Add("77", p); b != nil {
				fresh.Recall(b)
			}
		}
	}
	fresh.Begin(begin.Add(150*time.Second), true)
	s, _, err := fresh.Select(view.Question{Selector: latencies("a"), Time: api.MetricTime{Last: api.Duration(150 * time.Second)}, Now: begin.Add(150 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := s.One(); m.Count != 120 || m.Min != 1 || m.Max != 120 {
		t.Errorf("got %+v", m)
	}
}

func TestAMinuteThatWasNotReadAsAWholeIsNotWritten(t *testing.T) {
	v := view.New(view.Config{})
	v.Begin(begin.Add(30*time.Second), true)
	for s := range 40 {
		v.Apply("r", begin.Add(time.Duration(31+s)*time.Second), &journal.Batch{Head: journal.Head{Number: uint64(s + 1)}, Groups: []journal.Group{
			{Kind: api.SourceAgent, ID: "a", Series: []journal.Item{{Metric: "m", Sketch: encoded(1)}}},
		}})
	}
	if v.LastMinute() != begin.Unix()/60 {
		t.Fatal("the minute has not ended")
	}
	if v.Minute(begin.Unix()/60) != nil {
		t.Error("half a minute was given out as a whole one")
	}
}

func TestMessagesThatCameTooFastAreToldForAnHour(t *testing.T) {
	r := newRig(t, view.Config{})
	r.Apply("r1", begin, &journal.Batch{Head: journal.Head{Number: 1, Overrun: 7}})
	r.Apply("r2", begin.Add(5*time.Second), &journal.Batch{Head: journal.Head{Number: 1, Overrun: 3}})
	if got := r.ask(6*time.Second, latencies(""), time.Minute).Status.LostMessages; got != 10 {
		t.Errorf("%d are lost, want 10", got)
	}
	r.number = 1
	r.flush(2 * time.Hour)
	if got := r.ask(2*time.Hour, latencies(""), time.Minute).Status.LostMessages; got != 0 {
		t.Errorf("after two hours %d are told of", got)
	}
}
