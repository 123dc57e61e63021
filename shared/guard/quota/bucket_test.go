package quota_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/guard/quota"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// use is what a call really used, and when it was let through.
type use struct {
	at time.Duration
	n  int
}

// within checks the bound that the package states: in every span T, no more than limit × (depth + T) / minute. Each grant may
// have been a nanosecond too cheap.
func within(t *rapid.T, l quota.Limit, uses []use, slack time.Duration) {
	slices.SortFunc(uses, func(a, b use) int { return int(a.at - b.at) })
	for i := range uses {
		used := 0
		for j := i; j < len(uses); j++ {
			used += uses[j].n
			span := uses[j].at - uses[i].at + slack
			most := (float64(l.Depth()+span) + float64(j-i+1)) * float64(l.PerMinute) / float64(time.Minute)
			if float64(used) > most+1e-6 {
				t.Fatalf("%d uses within %s, at most %.3f of %d/min (burst %d) are allowed", used, span, most, l.PerMinute, l.Burst)
			}
		}
	}
}

// TestBound lets calls through that estimate too much, end whenever they like and give back what they did not use; some never
// end. Whatever happens, no span of time sees more than the bound.
func TestBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := quota.Limit{PerMinute: rapid.IntRange(1, 5000).Draw(t, "limit"), Burst: rapid.IntRange(0, 100).Draw(t, "burst")}
		most := int(l.Most())
		s, now := quota.New(start), time.Duration(0)
		type open struct {
			ticket quota.Ticket
			use    use
			est    int
		}
		var calls []open
		var uses []use
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			// All or nothing is where the bound is tight.
			some := time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "some"))
			now += rapid.SampledFrom([]time.Duration{0, some, l.Depth()}).Draw(t, "pass")
			s = s.Pass(start.Add(now))
			if len(calls) > 0 && rapid.Bool().Draw(t, "end") {
				i := rapid.IntRange(0, len(calls)-1).Draw(t, "which")
				c := calls[i]
				calls = slices.Delete(calls, i, i+1)
				c.use.n = rapid.SampledFrom([]int{0, c.est / 3, c.est}).Draw(t, "used")
				s = s.Settle(c.ticket, 0, c.use.n)
				uses = append(uses, c.use)
				continue
			}
			w := quota.Want{Rates: quota.Rates{Tokens: l}, Tokens: rapid.SampledFrom([]int{0, 1, (most + 1) / 2, most}).Draw(t, "want")}
			next, ticket, wait := s.Take(w)
			if wait > 0 {
				if early := s.Pass(start.Add(now + wait - 1)); rapid.Bool().Draw(t, "look") {
					if _, _, w := early.Take(w); w != 1 {
						t.Fatalf("a nanosecond before its turn a call has to wait %s", w)
					}
				}
				continue
			}
			s = next
			calls = append(calls, open{ticket, use{now, w.Tokens}, w.Tokens})
		}
		for _, c := range calls {
			uses = append(uses, c.use) // they used all that they asked for
		}
		within(t, l, uses, 0)
	})
}

// TestSkew is many hosts whose idea of the store's time is off by up to skew: together they get no more than skew's worth.
func TestSkew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := quota.Limit{PerMinute: rapid.IntRange(1, 600).Draw(t, "limit"), Burst: rapid.IntRange(1, 100).Draw(t, "burst")}
		const skew = 5 * time.Second
		off := rapid.SliceOfN(rapid.Int64Range(-int64(skew), int64(skew)), 1, 4).Draw(t, "clocks")
		s, now := quota.New(start), time.Duration(0)
		var uses []use
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			now += time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "pass"))
			s = s.Pass(start.Add(now + time.Duration(rapid.SampledFrom(off).Draw(t, "host"))))
			next, _, wait := s.Take(quota.Want{Rates: quota.Rates{Requests: l}, Requests: 1})
			if wait == 0 {
				s = next
				uses = append(uses, use{now, 1})
			}
		}
		within(t, l, uses, 2*skew)
	})
}

