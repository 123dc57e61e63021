package exec

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// message is a message that is not answered yet, and its Parts.
type message struct {
	worker *worker
	id     string
	parent string // the traceparent that came with it
	span   trace.Span
	stream bool
	task   bool
	msg    *agent.Message
	ctx    context.Context
	cancel context.CancelFunc

	asking sync.Mutex // held for a question and its answer: they come one after the other
	input  chan inbound
}

// idKey finds the message whose handler a context is for, so that calls say what they are made for.
type idKey struct{}

// begin notes a message. It is called by the reader, before any frame that is about the message.
func (w *worker) begin(f *inbound) *message {
	m := &message{worker: w, id: f.ID, parent: trace.Accept(f.Traceparent), stream: f.Stream, task: f.Task.ID != "", input: make(chan inbound, 1)}
	ctx := trace.Remote(context.WithValue(w.ctx, idKey{}, f.ID), m.parent)
	ctx, m.span = trace.Start(ctx, trace.Server, "handle message") // when the program has a tracer provider
	if f.Deadline.IsZero() {
		m.ctx, m.cancel = context.WithCancel(ctx)
	} else {
		m.ctx, m.cancel = context.WithDeadline(ctx, f.Deadline)
	}
	m.msg = &agent.Message{
		Payload: f.Payload, Cast: f.Cast, Principal: f.Principal, Task: f.Task.ID, Attempt: f.Task.Attempt,
		Job: f.Job, Session: f.Session, Checkpoint: w.checkpoints[f.ID], Parts: m,
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages[f.ID] = m
	return m
}

// hear takes the answer to the open question; one that nobody waits for is dropped.
func (m *message) hear(f inbound) {
	select {
	case m.input <- f:
	default:
	}
}

// Chunk implements agent.Parts.
func (m *message) Chunk(ctx context.Context, payload json.RawMessage) error {
	return m.part(ctx, "chunk", payload, m.stream)
}

// Progress implements agent.Parts.
func (m *message) Progress(ctx context.Context, payload json.RawMessage) error {
	return m.part(ctx, "progress", payload, m.stream)
}

// Checkpoint implements agent.Parts. It returns when the checkpoint is on its way to the host.
func (m *message) Checkpoint(ctx context.Context, state json.RawMessage) error {
	return m.part(ctx, "checkpoint", state, m.task)
}

// Ask implements agent.Parts.
func (m *message) Ask(ctx context.Context, question json.RawMessage) (json.RawMessage, error) {
	m.asking.Lock()
	defer m.asking.Unlock()
	select {
	case <-m.input: // of a question whose asker has given up
	default:
	}
	if err := m.part(ctx, "need_input", question, true); err != nil {
		return nil, err
	}
	select {
	case f := <-m.input:
		return f.answer()
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	case <-m.ctx.Done():
		return nil, gaveUp(m.ctx)
	case <-m.worker.over:
		return nil, stopping()
	}
}

func (m *message) part(ctx context.Context, kind string, payload json.RawMessage, wanted bool) error {
	for _, c := range []context.Context{ctx, m.ctx} {
		if c.Err() != nil {
			return gaveUp(c)
		}
	}
	if !codec.Valid(payload) {
		return api.Errorf(api.Invalid, "a part is one JSON value").WithReason(api.ReasonMalformed)
	}
	if !wanted {
		return nil
	}
	return m.worker.send(outbound{Type: kind, ID: m.id, Payload: payload})
}

// answer is what the host says to a question or a call.
func (f *inbound) answer() (json.RawMessage, error) {
	if f.Error != nil {
		return nil, f.Error
	}
	return f.Payload, nil
}

func gaveUp(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return api.Errorf(api.DeadlineExceeded, "the message's time is over").WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.Cancelled, "nobody waits for the message any more")
}

func stopping() error {
	return api.Errorf(api.Unavailable, "the worker is being stopped, so no answer comes").WithReason(api.ReasonDraining)
}
