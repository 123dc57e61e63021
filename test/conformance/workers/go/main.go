// Command go is the worker of the conformance kit in Go: it does what test/conformance/README.md lists.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// payload is what all behaviours read of a message.
type payload struct {
	Do         string          `json:"do"`
	Value      json.RawMessage `json:"value"`
	Code       api.Code        `json:"code"`
	Message    string          `json:"message"`
	Reason     string          `json:"reason"`
	N          int             `json:"n"`
	CrashAt    int             `json:"crash_at"`
	Question   json.RawMessage `json:"question"`
	Agent      string          `json:"agent"`
	Capability string          `json:"capability"`
	Payload    json.RawMessage `json:"payload"`
	Timeout    float64         `json:"timeout"`
	TokensIn   int64           `json:"tokens_in"`
	TokensOut  int64           `json:"tokens_out"`
	Cost       int64           `json:"cost"`
	Fail       bool            `json:"fail"`
	Level      string          `json:"level"`
}

func main() {
	err := exec.Serve(func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return &worker{agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			var p payload
			if q, ok := m.Question(); ok {
				m.Payload = q.Ask
			}
			if err := codec.Read(m.Payload, &p); err != nil {
				return nil, api.Errorf(api.Invalid, "want an object that says what to do: %v", err)
			}
			answer, err := behave(ctx, env, m, &p)
			if err != nil {
				return nil, err
			}
			return codec.Marshal(answer)
		})}, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// worker is an agent that tells what it has kept last.
type worker struct{ agent.Handler }

var kept atomic.Pointer[json.RawMessage]

// State implements agent.Stateful.
func (worker) State(context.Context) (json.RawMessage, error) {
	last := kept.Load()
	if last == nil {
		return nil, nil
	}
	return codec.Marshal(map[string]json.RawMessage{"last": *last})
}

func behave(ctx context.Context, env agent.Env, m *agent.Message, p *payload) (any, error) {
	switch p.Do {
	case "echo":
		return p.Value, nil
	case "about":
		return about(env, m), nil
	case "fail":
		if p.Code == "" {
			return nil, errors.New(p.Message)
		}
		return nil, api.Errorf(p.Code, "%s", p.Message).WithReason(p.Reason)
	case "stream":
		return stream(ctx, m, p.N)
	case "steps":
		return steps(ctx, m, p)
	case "approve":
		if m.Checkpoint == nil {
			if err := m.Parts.Checkpoint(ctx, json.RawMessage(`{"done":1}`)); err != nil {
				return nil, err
			}
		}
		return ask(ctx, m, p)
	case "ask":
		return ask(ctx, m, p)
	case "slow":
		if err := m.Parts.Chunk(ctx, json.RawMessage(`"begun"`)); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return nil, ctx.Err()
	case "call":
		return call(ctx, env, p)
	case "cast":
		return nil, env.Bus.Cast(ctx, p.Agent, p.Payload)
	case "spend":
		m.Spend(api.Usage{TokensIn: p.TokensIn, TokensOut: p.TokensOut})
		m.Spend(api.Usage{Cost: api.Micro(p.Cost)})
		if p.Fail {
			return nil, api.Errorf(api.Unavailable, "the model is away")
		}
		return nil, nil
	case "crash":
		os.Exit(3)
	case "noise":
		fmt.Println("noise on standard output")
		fmt.Fprintln(os.Stderr, "noise on standard error")
		return nil, nil
	case "nan":
		return json.RawMessage("NaN"), nil
	case "state":
		return map[string]any{"state": env.State.Data, "version": env.State.Version}, nil
	case "keep":
		kept.Store(&p.Value)
		return nil, env.Save(ctx, p.Value)
	case "log":
		env.Logf("%s", p.Message)
		return nil, nil
	}
	return nil, api.Errorf(api.Invalid, "this worker does not know how to %q", p.Do)
}

func about(env agent.Env, m *agent.Message) any {
	return map[string]any{
		"task": m.Task, "attempt": m.Attempt, "checkpoint": m.Checkpoint, "principal": m.Principal, "job": m.Job, "session": m.Session, "cast": m.Cast,
		"agent": env.Spec.ID, "config": env.Spec.Config,
	}
}

func stream(ctx context.Context, m *agent.Message, n int) (any, error) {
	for i := range n {
		if err := m.Parts.Chunk(ctx, fmt.Append(nil, i+1)); err != nil {
			return nil, err
		}
		if err := m.Parts.Progress(ctx, fmt.Appendf(nil, `{"done":%d,"of":%d}`, i+1, n)); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func steps(ctx context.Context, m *agent.Message, p *payload) (any, error) {
	var at struct {
		Done int `json:"done"`
	}
	if m.Checkpoint != nil {
		if err := codec.Read(m.Checkpoint, &at); err != nil {
			return nil, err
		}
	}
	begin := at.Done
	for at.Done < p.N {
		at.Done++
		if err := m.Parts.Checkpoint(ctx, fmt.Appendf(nil, `{"done":%d}`, at.Done)); err != nil {
			return nil, err
		}
		if at.Done == p.CrashAt && m.Attempt == 1 {
			os.Exit(3)
		}
	}
	return map[string]int{"from": begin, "done": at.Done}, nil
}

func ask(ctx context.Context, m *agent.Message, p *payload) (any, error) {
	answer, err := m.Parts.Ask(ctx, p.Question)
	return map[string]json.RawMessage{"answer": answer}, err
}

func call(ctx context.Context, env agent.Env, p *payload) (any, error) {
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(p.Timeout*float64(time.Second)))
		defer cancel()
	}
	if p.Capability != "" {
		return env.Bus.CallCapability(ctx, p.Capability, p.Payload)
	}
	return env.Bus.Call(ctx, p.Agent, p.Payload)
}
