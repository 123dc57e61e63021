package http

import (
	"context"
	nethttp "net/http"
	"net/url"
	"strconv"

	"github.com/mabus-project/mabus/shared/trace"
)

// span begins the span of one request to the endpoint. Of the URL it has only the host: paths and queries may hold keys.
func (c *call) span(ctx context.Context) (context.Context, trace.Span) {
	ctx, span := trace.Start(ctx, trace.Client, nethttp.MethodPost)
	if !span.On() {
		return ctx, span
	}
	span.Text(trace.HTTPMethod, nethttp.MethodPost)
	span.Text(trace.Agent, c.e.id)
	if u, err := url.Parse(c.e.url); err == nil {
		span.Text(trace.ServerName, u.Hostname())
		port, err := strconv.ParseInt(u.Port(), 10, 32)
		switch {
		case err == nil:
		case u.Scheme == "http":
			port = 80
		default:
			port = 443
		}
		span.Number(trace.ServerPort, port)
	}
	return ctx, span
}
