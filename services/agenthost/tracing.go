package agenthost

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// span begins the span of a message that a worker has taken: it goes back to when the message came, and has the time in the mailbox as a
// span within. Without a tracer provider it only makes the traceparent that came the one that goes on.
func (s *Service) span(m *message) (context.Context, trace.Span) {
	ctx := trace.Remote(s.base, m.msg.Header.Get(api.HeaderTraceparent))
	if !trace.On() {
		return ctx, trace.Span{}
	}
	ctx, span := trace.StartAt(ctx, trace.Consumer, "process agent.{id}", m.arrived)
	_, waited := trace.StartAt(ctx, trace.Internal, "mailbox", m.arrived)
	waited.End(nil)
	if !span.On() {
		return ctx, span
	}
	span.Text(trace.Messaging, trace.NATS)
	span.Text(trace.Operation, "process")
	span.Text(trace.OperationIs, "process")
	span.Text(trace.Destination, m.msg.Subject)
	span.Text(trace.Template, "agent.{id}")
	span.Text(trace.Namespace, s.conn.Namespace)
	if p := s.principal(m.msg.Subject); api.ValidID(p) {
		span.Text(trace.Principal, p)
	}
	if id := m.msg.Header.Get(api.HeaderRequestID); api.ValidID(id) {
		span.Text(trace.RequestID, id)
	}
	if job := m.msg.Header.Get(api.HeaderJob); api.ValidID(job) {
		span.Text(trace.Job, job)
	}
	if m.cast {
		span.Flag(trace.Cast)
	}
	if m.ask != nil {
		span.Text(trace.Session, m.ask.session)
		span.Number(trace.Round, int64(m.ask.round))
	}
	m.agent.describe(span)
	return ctx, span
}

// describe says of a span which agent it is about.
func (h *hosted) describe(span trace.Span) {
	span.Text(trace.Agent, h.rec.ID)
	span.Text(trace.AgentType, h.rec.Type)
	span.Text(trace.Runtime, string(h.rec.RuntimeOrDefault()))
	span.Text(trace.Host, h.s.cfg.ID)
}
