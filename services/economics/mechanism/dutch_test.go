package mechanism_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/economics/mechanism"
	"github.com/mabus-project/mabus/shared/api"
)

func TestClock(t *testing.T) {
	down := mechanism.Clock{Start: 100, Step: 30, Reserve: 35, Interval: time.Second}
	up := mechanism.Clock{Start: 10, Step: 7, Reserve: 30, Interval: time.Second, Reverse: true}
	for _, row := range []struct {
		c       mechanism.Clock
		elapsed time.Duration
		price   api.Micro
		next    time.Duration
	}{
		{down, 0, 100, 1},
		{down, -5, 100, 1},
		{down, time.Second - 1, 100, 1},
		{down, time.Second, 70, 2},
		{down, 2 * time.Second, 40, 3},
		{down, 3 * time.Second, 35, 0},
		{down, math.MaxInt64, 35, 0},
		{up, 0, 10, 1},
		{up, 2 * time.Second, 24, 3},
		{up, 3 * time.Second, 30, 0},
		{up, time.Hour, 30, 0},
	} {
		next, ok := row.c.Next(row.elapsed)
		if got := row.c.Price(row.elapsed); got != row.price || next != row.next*time.Second || ok != (row.next > 0) {
			t.Errorf("%+v after %v: %s, next %v %v", row.c, row.elapsed, got, next, ok)
		}
	}
	if got := down.Ends(); got != 4*time.Second {
		t.Error(got)
	}
	if fixed := (mechanism.Clock{Start: 5, Step: 1, Reserve: 5, Interval: time.Second}); fixed.Check() != nil || fixed.Ends() != time.Second {
		t.Error("a clock that stands still")
	}
	for _, c := range []mechanism.Clock{
		{},
		{Start: 100, Step: 0, Reserve: 1, Interval: time.Second},
		{Start: 100, Step: 1, Reserve: 0, Interval: time.Second},
		{Start: 100, Step: 1, Reserve: 101, Interval: time.Second},
		{Start: 100, Step: 1, Reserve: 99, Interval: time.Second, Reverse: true},
		{Start: 100, Step: 1, Reserve: 1, Interval: time.Microsecond},
		{Start: 100, Step: 1, Reserve: 1, Interval: -1},
		{Start: api.MaxAmount, Step: 1, Reserve: 1, Interval: time.Hour},
		{Start: api.MaxAmount + 1, Step: 1, Reserve: 1, Interval: time.Hour},
	} {
		if api.CodeOf(c.Check()) != api.Invalid {
			t.Errorf("%+v passes", c)
		}
		c.Price(time.Hour) // whatever it is, it does not fail
		c.Next(time.Hour)
		c.Ends()
	}
}

// The price never goes back, changes when Next says so and not before, and stands at the reserve for the last interval.
func TestClockIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, api.MaxAmount))
		c := mechanism.Clock{
			Reverse: rapid.Bool().Draw(t, "reverse"), Start: api.Micro(price.Draw(t, "start")), Reserve: api.Micro(price.Draw(t, "reserve")),
			Step: api.Micro(price.Draw(t, "step")), Interval: time.Duration(rapid.Int64Range(1_000_000, 1e12).Draw(t, "interval")),
		}
		if c.Check() != nil {
			return
		}
		terms := mechanism.Terms{Reverse: c.Reverse}
		at := time.Duration(rapid.Int64Range(0, int64(c.Ends())).Draw(t, "elapsed"))
		now, start := c.Price(at), c.Price(0)
		if start != c.Start || better(terms, now, start) || better(terms, c.Reserve, now) || c.Price(c.Ends()-1) != c.Reserve {
			t.Fatalf("%+v: %s after %v", c, now, at)
		}
		next, ok := c.Next(at)
		switch {
		case ok && (next <= at || c.Price(next-1) != now || !better(terms, now, c.Price(next))):
			t.Fatalf("%+v: after %v the price is %s, after %v %s", c, at, now, next, c.Price(next))
		case !ok && now != c.Reserve:
			t.Fatalf("%+v stops at %s", c, now)
		}
	})
}
