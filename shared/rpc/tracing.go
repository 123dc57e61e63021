package rpc

import (
	"context"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// spanOut begins the span of a request or a message on its way out. It is called only when there is a tracer provider. A handler's context
// has its span; another may have but the traceparent of a cause.
func (c *Conn) spanOut(ctx context.Context, kind trace.Kind, subject string) (context.Context, trace.Span) {
	if !trace.Has(ctx) {
		ctx = trace.Remote(ctx, CauseFrom(ctx).Traceparent)
		if c.state.background && !trace.Has(ctx) {
			ctx = trace.Quiet(ctx)
		}
	}
	what, method := c.template(subject)
	name, operation := what, "request"
	if !method {
		if kind == trace.Producer {
			operation = "publish"
		}
		name = operation + " " + what
	}
	ctx, span := trace.Start(ctx, kind, name)
	if !span.On() {
		return ctx, span
	}
	system, template := trace.System, ""
	if !method {
		system, template, what = "", what, ""
	}
	span.Texts([][2]string{
		{trace.Messaging, trace.NATS},
		{trace.Operation, "send"},
		{trace.OperationIs, operation},
		{trace.Destination, subject},
		{trace.Template, template},
		{trace.RPCSystem, system},
		{trace.RPCMethod, what},
		{trace.Namespace, c.Namespace},
		{trace.Principal, c.Principal},
		{trace.RequestID, requestID(ctx)},
	}...)
	return ctx, span
}

// template is a subject without the namespace and without what is another for each agent or host, of which there may be millions. It is
// the name of a method if method is true.
func (c *Conn) template(subject string) (what string, method bool) {
	rest, ok := strings.CutPrefix(subject, c.Namespace+".")
	if !ok {
		return subject, false
	}
	noun, more, _ := strings.Cut(rest, ".")
	switch noun {
	case "agent":
		return "agent.{id}", false
	case "capability", "all", "lb":
		return rest, false
	case "host", "agentctl":
		if _, verb, ok := strings.Cut(more, "."); ok {
			return noun + ".{id}." + verb, false
		}
		return noun + ".{id}", false
	}
	return rest, strings.Count(more, ".") == 1
}

// spanIn begins the span of a request that a worker has taken. It is called only when there is a tracer provider.
func (s *Server) spanIn(r *request) (context.Context, trace.Span) {
	ctx, span := trace.Start(trace.Remote(s.base, r.header.Get(api.HeaderTraceparent)), trace.Server, r.method.Name())
	if !span.On() {
		return ctx, span
	}
	span.Texts([][2]string{
		{trace.RPCSystem, trace.System},
		{trace.RPCMethod, r.method.Name()},
		{trace.Messaging, trace.NATS},
		{trace.Namespace, s.conn.Namespace},
		{trace.Principal, id(r.principal)},
		{trace.RequestID, id(r.header.Get(api.HeaderRequestID))},
		{trace.Job, id(r.header.Get(api.HeaderJob))},
	}...)
	return ctx, span
}

// id is what came as an id, if it has the form of one: others may hold anything, and a span shall not.
func id(text string) string {
	if !api.ValidID(text) {
		return ""
	}
	return text
}
