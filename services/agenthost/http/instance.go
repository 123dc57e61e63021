package http

import (
	"context"
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

// Done is closed when Stop has ended. An endpoint does not end by itself: one that is away makes messages fail.
func (e *Endpoint) Done() <-chan struct{} { return e.done }

// Err returns nil: there is no way to end out of order.
func (e *Endpoint) Err() error { return nil }

// PID returns 0: the endpoint is no process of this host.
func (e *Endpoint) PID() int { return 0 }

// LogTail returns nothing: what the endpoint logs is not to be seen here.
func (e *Endpoint) LogTail() []string { return nil }

// Measure adds what the guard measures.
func (e *Endpoint) Measure(live *api.AgentLive) {
	s := e.guard.Status()
	live.Guard = &s
}

// Reset resets the guard.
func (e *Endpoint) Reset() { e.guard.Reset() }

// Stop cancels what is being asked, waits for that to end, and closes the connections. Its error is that ctx ended first.
func (e *Endpoint) Stop(ctx context.Context) error {
	e.mu.Lock()
	if !e.stopped {
		e.stopped = true
		e.end(errStopped)
		if e.calls == 0 {
			close(e.idle)
		}
	}
	e.mu.Unlock()
	defer e.over.Do(func() {
		e.guard.Close()
		e.pool.close()
		close(e.done)
	})
	select {
	case <-e.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop: %w", ctx.Err())
	}
}

// enter begins a call, which ends with leave, and whose context ends with the agent.
func (e *Endpoint) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, nil, api.Errorf(api.Unavailable, "agent %s is being stopped and did not get the message", e.id).WithReason(api.ReasonDraining)
	}
	e.calls++
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(e.life, func() { cancel(errStopped) })
	return ctx, func() {
		detach()
		cancel(nil)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.calls--; e.calls == 0 && e.stopped {
			close(e.idle)
		}
	}, nil
}
