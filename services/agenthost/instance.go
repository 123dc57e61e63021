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
	"github.com/mabus-project/mabus/shared/api"
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
		p, err := exec.Start(ctx, spec, exec.Options{Bus: bus, Log: log})
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	return nil, api.Errorf(api.Invalid, "agent %s has no module and no command: no host can run it", spec.ID)
}

func moduleNotFound(name string) error {
	return api.Errorf(api.FailedPrecondition, "no live host has the module %q compiled in", name).WithReason(api.ReasonModuleNotFound)
}

// native is a Go value as an instance. A panic in it is its crash.
type native struct {
	handler agent.Handler
	done    chan struct{}
	once    sync.Once
	err     error
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
	return &native{handler: h, done: make(chan struct{})}, nil
}

func (n *native) Handle(ctx context.Context, m *agent.Message) (answer json.RawMessage, err error) {
	defer func() {
		if v := recover(); v != nil {
			n.end(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			answer, err = nil, crashed()
		}
	}()
	return n.handler.Handle(ctx, m)
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

func (n *native) Stop(context.Context) (err error) {
	n.end(nil)
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in Close: %v", v)
		}
	}()
	if c, ok := n.handler.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
