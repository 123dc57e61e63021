package lockcheck

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Times are microseconds since the schedule began.
const (
	millisecond = int64(1000)
	second      = 1000 * millisecond
)

// world is one schedule: simulated time, the events to come, and all parts.
type world struct {
	rng      *rand.Rand
	bug      Bug
	now      int64
	serial   uint64
	events   events
	blind    bool // the judge says nothing
	tracing  bool
	trace    strings.Builder
	fault    error
	store    *store
	replicas []*replica
	clients  []*client
	judge    judge
	// loss and slow are how many of a hundred messages are lost, or take long.
	loss, slow int
	kind       api.LockKind
	capacity   int
	tickets    int
	values     int
}

// proc is a process with a clock of its own.
type proc struct {
	w         *world
	name      string
	rate      float64
	offset    int64
	crashed   bool
	crashedAt int64
	paused    int64 // until then it does nothing, and what reaches it waits
	cut       int64 // until then nothing reaches it or comes from it
}

func (w *world) newProc(name string) *proc {
	return &proc{w: w, name: name, rate: 1 + float64(w.rng.IntN(401)-200)/10_000, offset: w.rng.Int64N(1000 * second)}
}

// clock is the process's monotonic clock.
func (p *proc) clock() int64 { return p.offset + int64(float64(p.w.now)*p.rate) }

// after does something once d has passed on the process's clock.
func (p *proc) after(d int64, do func()) {
	p.w.at(p.w.now+max(int64(float64(d)/p.rate), 1), p, do)
}

func (p *proc) isCut() bool { return p.w.now < p.cut }

// storeTime is what the process believes to be the store's clock.
func (p *proc) storeTime() time.Time { return wall(p.w.now + p.offset%second - second/2) }

func wall(t int64) time.Time { return time.UnixMicro(1_700_000_000_000_000 + t) }

// between draws a number from low up to but not high.
func (w *world) between(low, high int64) int64 { return low + w.rng.Int64N(high-low) }

// chance is true in n of a hundred cases.
func (w *world) chance(n int) bool { return n > 0 && w.rng.IntN(100) < n }

// delay draws how long a message travels.
func (w *world) delay() int64 {
	d := w.between(millisecond/5, 4*millisecond)
	if w.slow > 0 && w.chance(w.slow) {
		d = w.between(4*millisecond, 1500*millisecond)
	}
	return d
}

// lost draws whether a message is lost.
func (w *world) lost() bool { return w.loss > 0 && w.chance(w.loss) }

// fail records the first thing that went wrong, and ends the schedule.
func (w *world) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf(format, args...)
		w.say("world", "%v", w.fault)
	}
}

func (w *world) say(who, format string, args ...any) {
	if w.tracing {
		fmt.Fprintf(&w.trace, "%11.6f %-8s ", float64(w.now)/float64(second), who)
		fmt.Fprintf(&w.trace, format, args...)
		w.trace.WriteByte('\n')
	}
}

func (p *proc) say(format string, args ...any) {
	if p.w.tracing {
		p.w.say(p.name, format, args...)
	}
}

// event is something that happens at a time, to a process if it has one.
type event struct {
	at     int64
	serial uint64
	p      *proc
	do     func()
}

// events is a heap of what is to come; of what comes at the same time the older is first.
type events []event

func (e events) before(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}

func (w *world) at(t int64, p *proc, do func()) {
	w.serial++
	w.events = append(w.events, event{t, w.serial, p, do})
	e := w.events
	for i := len(e) - 1; i > 0; {
		up := (i - 1) / 2
		if !e.before(i, up) {
			break
		}
		e[i], e[up] = e[up], e[i]
		i = up
	}
}

func (w *world) next() event {
	e := w.events
	top, last := e[0], len(e)-1
	e[0], e[last] = e[last], event{}
	e = e[:last]
	w.events = e
	for i := 0; ; {
		low := 2*i + 1
		if low >= last {
			break
		}
		if low+1 < last && e.before(low+1, low) {
			low++
		}
		if !e.before(low, i) {
			break
		}
		e[i], e[low] = e[low], e[i]
		i = low
	}
	return top
}

// run lets things happen until done says so, something is wrong, or until is over.
func (w *world) run(until int64, done func() bool) {
	for len(w.events) > 0 && w.fault == nil && w.now <= until && !done() {
		e := w.next()
		w.now = max(w.now, e.at)
		switch {
		case e.p == nil:
			e.do()
		case e.p.crashed:
		case w.now < e.p.paused:
			w.at(e.p.paused, e.p, e.do)
		default:
			e.do()
		}
	}
}
