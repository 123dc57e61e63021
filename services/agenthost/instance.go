package agenthost

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// instance is one life of an agent: it ends by a crash or by Stop, and then another takes its place.
type instance interface {
	agent.Handler
	// Done is closed when the instance has ended; Err then says why, nil meaning in order.
	Done() <-chan struct{}
	Err() error
	PID() int
	LogTail() []string
	Stop(ctx context.Context) error
}

// measured is an instance that can tell more of itself.
type measured interface{ Measure(live *api.AgentLive) }

// guarded is an instance with a guard, which Measure tells of.
type guarded interface {
	measured
	Reset()
}

// newInstance makes one of the runtime that the specification names.
func (s *Service) newInstance(ctx context.Context, spec api.AgentSpec) (instance, error) {
	log := s.log.With().Str("agent", spec.ID).Logger()
	bus := client.New(s.conn.WithPrincipal(spec.ID)) // an agent speaks under its own name
	switch spec.RuntimeOrDefault() {
	case api.RuntimeNative:
		module, ok := s.modules[spec.Module]
		if !ok {
			return nil, moduleNotFound(spec.Module)
		}
		return newNative(ctx, module, agent.Env{
			Spec: spec, Bus: bus, Logf: func(format string, args ...any) { log.Info().Msgf(format, args...) },
		})
	case api.RuntimeExec:
		p, err := exec.Start(ctx, spec, exec.Options{Bus: bus, Log: s.log, CancelGrace: spec.Grace.Std()})
		if err != nil {
			return nil, err
		}
		return p, nil
	case api.RuntimeHTTP:
		e, err := http.Start(ctx, spec, http.Options{Limits: s.limits, Log: log})
		if err != nil {
			return nil, err
		}
		return e, nil
	}
	return nil, api.Errorf(api.Invalid, "agent %s has no module, no command and no endpoint: no host can run it", spec.ID)
}

func moduleNotFound(name string) error {
	return api.Errorf(api.FailedPrecondition, "no live host has the module %q compiled in", name).WithReason(api.ReasonModuleNotFound)
}

// native is a Go value as an instance. A panic in it is its crash.
type native struct {
	handler agent.Handler
	logf    func(format string, args ...any)
	done    chan struct{}
	once    sync.Once
	err     error
	closing sync.Once
	closed  chan error // one: how Close went
}

func newNative(ctx context.Context, m agent.Module, env agent.Env) (n *native, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = nil, api.Errorf(api.FailedPrecondition, "module %s panicked when it was started: %v", m.Name, v).WithReason(api.ReasonStartFailed)
		}
	}()
	h, err := m.New(ctx, env)
	if err != nil {
		return nil, api.Errorf(api.FailedPrecondition, "module %s did not start: %v", m.Name, err).WithReason(api.ReasonStartFailed)
	}
	if h == nil {
		return nil, api.Errorf(api.FailedPrecondition, "module %s made no agent", m.Name).WithReason(api.ReasonStartFailed)
	}
	return &native{handler: h, logf: env.Logf, done: make(chan struct{}), closed: make(chan error, 1)}, nil
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

func (n *native) end(err error) {
	n.once.Do(func() {
		n.err = err
		close(n.done)
	})
}

func (n *native) Done() <-chan struct{} { return n.done }
func (n *native) PID() int              { return 0 }
func (n *native) LogTail() []string     { return nil }

func (n *native) Err() error {
	select {
	case <-n.done:
		return n.err
	default:
		return nil
	}
}

// Stop closes the handler. One that does not come to an end is left behind when ctx ends.
func (n *native) Stop(ctx context.Context) error {
	n.end(nil)
	c, ok := n.handler.(io.Closer)
	if !ok {
		return nil
	}
	n.closing.Do(func() {
		go func() {
			defer close(n.closed)
			defer func() {
				if v := recover(); v != nil {
					n.closed <- fmt.Errorf("panic in Close: %v", v)
				}
			}()
			n.closed <- c.Close()
		}()
	})
	select {
	case err := <-n.closed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("close: %w", ctx.Err())
	}
}
