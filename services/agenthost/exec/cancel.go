package exec

import (
	"fmt"
	"syscall"
	"time"
)

// abandon takes the message off its caller's hands. It returns false if the worker has answered it.
func (p *Process) abandon(c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[c.id] != c {
		return false
	}
	if !c.gone {
		p.cancel(c)
	}
	return true
}

// spoilt answers a message whose answer has a hole, and cancels it: unlike after an answer, the worker still has it.
func (p *Process) spoilt(id string, a answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.pending[id]
	if c == nil || c.reader == nil {
		return false
	}
	if !c.gone {
		c.settle(a)
		p.cancel(c)
	}
	return true
}

// cancel asks the worker to stop working on a message, and sees to it that it does. The lock is held.
func (p *Process) cancel(c *call) {
	c.gone = true
	c.end()
	if p.opt.CancelGrace > 0 {
		c.stalled = p.stalls.sum()
		c.overdue = time.AfterFunc(p.opt.CancelGrace, func() { p.hung(c) })
	}
	if !p.hungUp {
		select {
		case p.out <- cancelFrame(c.id):
		default: // the worker does not read anyway
		}
	}
}

// hung ends a program that keeps a cancelled message: no other way frees its slot. It may end in order, so what it
// answers until then counts.
func (p *Process) hung(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[c.id] != c || p.stopped || p.ended || p.fault != nil {
		return
	}
	// It may have answered while the host did not read.
	if d := p.stalls.sum() - c.stalled; d > 0 {
		c.stalled += d
		c.overdue.Reset(max(d, 10*time.Millisecond))
		return
	}
	p.fault = fmt.Errorf("the program %s did not answer message %s within %s of its cancel", p.program, c.id, p.opt.CancelGrace)
	p.signalLocked(syscall.SIGTERM)
	p.doom = time.AfterFunc(p.opt.Grace, func() { p.signal(syscall.SIGKILL) })
}

// stalls measures how long the worker's standard output was not read because the host had no room.
type stalls struct {
	over  time.Duration
	since time.Time // the stall that goes on, or zero
}

func (s *stalls) sum() time.Duration {
	if s.since.IsZero() {
		return s.over
	}
	return s.over + time.Since(s.since)
}

// pause notes that the worker's output is not read until resume is called.
func (p *Process) pause() (resume func()) {
	p.mu.Lock()
	p.stalls.since = time.Now()
	p.mu.Unlock()
	return func() {
		p.mu.Lock()
		p.stalls = stalls{over: p.stalls.sum()}
		p.mu.Unlock()
	}
}
