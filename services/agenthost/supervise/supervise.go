// Package supervise holds the pure rules of what happens to an agent that has ended, and to those that are in a group with it:
// after Erlang/OTP's supervisor, with its restart types, restart intensity and restart strategies.
package supervise

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Backoff between restarts: none before the first, then doubling.
const (
	FirstDelay = 100 * time.Millisecond
	MaxDelay   = 10 * time.Second
)

// maxSeconds is the longest window, some 31 years: far more of them do not fit a time.Duration.
const maxSeconds = 1_000_000_000

// Policy is when an agent is started again.
type Policy struct {
	Restart     api.RestartPolicy
	MaxRestarts int
	Window      time.Duration
}

// PolicyOf reads the policy of a specification, with the defaults of package api.
func PolicyOf(spec *api.AgentSpec) Policy {
	p := Policy{Restart: spec.RestartPolicy, MaxRestarts: api.DefaultMaxRestarts, Window: api.DefaultMaxSeconds * time.Second}
	if p.Restart == "" {
		p.Restart = api.RestartPermanent
	}
	if spec.MaxRestarts != nil {
		p.MaxRestarts = *spec.MaxRestarts
	}
	if spec.MaxSeconds != nil {
		p.Window = time.Duration(min(*spec.MaxSeconds, maxSeconds)) * time.Second
	}
	return p
}

// Verdict is what to do with an agent that has ended.
type Verdict struct {
	// Restart after Delay; otherwise the agent stays down.
	Restart bool
	Delay   time.Duration
	// Exhausted says that it stays down because it was restarted too often.
	Exhausted bool
}

// Decide judges an agent that ended at now. Crashed is false when it ended by itself and in order. Own are the times of its
// restarts and others those of the restarts that count with them, in any order; those before the window do not. The delay
// grows with its own.
func (p Policy) Decide(own, others []time.Time, now time.Time, crashed bool) Verdict {
	if p.Restart == api.RestartTemporary || p.Restart == api.RestartTransient && !crashed {
		return Verdict{}
	}
	mine := p.recent(own, now)
	if mine+p.recent(others, now) >= p.MaxRestarts {
		return Verdict{Exhausted: true}
	}
	return Verdict{Restart: true, Delay: delay(mine)}
}

func (p Policy) recent(times []time.Time, now time.Time) int {
	n := 0
	for _, t := range times {
		if now.Sub(t) < p.Window {
			n++
		}
	}
	return n
}

func delay(restarts int) time.Duration {
	if restarts == 0 {
		return 0
	}
	d := FirstDelay
	for i := 1; i < restarts && d < MaxDelay; i++ {
		d *= 2
	}
	return min(d, MaxDelay)
}
