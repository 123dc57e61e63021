package view_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
)

// follow feeds a view with deltas of one source.
type follow struct {
	*view.View
	number uint64
}

func newFollow(truncated bool) *follow {
	v := view.New(view.Config{})
	v.Begin(begin, truncated)
	return &follow{View: v}
}

func (f *follow) hear(after time.Duration, incarnation string, seqs ...uint64) {
	f.number++
	b := &journal.Batch{Head: journal.Head{Number: f.number}}
	for _, seq := range seqs {
		b.Deltas = append(b.Deltas, journal.Delta{Source: "s", Incarnation: incarnation, Seq: seq, Interval: time.Second})
	}
	f.Apply("r", begin.Add(after), b)
}

func (f *follow) lost(t interface{ Fatalf(string, ...any) }, after time.Duration) uint64 {
	status, list, _ := f.Sources(begin.Add(after), "", 10)
	if len(list) != 1 {
		t.Fatalf("%d sources", len(list))
	}
	if list[0].Lost != status.LostIntervals && after < time.Hour {
		t.Fatalf("the source has lost %d, all together %d", list[0].Lost, status.LostIntervals)
	}
	if (status.LostIntervals > 0) != !status.LostSince.IsZero() {
		t.Fatalf("lost %d since %s", status.LostIntervals, status.LostSince)
	}
	return list[0].Lost
}

func TestGapsAreLosses(t *testing.T) {
	for name, c := range map[string]struct {
		seqs []uint64 // one a second
		lost uint64
	}{
		"none":            {[]uint64{1, 2, 3, 4, 5, 6, 7}, 0},
		"one":             {[]uint64{1, 2, 4, 5, 6, 7, 8}, 1},
		"several":         {[]uint64{1, 2, 10, 11, 12, 13, 14}, 7},
		"late":            {[]uint64{1, 2, 4, 3, 5, 6, 7}, 0},
		"late in a gap":   {[]uint64{1, 2, 6, 4, 7, 8, 9}, 2},
		"the first ones":  {[]uint64{3, 4, 5, 6, 7}, 0}, // were before the log
		"repeated":        {[]uint64{1, 2, 2, 3, 3, 4, 5}, 0},
		"numbered anew":   {[]uint64{1, 2, 1 << 40, 1<<40 + 1, 1<<40 + 2, 1<<40 + 3}, 0},
		"very late":       {[]uint64{1, 2, 4, 5, 6, 7, 8, 3}, 0},
		"not yet certain": {[]uint64{1, 2, 3, 5}, 0},
	} {
		f := newFollow(false)
		at := time.Duration(0)
		for _, seq := range c.seqs {
			at += time.Second
			f.hear(at, "i", seq)
		}
		if got := f.lost(t, at); got != c.lost {
			t.Errorf("%s: %d lost, want %d", name, got, c.lost)
		}
	}
}

func TestWhatIsOvertakenIsNotTakenForARepetition(t *testing.T) {
	f := newFollow(false)
	f.hear(0, "i", 3) // the first that is heard of the source
	for seq, seen := range map[uint64]bool{1: false, 2: false, 3: true, 4: false} {
		if got := f.Seen(&journal.Delta{Source: "s", Incarnation: "i", Seq: seq}); got != seen {
			t.Errorf("%d: seen is %v", seq, got)
		}
	}
	f.hear(0, "i", 1, 2)
	f.hear(10*time.Second, "i", 4)
	if got := f.lost(t, 10*time.Second); got != 0 {
		t.Errorf("%d lost", got)
	}
	if !f.Seen(&journal.Delta{Source: "s", Incarnation: "i", Seq: 1}) {
		t.Error("what has come is not seen")
	}
}

func TestTheFirstNumbersOfALaterSourceAreMissed(t *testing.T) {
	f := newFollow(true)
	f.hear(time.Minute, "i", 3)
	f.hear(time.Minute+3*time.Second, "i", 4)
	if got := f.lost(t, 2*time.Minute); got != 2 {
		t.Errorf("%d lost, want 2", got)
	}
}

