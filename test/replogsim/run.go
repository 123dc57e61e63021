package replogsim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Options says what to simulate.
type Options[S any] struct {
	// Machine is the machine under test.
	Machine engine.Machine[S]
	// Command makes a command of a client. The simulation sets its principal, id and hash.
	Command func(rng *rand.Rand, at time.Time) engine.Command
	// Check returns what is wrong with a state, after any entry; nil when there is no such invariant.
	Check func(S) error
	// Quiet, if set, returns what is wrong with a state after which all effects have their outcomes.
	Quiet func(S) error
	// Replicas is how many there are; 0 for 1 to 4, by the seed. Requests likewise; 0 for 20 to 80.
	Replicas, Requests int
	// Bug is planted.
	Bug Bug
	// Trace asks for the story of the schedule.
	Trace bool
}

// Result is what came of a schedule.
type Result struct {
	// Entries of the log, and how many of those were not carried out.
	Entries, Skipped int
	// Answered are the requests whose client has an answer, Repeated those that were answered again.
	Answered, Repeated int
	// Kills of replicas, Timers that fired, Effects that had an outcome, and how often one of them was run.
	Kills, Timers, Effects, Runs int
	// Trace is a line per event, if it was asked for.
	Trace string
}

// Run runs the schedule of a seed until all faults have ended and everything has come to rest. The error is the first thing that was
// wrong.
func Run[S any](seed uint64, o Options[S]) (*Result, error) {
	w := newWorld(seed, o)
	w.plan()
	w.run()
	if w.fault == nil {
		w.settled()
	}
	if w.fault == nil {
		w.fault = w.judge()
	}
	w.result.Entries = len(w.entries)
	w.result.Trace = w.trace.String()
	if w.fault != nil {
		return &w.result, fmt.Errorf("seed %d: %w", seed, w.fault)
	}
	return &w.result, nil
}
