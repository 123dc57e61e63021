package exec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/secret"
)

// Start starts the program of an exec agent and sends it the init frame. It does not wait for the worker unless the
// agent's config has "wait_ready": true. The context limits the start alone; the process lives until Stop.
//
// Errors: failed_precondition (start_failed) if the program cannot be run, cannot be kept within its resources on this system,
// or does not become ready.
func Start(ctx context.Context, spec api.AgentSpec, opt Options) (*Process, error) {
	if len(spec.Command) == 0 {
		return nil, startFailed("agent %q has no command", spec.ID)
	}
	if err := ctx.Err(); err != nil {
		return nil, gaveUp(err, "the start of agent %q was given up", spec.ID)
	}
	var own struct {
		WaitReady bool `json:"wait_ready"`
	}
	if len(spec.Config) > 0 {
		if err := codec.Read(spec.Config, &own); err != nil {
			return nil, startFailed("config must be a JSON object, and its wait_ready true or false: %v", err)
		}
	}
	hello, err := initFrame(spec, opt.saved())
	if err != nil {
		return nil, startFailed("config, metadata and saved state must be valid JSON: %v", err)
	}
	if limit := opt.withDefaults().MaxLine; len(hello.head) > limit {
		return nil, startFailed("what the worker saved is too large to hand it over: the init frame has %d bytes, a line at most %d", len(hello.head), limit)
	}
	cmd, err := isolate.Command(spec.Command, spec.Dir, spec.Env, "MABUS_AGENT_ID="+spec.ID)
	if err != nil {
		return nil, err
	}
	handed, err := hand(cmd, opt.Secrets)
	if err != nil {
		return nil, err
	}
	defer handed.close()
	p := newProcess(spec, cmd, opt.withDefaults())
	p.hide = secret.NewRedactor(slices.Collect(maps.Values(opt.Secrets))...)
	p.opt.Secrets = nil
	p.out <- hello
	if err := p.start(); err != nil {
		if e := api.AsError(err); e != nil {
			return nil, e
		}
		return nil, startFailed("%s could not be started: %v; see that it is executable and that its interpreter exists", spec.Command[0], err)
	}
	if own.WaitReady {
		if err := p.awaitReady(ctx); err != nil {
			p.crash(err)
			<-p.done
			return nil, err
		}
	}
	return p, nil
}

func startFailed(format string, args ...any) *api.Error {
	return isolate.StartFailed(format, args...)
}

func (p *Process) awaitReady(ctx context.Context) error {
	timer := time.NewTimer(p.opt.ReadyTimeout)
	defer timer.Stop()
	var why string
	select {
	case <-p.ready:
		return nil
	case <-p.done:
		why = "it ended"
		if err := p.Err(); err != nil {
			why = err.Error()
		}
	case <-ctx.Done():
		why = "the start was given up"
	case <-timer.C:
		why = fmt.Sprintf("it sent no ready frame within %s", p.opt.ReadyTimeout)
	}
	if tail := p.LogTail(); len(tail) > 0 {
		why += "; its standard error ends with: " + strings.Join(tail[max(0, len(tail)-3):], " / ")
	}
	return startFailed("agent %q did not become ready: %s", p.id, why)
}
