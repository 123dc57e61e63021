// Package agent is what the author of an agent in Go works with: the message an agent gets, the handler it is, and the
// module that an agent host makes it from.
package agent

import (
	"context"
	"encoding/json"
	"sync"

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
	// Session is the id of the session whose question the message is, or "". Payload is then an api.SessionQuestion, and the
	// answer is the agent's answer to it: see Question.
	Session string
	// Task is the id of the durable task that the message is, or "". A task may run more than once.
	Task string
	// Attempt counts the attempts of the task from 1; 0 when the message is no task.
	Attempt int
	// Job is the job that the message belongs to, or "". Messages that the handler sends with its context belong to it too.
	Job string
	// Checkpoint is what an earlier attempt at the task saved last; nil if there is none.
	Checkpoint json.RawMessage
	// Parts sends what there is to say before the answer. It is never nil: to a caller that wants the answer in one piece,
	// chunks and progress are simply not sent.
	Parts Parts

	mu   sync.Mutex
	used api.Usage
}

// Spend adds to what the answer has cost, also when it will be an error. Costs of agents that the handler asks are theirs.
func (m *Message) Spend(u api.Usage) {
	if u.Validate() != nil {
		return
	}
	m.mu.Lock()
	m.used.Add(u)
	m.mu.Unlock()
}

// Used returns what was spent so far.
func (m *Message) Used() api.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
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
	//
	// A task that asks is put aside until somebody answers, which may take days: ctx ends, Ask fails with cancelled
	// (waiting_input), and the handler returns an error. With the answer the task is handed to an agent anew, by its newest
	// checkpoint, and there the same question gets the answer at once. A question asked several times gets its answers in order;
	// one that was answered before the checkpoint is a new question after it, so keep answers in checkpoints.
	Ask(ctx context.Context, question json.RawMessage) (json.RawMessage, error)
	// Checkpoint saves how far a task is: the next attempt gets the newest one as Message.Checkpoint. It returns when the
	// checkpoint is stored, or fails: fenced (attempt_superseded) when a later attempt has saved one. A message that is no task
	// has no next attempt, so nothing is saved.
	Checkpoint(ctx context.Context, state json.RawMessage) error
}

// NoParts is the Parts of a caller that wants its answer in one piece.
type NoParts struct{}

// Chunk implements Parts: it sends nothing.
func (NoParts) Chunk(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

// Progress implements Parts: it sends nothing.
func (NoParts) Progress(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

// Checkpoint implements Parts: it saves nothing.
func (NoParts) Checkpoint(ctx context.Context, _ json.RawMessage) error { return ctx.Err() }

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
	// State is what the agent saved last, wherever it ran then; its zero value if it never saved.
	State State
	// Save keeps the agent's state for its next start, here or on another host. It returns when the state is stored, or fails:
	// fenced (stale_state) when the agent has been started elsewhere since, and then this instance is to stop. States that are
	// saved at once are stored in the order of the calls' ends.
	Save func(ctx context.Context, state json.RawMessage) error
	// Logf writes a line to the host's log, with the agent's id.
	Logf func(format string, args ...any)
}

// State is a saved state.
type State struct {
	// Version counts the states that were saved; 0 means none.
	Version uint64
	// Data is a JSON value.
	Data json.RawMessage
}

// Stateful is a Handler that is asked for its state when it is stopped, moved or drained, after its last message and before
// Close. What it returns is saved like by Env.Save; nil saves nothing. An instance that has crashed is not asked.
type Stateful interface {
	State(ctx context.Context) (json.RawMessage, error)
}

// Module makes agents of one kind. Its name is what AgentSpec.Module names.
type Module struct {
	Name string
	// Doc says in one sentence what agents of the module do.
	Doc string
	// New makes one agent. The context ends when the start is given up; the agent itself lives until it is closed.
	New func(ctx context.Context, env Env) (Handler, error)
}
