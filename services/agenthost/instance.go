package agenthost

import (
	"context"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/services/agenthost/http"
	"github.com/mabus-project/mabus/services/agenthost/state"
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

// measured is an instance that can tell more of itself.
type measured interface{ Measure(live *api.AgentLive) }

// guarded is an instance with a guard, which Measure tells of.
type guarded interface {
	measured
	Reset()
}

// newInstance makes one of the runtime that the agent's specification names, for the claim that its record is under. From then
// on no earlier instance can save a state.
//
// An instance that finds out by a save that its agent has been started elsewhere ends with that error, which is fenced
// (stale_state), as newInstance fails with it: such an agent is not to be started again here.
func (s *Service) newInstance(ctx context.Context, rec api.Agent) (instance, error) {
	spec := rec.AgentSpec
	log := s.log.With().Str("agent", spec.ID).Logger()
	bus := client.New(s.conn.WithPrincipal(spec.ID)) // an agent speaks under its own name
	switch spec.RuntimeOrDefault() {
	case api.RuntimeNative:
		module, ok := s.modules[spec.Module]
		if !ok {
			return nil, moduleNotFound(spec.Module)
		}
		hold, saved, err := s.states.Load(ctx, state.ClaimOf(&rec))
		if err != nil {
			return nil, err
		}
		n, err := newNative(ctx, module, agent.Env{
			Spec: spec, Bus: bus, State: saved, Logf: func(format string, args ...any) { log.Info().Msgf(format, args...) },
		}, hold)
		if err != nil { // not n, which would be an instance that is nil
			return nil, err
		}
		return n, nil
	case api.RuntimeExec:
		secrets, wipe, err := s.secretsOf(ctx, &spec)
		if err != nil {
			return nil, err
		}
		defer wipe()
		hold, saved, err := s.states.Load(ctx, state.ClaimOf(&rec))
		if err != nil {
			return nil, err
		}
		opts := exec.Options{Bus: bus, State: saved, Save: hold.Save, Secrets: secrets, Log: s.log, CancelGrace: spec.Grace.Std()}
		if spec.Shutdown > 0 { // half of it for the program itself, half after SIGTERM
			opts.Grace = spec.Shutdown.Std() / 2
			if opts.CancelGrace == 0 {
				opts.CancelGrace = exec.DefaultGrace
			}
		}
		p, err := exec.Start(ctx, spec, opts)
		if err != nil {
			return nil, err
		}
		return p, nil
	case api.RuntimeHTTP:
		e, err := http.Start(ctx, spec, http.Options{Limits: s.limits, Secrets: s.secrets, Log: log})
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
