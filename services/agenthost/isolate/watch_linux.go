package isolate

import (
	"math"
	"syscall"
	"time"
)

const (
	// interval is the time between two looks at a program.
	interval = 20 * time.Millisecond
	// share of one processor, as 1 of so many, that the looks may cost, unless they would be too rare then.
	share  = 20
	rarest = 100 * time.Millisecond
)

// sparing is how long to wait after a look that took so long.
func sparing(cost time.Duration) time.Duration { return min(share*cost, rarest) }

// watch looks at what the program uses until Close, and reports it when it has too much memory.
func (p *Process) watch() {
	wait := time.Millisecond // short programs are to be seen as well
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-p.bounds.stop:
			return
		case <-timer.C:
		}
		begin := time.Now()
		if p.tooBig(wait / 2) {
			p.tooMuch()
			return
		}
		wait = max(min(2*wait, interval), sparing(time.Since(begin)))
		timer.Reset(wait)
	}
}

// tooBig looks at the memory in use, and remembers the most if that is wanted.
func (p *Process) tooBig(age time.Duration) bool {
	b, all := &p.bounds, p.members(age)
	bound := int64(math.MaxInt64)
	if b.backstop > 0 {
		bound = p.resources.Memory
	}
	if !b.track && quick(all) <= bound {
		return false
	}
	used := total(all, bound)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peak = max(b.peak, used)
	return used > bound
}

// members are the program and what it has started, in a table that is not older than age.
func (p *Process) members(age time.Duration) []*proc {
	b := &p.bounds
	if b.group == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.members.look(processes(age)) // with the lock, so that the tables come in their order
	}
	var all []*proc
	for _, pid := range b.group.pids() {
		if m, ok := readProc(pid); ok {
			all = append(all, &m)
		}
	}
	return all
}

// Usage returns what the program and all that it has started use: while it runs, or after Wait and before Close. Without a
// control group the times are those of the living, and of the dead that somebody has waited for.
func (p *Process) Usage() Usage {
	b, u := &p.bounds, Usage{}
	if b.group != nil {
		u = b.group.usage()
		if b.group.memory {
			return u
		}
	}
	p.mu.Lock()
	reaped := p.reaped
	p.mu.Unlock()
	if !reaped {
		all := p.members(interval / 2)
		u.Memory = total(all, 0)
		for _, m := range all {
			if b.group == nil {
				u.User, u.System = u.User+m.user, u.System+m.system
			}
		}
	}
	b.mu.Lock()
	b.peak = max(b.peak, u.Memory)
	u.Peak = b.peak
	b.mu.Unlock()
	return u
}

// final is Usage after Wait, with what the kernel tells only then.
func (p *Process) final() Usage {
	b, u, s := &p.bounds, p.Usage(), p.cmd.ProcessState
	if sampled := b.group == nil || !b.group.memory; sampled && time.Since(b.begun) < rarest {
		u.Peak = 0 // it ended before it could be seen often enough
	}
	if b.group == nil {
		u.User, u.System = s.UserTime(), s.SystemTime()
	}
	if ru, ok := s.SysUsage().(*syscall.Rusage); ok && (b.group == nil || !b.group.memory) {
		// The kernel counts the host's own peak at the fork as the program's, so only more than that says anything.
		if most := ru.Maxrss << 10; most > b.ownPeak {
			u.Peak = max(u.Peak, most)
		}
	}
	return u
}
