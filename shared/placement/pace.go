package placement

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// How a host goes about its share, so that hosts whose views differ for a moment do not run after each other.
const (
	// Batch is how many agents a host claims between two looks at the plan, at most; of a large share it is an eighth, and a group
	// that is larger is claimed whole.
	Batch = 64
	// Settle is for how long an agent must have been in the host's share before it is claimed: about as long as news take to
	// reach every host.
	Settle = 100 * time.Millisecond
	// Pause is the time between two looks while there is more to claim.
	Pause = 50 * time.Millisecond
	// FirstBackoff is for how long a host leaves an agent alone whose claim it lost; it doubles with each further loss of the
	// same agent, up to MaxBackoff.
	FirstBackoff = 500 * time.Millisecond
	MaxBackoff   = 8 * time.Second
)

// Pace decides when a host claims which part of its share. The zero value is ready. It is not safe for concurrent use.
type Pace struct {
	tries map[string]*try
}

type try struct {
	since  time.Time // in the share without a break
	until  time.Time // left alone
	losses int
}

// Next returns what to claim now of the share that the newest plan gives the host, and when to look again even if nothing is
// heard of until then; 0 is never. The agents of one list are the members of a group, to be claimed one after another until a
// claim is lost, which keeps two hosts from dividing a group; the lists may be claimed side by side. The caller adds what it
// has claimed to its view before it looks again, and tells Lost of what it has not.
func (p *Pace) Next(now time.Time, share []*api.Agent) (claims [][]*api.Agent, again time.Duration) {
	if p.tries == nil {
		p.tries = map[string]*try{}
	}
	mine := make(map[string]bool, len(share))
	count, batch := 0, max(Batch, len(share)/8)
	for len(share) > 0 {
		whole := 1
		for whole < len(share) && sameGroup(share[0], share[whole]) {
			whole++
		}
		due := now
		for _, a := range share[:whole] {
			mine[a.ID] = true
			if d := p.due(now, a.ID); d.After(due) {
				due = d
			}
		}
		switch {
		case due.After(now):
			again = sooner(again, due.Sub(now))
		case count > 0 && count+whole > batch:
			again = sooner(again, Pause)
		default:
			claims = append(claims, share[:whole:whole])
			count += whole
		}
		share = share[whole:]
	}
	for id, t := range p.tries {
		if mine[id] {
			continue
		}
		t.since = time.Time{}
		if t.losses == 0 || now.Sub(t.until) > MaxBackoff {
			delete(p.tries, id)
		}
	}
	return claims, again
}

// due returns when an agent of the share may be claimed.
func (p *Pace) due(now time.Time, id string) time.Time {
	t := p.tries[id]
	if t == nil {
		t = &try{}
		p.tries[id] = t
	}
	if t.since.IsZero() {
		t.since = now
	}
	if due := t.since.Add(Settle); due.After(t.until) {
		return due
	}
	return t.until
}

func sameGroup(a, b *api.Agent) bool {
	return a.Group != nil && b.Group != nil && a.Group.Name == b.Group.Name
}

// Lost notes that the claim of an agent has failed.
func (p *Pace) Lost(now time.Time, id string) {
	if p.tries == nil {
		p.tries = map[string]*try{}
	}
	t := p.tries[id]
	if t == nil {
		t = &try{}
		p.tries[id] = t
	}
	t.until = now.Add(min(FirstBackoff<<min(t.losses, 10), MaxBackoff))
	t.losses++
}

func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
