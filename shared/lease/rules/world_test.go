package rules_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/lease/rules"
)

// usual is the timing of a namespace unless another is given.
var usual = rules.Timing{Renew: 2 * time.Second, Hold: 12 * time.Second, Challenge: 15 * time.Second}

// world is a store, holders and watchers in simulated time, which a seed decides in full.
type world struct {
	t       rules.Timing
	rnd     *rand.Rand
	now     time.Duration // true time, which no process knows
	queue   events
	serial  uint64
	calm    bool // no process is stopped any more by chance
	store   *store
	holders []*holder
	watches []*watch
	failure string

	suspended, resumed, lost int // of holders
}

type event struct {
	at     time.Duration
	serial uint64
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWorld(seed uint64, t rules.Timing) *world {
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 1))}
	w.store = &store{w: w, records: map[string]*record{}}
	return w
}

func (w *world) after(d time.Duration, do func()) {
	w.serial++
	heap.Push(&w.queue, event{w.now + max(d, 0), w.serial, do})
}

// run carries out all that happens until the given time.
func (w *world) run(until time.Duration) {
	for w.failure == "" && len(w.queue) > 0 && w.queue[0].at <= until {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	w.now = until
}

func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf("at %s: ", w.now) + fmt.Sprintf(format, args...)
	}
}

// between returns a time from low to high; short ones come as often as long ones.
func (w *world) between(low, high time.Duration) time.Duration {
	f := w.rnd.Float64()
	return low + time.Duration(f*f*float64(high-low))
}

func (w *world) latency() time.Duration { return w.between(100*time.Microsecond, 50*time.Millisecond) }

// span is a time in which something was as it should not be.
type span struct{ from, to time.Duration }

// process is stopped and goes on, is cut off from the store alone, and has a clock of its own.
type process struct {
	w       *world
	rate    float64
	offset  time.Duration
	stopped time.Duration // until when it is stopped
	cut     time.Duration // until when it is cut off
	crashed bool
	bad     []span // when it was stopped or cut off
}

// clock gives a process a clock that is up to a hundredth fast or slow.
func (w *world) process() process {
	return process{w: w, rate: 0.99 + 0.02*w.rnd.Float64(), offset: w.between(time.Second, time.Hour)}
}

// local is the time by the process's clock.
func (p *process) local() time.Duration {
	return p.offset + time.Duration(float64(p.w.now)*p.rate)
}

// after does a step of the process when its clock has gone on by d, or as soon as it is no longer stopped.
func (p *process) after(d time.Duration, do func()) {
	p.w.after(time.Duration(float64(d)/p.rate), func() { p.step(do) })
}

func (p *process) step(do func()) {
	switch {
	case p.crashed:
		return
	case !p.w.calm && p.w.rnd.IntN(2000) == 0: // it is stopped just before this step
		p.stop(p.w.between(0, 4*p.w.t.Challenge))
		fallthrough
	case p.w.now < p.stopped:
		p.w.after(p.stopped-p.w.now, func() { p.step(do) })
	default:
		do()
	}
}

// stop stops the process, or the machine that it runs on.
func (p *process) stop(d time.Duration) {
	if p.w.now < p.stopped {
		return
	}
	p.stopped = p.w.now + d
	p.bad = append(p.bad, span{p.w.now, p.stopped})
}

func (p *process) cutOff(d time.Duration) {
	p.cut = max(p.cut, p.w.now+d)
	p.bad = append(p.bad, span{p.w.now, p.w.now + d})
}

func (p *process) reaches() bool {
	return p.w.now >= p.cut && p.w.store.state != away && p.w.store.state != asleep
}