func TestBurst(t *testing.T) {
	for _, c := range []struct {
		perMinute, burst int
		atOnce, minute   int // let through at once, and in the sixty seconds from then, ends included
	}{
		{7, 0, 7, 14}, {7, 100, 7, 14}, {60, 50, 30, 90}, {60, 1, 1, 61}, {3, 10, 1, 4}, {1, 100, 1, 2}, {100_000, 100, 100_000, 200_000},
	} {
		w := quota.Want{Rates: quota.Rates{Requests: quota.Limit{PerMinute: c.perMinute, Burst: c.burst}}, Requests: 1}
		s := quota.New(start)
		atOnce, minute := 0, 0
		for at := start; !at.After(start.Add(time.Minute)); {
			next, _, wait := s.Take(w)
			if wait > 0 {
				at = s.At.Add(wait)
				s = s.Pass(at)
				continue
			}
			s = next
			minute++
			if at.Equal(start) {
				atOnce++
			}
		}
		if atOnce != c.atOnce || minute < c.minute || minute > c.minute+c.minute/100_000 {
			t.Errorf("%d/min burst %d: %d at once and %d in a minute, want %d and %d", c.perMinute, c.burst, atOnce, minute, c.atOnce, c.minute)
		}
		if got := w.Rates.Requests.Most(); got != int64(c.atOnce) {
			t.Errorf("%d/min burst %d: Most is %d, want %d", c.perMinute, c.burst, got, c.atOnce)
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	w := quota.Want{Rates: quota.Rates{Requests: quota.Limit{PerMinute: 60}}, Requests: 60}
	s, _, _ := quota.New(start).Take(w)
	s = s.Pass(start.Add(time.Second)).Pass(start.Add(-time.Hour)).Pass(start.Add(time.Second))
	if _, _, wait := s.Take(w); wait != 59*time.Second {
		t.Errorf("after a clock that went back for an hour and forth a call waits %s, want 59s", wait)
	}
}

// TestOtherLimit checks that lowering or raising a limit keeps which part of it is used.
func TestOtherLimit(t *testing.T) {
	of := func(n, uses int) quota.Want {
		return quota.Want{Rates: quota.Rates{Tokens: quota.Limit{PerMinute: n}}, Tokens: uses}
	}
	s, _, _ := quota.New(start).Take(of(100, 50))
	for limit, want := range map[int]int64{100: 50, 10: 5, 1000: 500} {
		if got := of(limit, 0).Rates.Tokens.Left(s.Tokens); got != want {
			t.Errorf("with half of 100 used, a limit of %d leaves %d, want %d", limit, got, want)
		}
	}
}

func TestTooMuch(t *testing.T) {
	r := quota.Rates{Tokens: quota.Limit{PerMinute: 1000, Burst: 10}}
	if w := (quota.Want{Rates: r, Tokens: 100}); !w.Possible() {
		t.Error("a call for all of the burst must be possible")
	}
	if w := (quota.Want{Rates: r, Tokens: 101}); w.Possible() {
		t.Error("a call for more than the burst is never possible")
	}
	s := quota.New(start)
	s, ticket, _ := s.Take(quota.Want{Rates: r, Tokens: 100})
	s = s.Settle(ticket, 0, 1_000_000_000) // more than asked for, by far
	if _, _, wait := s.Take(quota.Want{Rates: r}); wait <= 23*time.Hour || wait > 24*time.Hour {
		t.Errorf("the debt of a call that used too much is %s, want nearly 24h", wait)
	}
}

func TestTicketOfAnotherState(t *testing.T) {
	w := quota.Want{Rates: quota.Rates{Requests: quota.Limit{PerMinute: 60}}, Requests: 1}
	_, old, _ := quota.New(start).Take(w)
	s, _, _ := quota.New(start.Add(time.Second)).Take(w)
	if got := s.Settle(old, 0, 0); got != s {
		t.Errorf("a ticket of a state that is gone changed %v to %v", s, got)
	}
}

func TestPause(t *testing.T) {
	w := quota.Want{Rates: quota.Rates{}, Requests: 1}
	s := quota.New(start).Pause(start.Add(10 * time.Second)).Pause(start.Add(5 * time.Second))
	if _, _, wait := s.Take(w); wait != 10*time.Second {
		t.Errorf("a call waits %s, want the longer pause of 10s", wait)
	}
	if s := s.Pass(start.Add(10 * time.Second)); s.Paused() != 0 {
		t.Errorf("after the pause it is still paused for %s", s.Paused())
	}
	if s := s.Pause(start.Add(1000 * time.Hour)); s.Paused() != 24*time.Hour {
		t.Errorf("an endpoint that asks for 1000h pauses for %s, want 24h", s.Paused())
	}
	if s.Resume().Paused() != 0 {
		t.Error("still paused after Resume")
	}
}

// A pause that no rule here can have written ends like any other.
func TestPauseIsMended(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := quota.New(now)
	s.Until = now.AddDate(100, 0, 0)
	if got := s.Sane().Pass(now.Add(25 * time.Hour)).Paused(); got != 0 {
		t.Errorf("a day later it is paused for %s", got)
	}
	if got := s.Sane().Paused(); got != 24*time.Hour {
		t.Errorf("it is paused for %s", got)
	}
}
