package chaos

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/codec"
)

// counter is an agent that counts its messages, and answers with a number only once that is saved. A task it answers with the
// task's payload.
type counter struct {
	save func(ctx context.Context, state json.RawMessage) error
	kept
}

type kept struct {
	Count uint64 `json:"count"`
}

// NewCounter makes the agent, for exec.Serve.
func NewCounter(_ context.Context, env agent.Env) (agent.Handler, error) {
	if env.Save == nil {
		return nil, fmt.Errorf("agent %s has nowhere to save its state", env.Spec.ID)
	}
	c := &counter{save: env.Save}
	if env.State.Version > 0 {
		if err := codec.Read(env.State.Data, &c.kept); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Handle implements agent.Handler.
func (c *counter) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	if m.Task != "" {
		return m.Payload, nil
	}
	// A number whose fate is not known is not used again.
	c.Count++
	state, err := codec.Marshal(c.kept)
	if err != nil {
		return nil, err
	}
	if err := c.save(ctx, state); err != nil {
		return nil, err
	}
	return state, nil
}
