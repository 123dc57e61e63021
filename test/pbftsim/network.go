package pbftsim

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

// kindAt is where a message has its kind.
const kindAt = 14

// event is something that happens at a time. Those of one time happen in the order in which they were planned.
type event struct {
	at    time.Duration
	order int
	do    func()
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.order < o.order }

// after plans an event, in a binary heap.
func (w *world) after(d time.Duration, do func()) {
	w.order++
	w.queue = append(w.queue, event{at: w.now + max(d, 0), order: w.order, do: do})
	q := w.queue
	for i := len(q) - 1; i > 0 && q[i].before(q[(i-1)/2]); i = (i - 1) / 2 {
		q[i], q[(i-1)/2] = q[(i-1)/2], q[i]
	}
}

// next carries out the earliest event.
func (w *world) next() {
	q := w.queue
	e := q[0]
	last := len(q) - 1
	q[0], q[last] = q[last], event{}
	w.queue = q[:last]
	q = w.queue
	for i := 0; ; {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(q) && q[c].before(q[least]) {
				least = c
			}
		}
		if least == i {
			break
		}
		q[i], q[least] = q[least], q[i]
		i = least
	}
	w.now = e.at
	w.steps++
	e.do()
}

// partition divides the members anew, now and again until the calm.
func (w *world) partition() {
	sides := pick(w, 1, 1, 2, 2, 3)
	for i := range w.split {
		w.split[i] = w.rnd.IntN(sides)
	}
	if left := w.calm - w.now; left > 0 {
		w.after(w.between(firstTimeout/4, max(left/2, firstTimeout)), w.partition)
	}
}

// kept tells whether a message must not be heard, lest the lonely member were not the only one to decide. Nothing tests view
// changes as hard: what it alone knows to be decided, the others must keep without knowing.
func (w *world) kept(from int, to *actor, kind pbft.Kind) bool {
	if w.lonely < 0 {
		return false
	}
	if to.number != w.lonely && (kind == pbft.Commit || kind == pbft.Decided) {
		return true
	}
	return (from == w.lonely || to.number == w.lonely) && len(w.first) > 0
}

// send carries a message from one member to an actor.
func (w *world) send(from int, to *actor, data []byte) {
	if w.now >= w.calm {
		w.after(w.between(0, w.delay), func() { to.hear(data) })
		return
	}
	if w.kept(from, to, pbft.Kind(data[kindAt])) {
		return
	}
	copies := 1
	if w.percent(w.twice) {
		copies = 2
	}
	for range copies {
		if w.percent(w.loss) || slices.Contains(w.rare, data[kindAt]) && w.percent(80) || w.split[from] != w.split[to.number] && !w.percent(2) {
			continue
		}
		d := w.between(0, w.slow)
		if w.percent(70) {
			d /= 20
		}
		w.after(min(d, w.calm+w.delay-w.now), func() { to.hear(data) })
	}
}
