// Package agent is what the author of an agent in Go works with: the message an agent gets, the handler it is, and the
// module that an agent host makes it from.
package agent

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/shared/api"
)

// Message is what somebody wants of an agent.
type Message struct {
	// Payload is a JSON value, as the sender wrote it.
	Payload json.RawMessage
	// Cast is true when nobody waits for an answer.
	Cast bool
	// Principal is who sent the message, if the sender named itself.
	Principal string
	// Task is the id of the durable task that the message is, or "". A task may run more than once.
	Task string
	// Attempt counts the attempts of the task from 1; 0 when the message is no task.
	Attempt int
}

// Handler is a running agent. Handle is called with as many messages at once as the agent's concurrency allows, by default
// one. The answer is a JSON value. An *api.Error is passed to the caller as it is; any other error becomes a
// failed_precondition with reason agent_error and the error's text. A panic is a crash: the caller gets unavailable
// (agent_crashed) and a new instance takes the agent's place.
//
// A handler that also has Close() error is closed when it is stopped.
type Handler interface {
	Handle(ctx context.Context, m *Message) (json.RawMessage, error)
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, m *Message) (json.RawMessage, error)

// Handle implements Handler.
func (f HandlerFunc) Handle(ctx context.Context, m *Message) (json.RawMessage, error) {
	return f(ctx, m)
}

// Bus is how an agent talks to others from inside its handler. Calls made with the handler's context inherit its deadline.
type Bus interface {
	// Call asks one agent and waits for its answer.
	Call(ctx context.Context, agentID string, payload any) (json.RawMessage, error)
	// CallCapability asks any one agent that has the capability.
	CallCapability(ctx context.Context, capability string, payload any) (json.RawMessage, error)
	// Cast sends to one agent and waits for no answer. Casts of one sender to one agent arrive in order.
	Cast(ctx context.Context, agentID string, payload any) error
}

// Env is what a new agent gets.
type Env struct {
	// Spec is the agent's specification; Spec.Config holds its own settings.
	Spec api.AgentSpec
	// Bus reaches other agents.
	Bus Bus
	// Logf writes a line to the host's log, with the agent's id.
	Logf func(format string, args ...any)
}

// Module makes agents of one kind. Its name is what AgentSpec.Module names.
type Module struct {
	Name string
	// Doc says in one sentence what agents of the module do.
	Doc string
	// New makes one agent. The context ends when the start is given up; the agent itself lives until it is closed.
	New func(ctx context.Context, env Env) (Handler, error)
}
