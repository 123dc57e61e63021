package tasks

import (
	"context"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// span begins the span of an attempt at a task. It is a trace of its own, which may come days after that of the submission, and again for
// each attempt: the two are linked. Without a tracer provider the traceparent of the submission goes on.
func (p *Puller) span(j job, w *work, m *agent.Message) (context.Context, trace.Span) {
	submitted := j.msg.Header.Get(api.HeaderTraceparent)
	if !trace.On() {
		return trace.Remote(p.base, submitted), trace.Span{}
	}
	ctx, span := trace.StartRoot(p.base, trace.Consumer, "process task")
	if !span.On() {
		return ctx, span
	}
	span.Link(submitted)
	span.Text(trace.Messaging, trace.NATS)
	span.Text(trace.Operation, "process")
	span.Text(trace.OperationIs, "process")
	span.Text(trace.Template, "task.{capability}.{priority}.{id}")
	span.Text(trace.Namespace, p.store.ns)
	span.Text(trace.Principal, m.Principal)
	span.Text(trace.Task, m.Task)
	span.Number(trace.Attempt, int64(m.Attempt))
	span.Text(trace.Capability, w.t.Capability)
	span.Text(trace.Job, m.Job)
	span.Text(trace.Agent, j.slot.Agent())
	span.Text(trace.Host, p.host)
	return ctx, span
}
