package replogsim

import (
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// store appends to the log, and wakes its readers.
func (w *world[S]) store(data []byte) {
	w.entries = append(w.entries, engine.Entry{Seq: uint64(len(w.entries)) + 1, Time: w.time().Add(w.skew), Data: data})
	for _, r := range w.replicas {
		r.wake()
	}
}

// publish sends an entry to the log, which may be stored, or not, or late, and calls acked when the acknowledgement arrives, if it does.
func (w *world[S]) publish(from string, data []byte, acked func()) {
	switch {
	case w.chance(10 * w.loss):
		w.say("%s: a publication is lost", from)
		return
	case w.chance(w.hang):
		d := w.between(2*time.Second, 100*time.Second)
		if w.chance(400) {
			d = w.between(2*time.Minute, 15*time.Minute)
		}
		w.say("%s: a publication hangs for %s", from, d)
		if w.now+d < w.span {
			w.after(d, func() { w.store(data) })
		}
		return
	}
	lost := w.chance(10*w.loss) || w.calm && w.chance(20)
	w.after(w.latency(), func() {
		w.store(data)
		if lost {
			w.say("%s: the acknowledgement of entry %d is lost", from, len(w.entries))
			return
		}
		w.after(w.latency(), acked)
	})
}

// latency is how long a message takes.
func (w *world[S]) latency() time.Duration {
	if !w.calm && w.chance(20) {
		return w.between(10*time.Millisecond, 3*time.Second)
	}
	return w.between(50*time.Microsecond, 5*time.Millisecond)
}
