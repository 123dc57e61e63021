package view

import (
	"time"

	"github.com/mabus-project/mabus/services/perfmon/journal"
)

const (
	// Beat is how often a replica says something at least.
	Beat = time.Second
	// presumed is how long a replica may say nothing while others do before it is taken for dead.
	presumed = 15 * Beat
	// pause in the whole log is nobody's fault: the store was away, or all replicas were.
	pause       = 5 * Beat
	maxReplicas = 1 << 10
)

// replicas are those that write the log.
type replicas struct {
	byName map[string]*writer
	last   time.Time // newest message of any
	flows  time.Time // since when there was no pause
}

type writer struct {
	number uint64 // of its newest batch
	last   time.Time
	ended  bool // in good order
}

func newReplicas() *replicas { return &replicas{byName: map[string]*writer{}} }

// heard takes note of a batch, and tells whether it is a new one.
func (r *replicas) heard(name string, at time.Time, b *journal.Batch) bool {
	if r.last.IsZero() || at.Sub(r.last) > pause {
		r.flows = at
	}
	r.last = at
	w := r.byName[name]
	if w == nil {
		if len(r.byName) >= maxReplicas {
			return false
		}
		w = &writer{}
		r.byName[name] = w
	}
	if b.Number <= w.number {
		return false
	}
	w.number, w.last, w.ended = b.Number, at, b.Flags&journal.FlagLast != 0
	return true
}

// lost returns how many ended without a last word within the last hour.
func (r *replicas) lost() int {
	n := 0
	for _, w := range r.byName {
		heard := w.last
		if r.flows.After(heard) {
			heard = r.flows
		}
		if !w.ended && r.last.Sub(heard) > presumed && r.last.Sub(w.last) <= remembered {
			n++
		}
	}
	return n
}

func (r *replicas) tidy(at time.Time) {
	for name, w := range r.byName {
		if at.Sub(w.last) > remembered {
			delete(r.byName, name)
		}
	}
}
