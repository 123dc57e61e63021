package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

func TestGap(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", add("x", 1))
	l.do("a", add("x", 1))
	want := snapshot(t, l.e)
	for _, seq := range []uint64{0, 1, 2, 4, 1 << 63} {
		if _, err := l.e.Apply(engine.Entry{Seq: seq, Time: l.now, Data: l.batch("a").Append(nil)}); !errors.Is(err, engine.ErrGap) {
			t.Errorf("entry %d after 2: %v", seq, err)
		}
	}
	if string(snapshot(t, l.e)) != string(want) {
		t.Error("a gap has changed something")
	}
	if _, err := engine.New(counter()).Apply(l.entries[1]); !errors.Is(err, engine.ErrGap) {
		t.Errorf("entry 2 first: %v", err)
	}
}

func TestGarbageChangesNothingButTheChain(t *testing.T) {
	l := newTape(t, counter())
	first := l.raw([]byte("hello"))
	if first.Skipped != engine.SkipJunk || l.e.Log() != "" {
		t.Errorf("junk as the first entry: %+v, log %q", first, l.e.Log())
	}
	l.do("a", add("x", 1), alarm("tea", begin.Add(time.Second)))
	hash := l.e.Hash()
	l.after(time.Minute)
	foreignLog, foreignMachine := l.batch("b", add("x", 1)), l.batch("b", add("x", 1))
	foreignLog.Log, foreignMachine.Machine = "M", "other"
	for what, c := range map[string]struct {
		data []byte
		want engine.SkipReason
	}{
		"text":            {[]byte("hello"), engine.SkipJunk},
		"nothing":         {nil, engine.SkipJunk},
		"cut":             {l.batch("b", add("x", 1)).Append(nil)[:60], engine.SkipJunk},
		"with more":       {append(l.batch("b", add("x", 1)).Append(nil), 0), engine.SkipJunk},
		"other log":       {foreignLog.Append(nil), engine.SkipForeign},
		"another machine": {foreignMachine.Append(nil), engine.SkipForeign},
	} {
		a := l.raw(c.data)
		if a.Skipped != c.want || a.Replies != nil || a.Fired != 0 {
			t.Errorf("%s: %+v", what, a)
		}
		if l.e.Hash() == hash {
			t.Errorf("%s does not count in the chain", what)
		}
		hash = l.e.Hash()
	}
	if s := l.e.State(); s.Values["x"] != 1 || !l.e.Time().Equal(begin) || len(l.e.Members()) != 1 {
		t.Errorf("garbage has changed something: %+v at %s, %v", s, l.e.Time(), l.e.Members())
	}
	l.replay(counter())
}

func TestBatchesAreCarriedOutOnceInOrder(t *testing.T) {
	l := newTape(t, counter())
	first := l.batch("a", add("x", 1))
	second := l.batch("a", add("x", 10))
	third := l.batch("a", add("x", 100))
	for _, b := range []*engine.Batch{second, third} { // as if they had seen the first
		b.Applied, b.AppliedTime = 1, begin
	}
	for i, step := range []struct {
		batch *engine.Batch
		want  engine.SkipReason
		value int64
	}{
		{first, "", 1},
		{first, engine.SkipRepeated, 1},
		{third, engine.SkipNumber, 1},
		{second, "", 11},
		{third, "", 111},
		{second, engine.SkipRepeated, 111},
		{third, engine.SkipRepeated, 111},
	} {
		a := l.append(step.batch)
		if a.Skipped != step.want || l.e.State().Values["x"] != step.value || (a.Replies == nil) != (step.want != "") {
			t.Errorf("step %d: skipped %q, x is %d; want %q, %d", i, a.Skipped, l.e.State().Values["x"], step.want, step.value)
		}
	}
	stranger := l.batch("b", add("x", 1))
	stranger.Number = 2
	if a := l.append(stranger); a.Skipped != engine.SkipUnknown {
		t.Errorf("a writer that begins with 2: %q", a.Skipped)
	}
	l.replay(counter())
}

func TestStaleByEntries(t *testing.T) {
	for _, lag := range []int{engine.MaxLag, engine.MaxLag + 1} {
		l := newTape(t, counter())
		l.do("a")
		slow := l.batch("b", add("x", 1))
		for range lag - 1 {
			l.do("a")
		}
		a := l.append(slow)
		if want := lag > engine.MaxLag; (a.Skipped == engine.SkipStale) != want || a.Contradicts {
			t.Errorf("%d entries behind: %+v", lag, a)
		}
	}
}

func TestStaleByTime(t *testing.T) {
	for _, late := range []time.Duration{engine.MaxStale, engine.MaxStale + 1} {
		l := newTape(t, counter())
		l.do("a")
		slow := l.batch("b", add("x", 1))
		l.after(late).do("a")
		a := l.append(slow)
		if want := late > engine.MaxStale; (a.Skipped == engine.SkipStale) != want {
			t.Errorf("%s behind: %q", late, a.Skipped)
		}
		if a := l.after(time.Hour).do("a", add("x", 1)); a.Skipped != "" {
			t.Errorf("an entry that is late only because nobody wrote before it: %q", a.Skipped)
		}
	}
}

