package economysim

import "fmt"

// Result is what came of a schedule.
type Result struct {
	// Entries of the log, Commands that were answered, Refused of them, Repeated answers, Effects that were run, Timers that fired and
	// Kills of replicas.
	Entries, Commands, Refused, Repeated, Effects, Timers, Kills int
	// Auctions were judged after their end, Sold of them with a winner; Foreseen of those are by the simulation's own reckoning.
	Auctions, Sold, Foreseen int
	// Done counts commands that were not refused, by kind, and Ends holds the entities that came to an end.
	Done map[string]int
	Ends map[string]int
}

// steps of a schedule.
const steps = 60

// Run runs the schedule of a seed. The error is the first thing that was wrong.
func Run(seed uint64, bug Bug) (*Result, error) {
	w := newWorld(seed, bug)
	w.result.Done, w.result.Ends = map[string]int{}, map[string]int{}
	w.begin()
	for range steps {
		if w.fault != nil {
			break
		}
		w.step()
	}
	if w.fault == nil {
		w.end()
	}
	w.result.Entries = len(w.entries)
	if w.fault != nil {
		return &w.result, fmt.Errorf("seed %d: %w", seed, w.fault)
	}
	return &w.result, nil
}