func TestEachIncarnationHasNumbersOfItsOwn(t *testing.T) {
	f := newFollow(false)
	f.hear(30*time.Second, "i", 1, 2, 4)
	f.hear(31*time.Second, "j", 1)
	f.hear(32*time.Second, "j", 2)
	if got := f.lost(t, 32*time.Second); got != 1 {
		t.Errorf("%d lost, want 1", got)
	}
	f.hear(33*time.Second, "i", 3) // by a replica that has gathered for long
	f.hear(34*time.Second, "j", 3)
	f.hear(37*time.Second, "j", 4)
	if got := f.lost(t, 37*time.Second); got != 1 {
		t.Errorf("a word of the past has made it %d lost", got)
	}
	for _, c := range []struct {
		incarnation string
		seq         uint64
		seen        bool
	}{{"j", 1, true}, {"j", 4, true}, {"j", 5, false}, {"i", 1, false}} {
		if got := f.Seen(&journal.Delta{Source: "s", Incarnation: c.incarnation, Seq: c.seq}); got != c.seen {
			t.Errorf("%s %d: seen is %v", c.incarnation, c.seq, got)
		}
	}
}

func TestLossesAreToldForAnHour(t *testing.T) {
	f := newFollow(false)
	f.hear(0, "i", 1, 3)
	for s := range 3700 {
		f.hear(time.Duration(s+1)*time.Second, "i", uint64(s+4))
		status, _, _ := f.Sources(begin.Add(time.Duration(s+1)*time.Second), "", 1)
		if want := uint64(1); s > 3 && s < 3590 && status.LostIntervals != want {
			t.Fatalf("after %ds %d are lost", s, status.LostIntervals)
		}
	}
	if status, list, _ := f.Sources(begin.Add(3700*time.Second), "", 1); status.LostIntervals != 0 || list[0].Lost != 1 {
		t.Errorf("after an hour: %d in the status, %d of the source", status.LostIntervals, list[0].Lost)
	}
}

// Of numbers that come in any order within the grace, exactly those that never come are lost.
func TestWhatNeverComesIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFollow(false)
		n := rapid.IntRange(1, 40).Draw(t, "deltas")
		type arrival struct {
			seq uint64
			at  time.Duration
		}
		var list []arrival
		lost := uint64(0)
		for seq := 1; seq <= n; seq++ {
			if seq < n && rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				lost++
				continue
			}
			late := time.Duration(rapid.IntRange(0, 1900).Draw(t, "ms")) * time.Millisecond
			list = append(list, arrival{uint64(seq), 5*time.Second + time.Duration(seq)*time.Second + late})
		}
		for at := time.Duration(0); at < time.Duration(n+10)*time.Second; at += 100 * time.Millisecond {
			for _, a := range list {
				if a.at >= at && a.at < at+100*time.Millisecond {
					f.hear(at, "i", a.seq)
				}
			}
		}
		f.hear(time.Duration(n+20)*time.Second, "i", uint64(n+1))
		if got := f.lost(t, time.Duration(n+20)*time.Second); got != lost {
			t.Fatalf("%d lost, want %d of %v", got, lost, list)
		}
	})
}

func TestSourcesComeInPages(t *testing.T) {
	v := view.New(view.Config{})
	v.Begin(begin, false)
	b := &journal.Batch{Head: journal.Head{Number: 1}}
	for _, name := range []string{"c", "a", "b"} {
		b.Deltas = append(b.Deltas, journal.Delta{Source: name, Incarnation: "i", Seq: 1, Interval: time.Second, Dropped: 5})
	}
	v.Apply("r", begin, b)
	_, list, next := v.Sources(begin, "", 2)
	if len(list) != 2 || list[0].Source != "a" || next != "b" || list[0].Dropped != 5 || list[0].Interval != api.Duration(time.Second) {
		t.Errorf("got %+v, then %q", list, next)
	}
	_, list, next = v.Sources(begin, next, 2)
	if len(list) != 1 || list[0].Source != "c" || next != "" {
		t.Errorf("got %+v, then %q", list, next)
	}
}
