package agenthost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/services/agenthost/state"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// native is a Go value as an instance. A panic in it is its crash.
type native struct {
	handler agent.Handler
	logf    func(format string, args ...any)
	hold    *state.Hold
	said    *lines
	done    chan struct{}
	once    sync.Once
	err     error
	closing sync.Once
	closed  chan error // one: how Close went
}

// newNative makes an agent of the module, whose states go to the hold.
func newNative(ctx context.Context, m agent.Module, env agent.Env, hold *state.Hold) (_ *native, err error) {
	n := &native{hold: hold, said: new(lines), done: make(chan struct{}), closed: make(chan error, 1)}
	env.Logf, env.Save = n.said.tee(env.Logf), n.save
	n.logf = env.Logf
	defer func() {
		if v := recover(); v != nil {
			err = api.Errorf(api.FailedPrecondition, "module %s panicked when it was started: %v", m.Name, v).WithReason(api.ReasonStartFailed)
		}
		if err != nil {
			hold.Close()
		}
	}()
	h, err := m.New(ctx, env)
	if err != nil {
		return nil, api.Errorf(api.FailedPrecondition, "module %s did not start: %v", m.Name, err).WithReason(api.ReasonStartFailed)
	}
	if h == nil {
		return nil, api.Errorf(api.FailedPrecondition, "module %s made no agent", m.Name).WithReason(api.ReasonStartFailed)
	}
	n.handler = h
	return n, nil
}

// save stores a state of the agent. An instance that can save no more ends.
func (n *native) save(ctx context.Context, data json.RawMessage) error {
	_, err := n.hold.Save(ctx, data)
	if code := api.CodeOf(err); code == api.Fenced || code == api.FailedPrecondition {
		n.end(err)
	}
	return err
}

func (n *native) Handle(ctx context.Context, m *agent.Message) (answer json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			n.logf("panic: %v\n%s", v, debug.Stack())
			n.end(fmt.Errorf("panic: %v", v))
			answer, err = nil, exec.NoEnd(crashed()) // what it had spent is told, what it was about to is not
		}
	}()
	answer, err = n.handler.Handle(ctx, m)
	if err == nil && len(answer) > 0 && !codec.Valid(answer) {
		return nil, api.Errorf(api.FailedPrecondition, "the agent's answer is not one JSON value").WithReason(api.ReasonAgentError)
	}
	return answer, err
}

func crashed() error {
	return api.Errorf(api.Unavailable, "the agent crashed while it had the message").WithReason(api.ReasonAgentCrashed).MaybeExecuted()
}

// end ends the instance, by a crash unless err is nil.
func (n *native) end(err error) {
	n.once.Do(func() {
		n.err = err
		if err != nil {
			n.hold.Close()
		}
		close(n.done)
	})
}

func (n *native) Done() <-chan struct{} { return n.done }
func (n *native) PID() int              { return 0 }
func (n *native) LogTail() []string     { return n.said.tail() }

func (n *native) Err() error {
	select {
	case <-n.done:
		return n.err
	default:
		return nil
	}
}

// Stop has the handler's state saved, unless the instance has crashed, and closes the handler. One that does not come to an end
// is left behind when ctx ends, and saves no more.
func (n *native) Stop(ctx context.Context) error {
	inOrder := !isDone(n.done) || n.Err() == nil
	n.end(nil)
	n.closing.Do(func() {
		stateful, keeps := n.handler.(agent.Stateful)
		closer, closes := n.handler.(io.Closer)
		if !keeps && !closes {
			n.hold.Close()
			close(n.closed)
			return
		}
		go func() {
			defer close(n.closed)
			defer n.hold.Close()
			var err error
			if keeps && inOrder {
				err = recovered("State", func() error { return n.keep(ctx, stateful) })
			}
			if closes {
				err = errors.Join(err, recovered("Close", closer.Close))
			}
			n.closed <- err
		}()
	})
	select {
	case err := <-n.closed:
		return err
	case <-ctx.Done():
		n.hold.Close()
		return fmt.Errorf("close: %w", ctx.Err())
	}
}

// keep saves the last state of the handler.
func (n *native) keep(ctx context.Context, h agent.Stateful) error {
	data, err := h.State(ctx)
	if err == nil && len(data) > 0 {
		_, err = n.hold.Save(ctx, data)
	}
	if err != nil {
		return fmt.Errorf("save the last state: %w", err)
	}
	return nil
}

// recovered calls f, and takes its panic for an error.
func recovered(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in %s: %v", what, v)
		}
	}()
	return f()
}
