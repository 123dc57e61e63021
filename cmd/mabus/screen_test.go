package main

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/job/run"
)

// TestRate: a steady stream is shown at its rate from the first look on, and the time left follows from it.
func TestRate(t *testing.T) {
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := rate{begun: begun}
	if _, ok := r.eta(10); ok {
		t.Error("an ETA of nothing")
	}
	for i := 1; i <= 300; i++ {
		r.add(begun.Add(time.Duration(i)*100*time.Millisecond), i*10)
		if r.perSecond < 99 || r.perSecond > 101 {
			t.Fatalf("%g/s after %d looks, want 100", r.perSecond, i)
		}
	}
	if left, ok := r.eta(1000); !ok || left != 10*time.Second {
		t.Errorf("ETA %s, want 10s", left)
	}
	for i := 301; i <= 900; i++ { // it stalls for a minute
		r.add(begun.Add(time.Duration(i)*100*time.Millisecond), 3000)
	}
	if r.perSecond > 0.1 {
		t.Errorf("%g/s after a minute of nothing", r.perSecond)
	}
	if left, ok := r.eta(1_000_000); ok {
		t.Errorf("ETA %s is a guess", left)
	}
	r.add(begun, 3000) // a clock that goes back does no harm
}

func TestProgress(t *testing.T) {
	r := &rate{perSecond: 2}
	for _, tt := range []struct {
		st   run.Stats
		want string
	}{
		{run.Stats{}, "0/0+ done, 0 failed, 2/s, ETA -"},
		{run.Stats{Planned: 10, Done: 3, Failed: 1}, "4/10+ done, 1 failed, 2/s, ETA -"},
		{run.Stats{Planned: 10, Done: 3, Failed: 1, Complete: true}, "4/10 done, 1 failed, 2/s, ETA 3s"},
	} {
		if got := progress(tt.st, r); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		if got := len([]rune(bar(tt.st))); got != barWidth+len("\x1b[32m\x1b[2m\x1b[0m") {
			t.Errorf("the bar of %+v is %d wide", tt.st, got)
		}
	}
}
