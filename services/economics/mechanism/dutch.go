package mechanism

import (
	"math"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Clock is that of a Dutch auction: the price begins at Start and falls by Step after each Interval, to the reserve and not below.
// In reverse it rises, to the ceiling. Who accepts first has it at the price of that moment.
type Clock struct {
	Reverse  bool
	Start    api.Micro
	Step     api.Micro // at least 1
	Reserve  api.Micro // the last price
	Interval time.Duration
}

// Check returns what is wrong with the clock, as invalid.
func (c Clock) Check() error {
	switch {
	case c.Start < 1 || c.Start > api.MaxAmount:
		return wrong("start", "the price at the start must be 1 to %d", int64(api.MaxAmount))
	case c.Reserve < 1 || c.Reserve > api.MaxAmount:
		return wrong("reserve", "the reserve, at which the clock stops, must be 1 to %d", int64(api.MaxAmount))
	case key(c.Reverse, c.Start) < key(c.Reverse, c.Reserve):
		return wrong("start", "the price at the start must be at least the reserve, in reverse at most")
	case c.Step < 1:
		return wrong("step", "step must be at least 1")
	case c.Interval < time.Millisecond:
		return wrong("interval", "interval must be at least 1ms")
	case c.steps() >= math.MaxInt64/int64(c.Interval):
		return wrong("step", "the clock would run for centuries: use larger steps or a shorter interval")
	}
	return nil
}

// steps is how often the price changes.
func (c Clock) steps() int64 {
	way, step := c.Start-c.Reserve, max(c.Step, 1)
	if c.Reverse {
		way = -way
	}
	n := int64(way / step)
	if way%step > 0 {
		n++
	}
	return n
}

// Price is what stands so long after the start.
func (c Clock) Price(elapsed time.Duration) api.Micro {
	n := int64(max(elapsed, 0) / max(c.Interval, 1))
	switch {
	case n >= c.steps(): // also keeps the product below the way to the reserve
		return c.Reserve
	case c.Reverse:
		return c.Start + api.Micro(n)*c.Step
	}
	return c.Start - api.Micro(n)*c.Step
}

// Next is how long after the start the price changes next, or false when it does not change any more.
func (c Clock) Next(elapsed time.Duration) (time.Duration, bool) {
	n := int64(max(elapsed, 0) / max(c.Interval, 1))
	if n >= c.steps() {
		return 0, false
	}
	return time.Duration(n+1) * c.Interval, true
}

// Ends is how long after the start the auction is over when nobody accepts: the last price has then stood for an interval.
func (c Clock) Ends() time.Duration { return time.Duration(c.steps()+1) * c.Interval }
