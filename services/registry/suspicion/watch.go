// Package suspicion holds the pure rules of when a host that nobody reaches is taken for dead. It says whom to ask, and judges
// the answers: time comes in as an argument, and sending is the caller's.
//
// A process that dies closes its connection, so that the server itself answers for it: nobody listens. The same is true for
// some milliseconds of one that reconnects. So a host is dead when nobody has listened for Unbroken, asked again and again over
// a connection that was never lost meanwhile. No answer at all says nothing: the host may be busy, or the network slow. And
// only a host that has answered before is ever suspected: one that never did may not have begun to listen.
package suspicion

import (
	"cmp"
	"slices"
	"time"
)

const (
	// Every is how often a host is asked.
	Every = 200 * time.Millisecond
	// Again is how often a suspected host is asked, and how often Tick wants to be called.
	Again = 25 * time.Millisecond
	// Unbroken is for how long nobody must have listened.
	Unbroken = 400 * time.Millisecond
	// Settled is for how long the asker's own connection must have lasted before a suspicion begins.
	Settled = time.Second
	// Patience is how long an answer may take, and how long the asker itself may have slept, before a suspicion is dropped.
	Patience = 200 * time.Millisecond
	// Rate is how many asks there are at most in a second; with more hosts than it allows each is asked less often.
	Rate = 2000

	leastAnswers = 4                              // "nobody listens" so many times, however seldom a host can be asked
	burst        = Rate * 2 * Again / time.Second // asks of one tick at most
)

// Host is one incarnation of a host.
type Host struct{ ID, Lease string }

// Ask is a question to a host. Its answer comes back with the number.
type Ask struct {
	ID     string
	Number uint64
}

// Watch follows the hosts. It is not safe for concurrent use.
type Watch struct {
	settled  time.Time // when a suspicion may begin
	ticked   time.Time
	budget   float64 // asks that may be made now
	again    float64 // and how many of them of suspects, so that many dead ones do not keep the others from being asked
	number   uint64  // of the newest ask
	foreign  uint64  // answers up to this number came over an earlier connection
	round    []Host
	began    time.Time         // of the round
	next     int               // host of the round
	live     map[string]string // lease by host
	answered map[string]string // the lease under which a host has answered
	suspects map[string]*suspect
}

type suspect struct {
	lease   string
	since   time.Time
	asked   time.Time
	number  uint64 // of the ask that is not answered yet; 0 for none
	answers int
}

// New returns a watch of a connection that was made just now.
func New(now time.Time) *Watch {
	w := &Watch{ticked: now, live: map[string]string{}, answered: map[string]string{}, suspects: map[string]*suspect{}}
	w.Break(now)
	return w
}

// Break says that the asker's connection is lost, or was.
func (w *Watch) Break(now time.Time) {
	w.settled, w.foreign = now.Add(Settled), w.number
	clear(w.suspects)
}

// Tick returns the asks that are due. hosts returns all live hosts; it is called once in a round of all hosts.
func (w *Watch) Tick(now time.Time, hosts func() []Host) []Ask {
	slept := now.Sub(w.ticked)
	w.ticked = now
	w.budget = min(w.budget+Rate*slept.Seconds(), float64(burst))
	w.again = min(w.again+Rate/2*slept.Seconds(), float64(burst)/2)
	if slept > Patience {
		clear(w.suspects)
	}
	asks := w.askSuspects(now, nil)
	length := max(Every, time.Duration(len(w.round))*time.Second/Rate)
	if w.next >= len(w.round) && now.Sub(w.began) >= length {
		w.begin(now, hosts())
		length = max(Every, time.Duration(len(w.round))*time.Second/Rate)
	}
	// The hosts of a round are asked evenly over its length.
	due := min(len(w.round), 1+int(int64(len(w.round))*int64(now.Sub(w.began)+Again)/int64(length)))
	for ; w.next < due && w.budget >= 1; w.next++ {
		if h := w.round[w.next]; w.suspects[h.ID] == nil {
			asks = append(asks, w.ask(h.ID))
		}
	}
	return asks
}

func (w *Watch) begin(now time.Time, hosts []Host) {
	w.round, w.began, w.next = hosts, now, 0
	clear(w.live)
	for _, h := range hosts {
		w.live[h.ID] = h.Lease
	}
	for id, lease := range w.answered {
		if w.live[id] != lease {
			delete(w.answered, id)
		}
	}
	for id, s := range w.suspects {
		if w.live[id] != s.lease {
			delete(w.suspects, id)
		}
	}
}

// askSuspects asks those that have waited longest first.
func (w *Watch) askSuspects(now time.Time, asks []Ask) []Ask {
	var due []string
	for id, s := range w.suspects {
		switch {
		case s.number != 0 && now.Sub(s.asked) > Patience:
			delete(w.suspects, id)
		case s.number == 0 && now.Sub(s.asked) >= Again:
			due = append(due, id)
		}
	}
	slices.SortFunc(due, func(a, b string) int {
		return cmp.Or(w.suspects[a].asked.Compare(w.suspects[b].asked), cmp.Compare(a, b))
	})
	for _, id := range due {
		if w.budget < 1 || w.again < 1 {
			break
		}
		w.again--
		a := w.ask(id)
		w.suspects[id].asked, w.suspects[id].number = now, a.Number
		asks = append(asks, a)
	}
	return asks
}

func (w *Watch) ask(id string) Ask {
	w.budget--
	w.number++
	return Ask{ID: id, Number: w.number}
}

// Heard takes an answer: of the host itself, or of the server that nobody listens. It tells whether the host is dead now, and
// under which lease.
func (w *Watch) Heard(now time.Time, a Ask, listens bool) (lease string, dead bool) {
	lease, live := w.live[a.ID]
	if !live || a.Number <= w.foreign || a.Number > w.number {
		return "", false
	}
	if listens {
		w.answered[a.ID] = lease
		delete(w.suspects, a.ID)
		return "", false
	}
	s := w.suspects[a.ID]
	switch {
	case w.answered[a.ID] != lease || now.Before(w.settled):
		return "", false
	case s == nil:
		w.suspects[a.ID] = &suspect{lease: lease, since: now, asked: now, answers: 1}
		return "", false
	case s.number != a.Number:
		return "", false
	}
	s.number = 0
	s.answers++
	return s.lease, w.Stands(Host{a.ID, s.lease})
}

// Stands tells whether a host is dead by what was heard up to now.
func (w *Watch) Stands(h Host) bool {
	s := w.suspects[h.ID]
	return s != nil && s.lease == h.Lease && s.asked.Sub(s.since) >= Unbroken && s.answers >= leastAnswers
}