// TestForgottenWriters has every batch of a writer come again, after it was forgotten: none is carried out, whatever happened since.
func TestForgottenWriters(t *testing.T) {
	for name, between := range map[string]func(l *tape){
		"others go on": func(l *tape) {
			for range 30 {
				l.after(10 * time.Second).do("a")
			}
		},
		"nobody writes":           func(l *tape) { l.after(time.Hour) },
		"nobody writes but one":   func(l *tape) { l.after(engine.ForgetTime + 1).do("a") },
		"one writes just before":  func(l *tape) { l.after(engine.ForgetTime).do("a"); l.after(1) },
		"one writes in between":   func(l *tape) { l.after(engine.MaxStale).do("a"); l.after(engine.MaxStale + 1) },
		"junk comes just before":  func(l *tape) { l.after(engine.ForgetTime + 1).raw(nil) },
		"its own batch hung":      func(l *tape) { l.after(engine.MaxStale) },
		"two silences, two ticks": func(l *tape) { l.after(time.Hour).do("a"); l.after(time.Hour).do("a") },
	} {
		t.Run(name, func(t *testing.T) {
			l := newTape(t, counter())
			l.do("a")
			old := []*engine.Batch{l.batch("w", add("x", 1))}
			l.append(old[0])
			old = append(old, l.batch("w", add("x", 1)))
			l.append(old[1])
			between(l)
			for range 3 {
				for _, b := range old {
					if a := l.append(b); a.Skipped == "" {
						t.Fatalf("batch %d of a writer was carried out again at %s", b.Number, l.now.Sub(begin))
					}
				}
				l.after(time.Millisecond)
			}
			if x := l.e.State().Values["x"]; x != 2 {
				t.Errorf("x is %d", x)
			}
			l.replay(counter())
		})
	}
}

func TestForgottenWriterBeginsAnew(t *testing.T) {
	l := newTape(t, counter())
	l.do("w", add("x", 1))
	l.do("a")
	l.after(engine.ForgetTime + 1).do("a")
	if a := l.append(l.batch("w", add("x", 1))); a.Skipped != engine.SkipUnknown {
		t.Errorf("its next batch: %q", a.Skipped)
	}
	if len(l.e.Members()) != 1 {
		t.Errorf("members %v", l.e.Members())
	}
	if a := l.do("w2", add("x", 1)); a.Skipped != "" || l.e.State().Values["x"] != 2 {
		t.Errorf("under a new id: %+v", a)
	}
}

func TestAheadOfTheLog(t *testing.T) {
	l := newTape(t, counter())
	l.do("a")
	b := l.batch("b", add("x", 1))
	b.Applied = 2
	if a := l.append(b); a.Skipped != engine.SkipAhead {
		t.Errorf("a writer that has seen entry 2 before it was there: %q", a.Skipped)
	}
}

func TestContradiction(t *testing.T) {
	l := newTape(t, counter())
	l.do("a", add("x", 1))
	l.do("a", add("x", 1))
	b := l.batch("b", add("x", 1))
	b.Claim[31]++
	if a := l.append(b); !a.Contradicts || a.Skipped != "" || l.e.State().Values["x"] != 3 {
		t.Errorf("a batch with another hash: %+v", a)
	}
	if a := l.do("b", add("x", 1)); a.Contradicts {
		t.Error("a batch with our hash contradicts")
	}
	slow := l.batch("c", add("x", 1))
	for range 20 {
		l.do("b")
	}
	if a := l.append(slow); a.Contradicts {
		t.Error("an older claim that was right contradicts")
	}
	if _, ok := l.e.HashAt(l.e.Seq() + 1); ok {
		t.Error("the hash of an entry to come is known")
	}
	if h, ok := l.e.HashAt(0); !ok || h != [32]byte{} {
		t.Errorf("the hash before the first entry: %x, %v", h, ok)
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	l := newTape(t, counter())
	l.do("a")
	l.now = begin.Add(-time.Hour)
	a := l.do("a", alarm("x", begin))
	if !a.Time.Equal(begin) || !l.e.Time().Equal(begin) || l.e.Time().Location() != time.UTC {
		t.Errorf("time %s, %s", a.Time, l.e.Time())
	}
	for _, at := range []time.Time{{}, time.Unix(1<<60, 0), time.Unix(-1<<60, 0)} { // no overflow
		l.now = at
		l.do("a", add("x", 1))
	}
	if s := l.e.State().Values["x"]; s < 1 {
		t.Errorf("x is %d", s)
	}
	l.replay(counter())
}
