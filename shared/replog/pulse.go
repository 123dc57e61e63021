package replog

import (
	"sync/atomic"
	"time"
)

// pulseEvery is how late a command may be given up.
const pulseEvery = 50 * time.Millisecond

// pulse wakes all who wait for the answers to their commands now and then, so that each may look whether its context has ended. Most are
// answered long before, and to wait for the end of a context, with its timer and its place among those of its parent, costs more than many a
// command does.
type pulse struct {
	next atomic.Pointer[chan struct{}]
}

func (p *pulse) init() { p.beat() }

// wait returns what is closed at the next beat.
func (p *pulse) wait() <-chan struct{} { return *p.next.Load() }

func (p *pulse) beat() {
	next := make(chan struct{})
	if old := p.next.Swap(&next); old != nil {
		close(*old)
	}
}

// beat is the loop of the pulse. When the log ends, so do all who wait: they are answered.
func (l *Log[S]) beat() {
	t := time.NewTicker(pulseEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.pulse.beat()
		case <-l.ctx.Done():
			return
		}
	}
}
