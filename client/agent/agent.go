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
	// Parts sends what there is to say before the answer. It is never nil: to a caller that wants the answer in one piece,
	// chunks and progress are simply not sent.
	Parts Parts
}

// Parts is how a handler says more than its answer while it works. Payloads are JSON values. The methods wait while the
// reader has no room for more, until ctx ends.
type Parts interface {
	// Chunk sends a piece of what the caller asked for. The result that follows is the end of it, or all of it again: that is
	// between the agent and its callers.
	Chunk(ctx context.Context, payload json.RawMessage) error
	// Progress tells how far the work is.
	Progress(ctx context.Context, payload json.RawMessage) error
	// Ask asks the caller something and waits for the answer. A caller that wants one piece cannot be asked:
	// failed_precondition (no_reader).
	Ask(ctx context.Context, question json.RawMessage) (json.RawMessage, error)
}

// NoParts is the Parts of a caller that wants its answer in one piece.
type NoParts struct{}

// Chunk implements Parts: it sends nothing.
func (NoParts) Chunk(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

// Progress implements Parts: it sends nothing.
func (NoParts) Progress(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

// Ask implements Parts: there is nobody to ask.
func (NoParts) Ask(context.Context, json.RawMessage) (json.RawMessage, error) {
	return nil, api.Errorf(api.FailedPrecondition, "the caller wants one answer and cannot be asked: call with a stream").WithReason(api.ReasonNoReader)
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
