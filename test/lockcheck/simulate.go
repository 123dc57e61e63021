package lockcheck

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
)

// Options says how to simulate.
type Options struct {
	Bug Bug
	// HistoryOnly leaves the verdict to Check, which sees no more than the clients do.
	HistoryOnly bool
	// Trace asks for the story of the schedule.
	Trace bool
}

// Report is what came of a schedule.
type Report struct {
	// Err is the first thing that was wrong, or nil.
	Err error
	// Ops is the history of the clients, Grants how often one of them got the lock.
	Ops    []Op
	Grants int
	// Trace is a line per event, if it was asked for.
	Trace string
}

// settle is how long everybody has to get the lock once more when the faults have ended.
const settle = 150 * second

// Simulate runs the schedule of a seed, with one lock, one cell, two to five clients and one to three replicas, until the
// faults have ended and each client that lives has had the lock once more.
func Simulate(seed uint64, o Options) Report {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0x10c4)), bug: o.Bug, blind: o.HistoryOnly, tracing: o.Trace}
	w.kind = api.LockKinds[w.rng.IntN(len(api.LockKinds))]
	w.capacity = map[api.LockKind]int{api.LockMutex: 1, api.LockElection: 1, api.LockRW: api.MaxLockCapacity, api.LockSemaphore: 3}[w.kind]
	w.store = &store{w: w, heads: []entry{{key: lockKey}, {key: cellKey}}}
	w.plan()
	for i := range 1 + w.rng.IntN(3) {
		w.replicas = append(w.replicas, w.newReplica("r"+strconv.Itoa(i)))
	}
	for i := range 2 + w.rng.IntN(4) {
		w.clients = append(w.clients, w.newClient(i))
	}
	w.run(faultTime+settle, w.finished)
	for _, c := range w.clients {
		if !c.done && !c.crashed {
			w.fail("%s never got the lock after the faults had ended", c.name)
		}
	}
	ops := w.judge.history()
	if w.fault == nil {
		w.fault = Check(ops)
	}
	report := Report{Ops: ops, Trace: w.trace.String()}
	for _, op := range ops {
		if op.Kind == Acquire {
			report.Grants++
		}
	}
	if w.fault != nil {
		report.Err = fmt.Errorf("seed %d, %s: %w", seed, w.kind, w.fault)
	}
	return report
}

func (w *world) finished() bool {
	if w.now < faultTime {
		return false
	}
	for _, c := range w.clients {
		if !c.done && !c.crashed {
			return false
		}
	}
	return true
}
