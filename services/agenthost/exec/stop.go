package exec

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Stop ends the worker: if it has said that it is stateful, it is asked for its state, which is saved; then a stop frame and the end of its standard input, Grace later SIGTERM to its process group, Grace
// later SIGKILL. When the context ends, SIGKILL comes at once. It returns when no process of the group, no pipe and no
// goroutine is left, with an error if SIGKILL was needed or the state was not saved. Messages that the worker has not answered by then are
// unavailable (agent_crashed), so callers that want them answered wait before they stop.
func (p *Process) Stop(ctx context.Context) error {
	p.mu.Lock()
	first := !p.stopped && !p.ended
	if first {
		p.stopped = true
		close(p.stopping)
	}
	ask := first && p.stateful && p.fault == nil && p.opt.Save != nil
	p.mu.Unlock()
	var unsaved error
	if ask {
		unsaved = p.askState(ctx)
	}
	if first {
		p.hangUp()
	}
	return errors.Join(unsaved, p.wait(ctx))
}

// hangUp sends the stop frame.
func (p *Process) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hungUp = true
	select {
	case p.out <- stopFrame:
	default: // it answers without reading, so it has to be content with the signals
	}
}

// wait waits for the end of the program, and brings it about.
func (p *Process) wait(ctx context.Context) error {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		timer := time.NewTimer(p.opt.Grace)
		select {
		case <-p.done:
			timer.Stop()
			return nil
		case <-ctx.Done():
			sig = syscall.SIGKILL
		case <-timer.C:
		}
		timer.Stop()
		if p.signal(sig) && sig == syscall.SIGKILL {
			<-p.done
			return fmt.Errorf("the program %s did not end when asked to and was killed", p.program)
		}
	}
	<-p.done
	return nil
}

// Close stops the worker with the grace of Options.
func (p *Process) Close() error { return p.Stop(context.Background()) }
