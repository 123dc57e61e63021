package replogsim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// begin is when simulated time begins.
var begin = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is one schedule: simulated time, the events to come, and all parts.
type world[S any] struct {
	Options[S]
	rng      *rand.Rand
	now      time.Duration
	serial   int
	events   events
	trace    strings.Builder
	fault    error
	result   Result
	entries  []engine.Entry
	replicas []*replica[S]
	clients  []*client[S]
	receiver map[string]*receipt

	snapshots [][]byte
	skew      time.Duration // of the clock of the log
	span      time.Duration // until when there are requests and faults
	// calm schedules have no deaths, and nothing takes long. kills is how many deaths are left, loss how many of a hundred messages
	// are lost, hang how many of a thousand publications take very long.
	calm       bool
	kills      int
	loss, hang int
}

// receipt is what the receiver of an effect knows of it.
type receipt struct {
	runs    int // how often it was asked
	applied int // how often it did it
}

func newWorld[S any](seed uint64, o Options[S]) *world[S] {
	return &world[S]{Options: o, rng: rand.New(rand.NewPCG(seed, 0x106)), receiver: map[string]*receipt{}}
}

// event is something to come; later ones of the same instant come later.
type event struct {
	at     time.Duration
	serial int
	do     func()
}

type events []event

func (h events) Len() int      { return len(h) }
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }

func (h events) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].serial < h[j].serial
}

func (h *events) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last].do = nil
	*h = (*h)[:last]
	return e
}

func (w *world[S]) after(d time.Duration, do func()) {
	w.serial++
	heap.Push(&w.events, event{w.now + d, w.serial, do})
}

// between draws a duration.
func (w *world[S]) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

// chance draws with a number of a thousand.
func (w *world[S]) chance(thousandth int) bool { return w.rng.IntN(1000) < thousandth }

func (w *world[S]) time() time.Time { return begin.Add(w.now) }

func (w *world[S]) say(format string, args ...any) {
	if w.Trace {
		fmt.Fprintf(&w.trace, "%12s ", w.now)
		fmt.Fprintf(&w.trace, format, args...)
		w.trace.WriteByte('\n')
	}
}

func (w *world[S]) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf(format, args...)
		w.say("FAULT: %v", w.fault)
	}
}

// plan draws what is to happen.
func (w *world[S]) plan() {
	w.calm = w.chance(250)
	w.span = w.between(20*time.Second, 60*time.Second)
	if !w.calm {
		w.kills, w.loss = w.rng.IntN(6), w.rng.IntN(6)
		if w.chance(400) {
			w.hang = 5 + w.rng.IntN(60)
		}
		if w.chance(250) {
			w.span, w.hang = w.between(5*time.Minute, 25*time.Minute), 20+w.rng.IntN(200)
		}
	}
	replicas, requests := w.Replicas, w.Requests
	if replicas == 0 {
		replicas = 1 + w.rng.IntN(4)
	}
	if requests == 0 {
		requests = 20 + w.rng.IntN(61)
	}
	for i := range replicas {
		r := &replica[S]{w: w, index: i}
		w.replicas = append(w.replicas, r)
		w.after(w.between(0, 100*time.Millisecond), r.start)
	}
	for i := range requests {
		w.newClient(i, w.between(200*time.Millisecond, w.span))
	}
	w.faults()
}

// faults draws when the clock of the log jumps, and when replicas die, leave and lag.
func (w *world[S]) faults() {
	jump := 3 * time.Second
	if w.calm { // less than what makes a claim end that its owner thinks it has
		jump = 100 * time.Millisecond
	}
	for range w.rng.IntN(4) {
		w.after(w.between(0, w.span), func() {
			w.skew = w.between(-jump, jump)
			w.say("the clock of the log is %s off", w.skew)
		})
	}
	for range w.rng.IntN(3) {
		w.after(w.between(0, w.span), func() { w.replicas[w.rng.IntN(len(w.replicas))].use() })
	}
	if w.calm {
		return
	}
	for range w.rng.IntN(8) {
		w.after(w.between(0, w.span), func() {
			r := w.replicas[w.rng.IntN(len(w.replicas))]
			switch w.rng.IntN(4) {
			case 0:
				r.kill("at some time")
			case 1:
				r.leave()
			default:
				r.lag(w.between(time.Second, 8*time.Second))
			}
		})
	}
}

// rest is how long everything may take to come to rest when there are no more faults.
const rest = 90 * time.Second

// run lets time pass until everything has come to rest, or has not in time.
func (w *world[S]) run() {
	calm := false
	for w.fault == nil && len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		if w.now > w.span && !calm {
			calm = true
			w.kills, w.loss, w.hang = 0, 0, 0
			w.say("no more faults")
		}
		if w.now > w.span+rest || w.now > w.span+5*time.Second && w.atRest() {
			return
		}
		e.do()
	}
}

// atRest tells whether nothing is left to be done.
func (w *world[S]) atRest() bool {
	for _, c := range w.clients {
		if !c.over {
			return false
		}
	}
	for _, r := range w.replicas {
		if !r.up || !r.live || r.e.Seq() != uint64(len(w.entries)) || r.flight != nil || len(r.queue) > 0 || r.e.Pending() > 0 {
			return false
		}
		if next, ok := r.e.Next(); ok && next.Before(w.time().Add(-5*time.Second)) {
			return false
		}
	}
	return true
}
