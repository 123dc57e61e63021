package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// reply is what came of one attempt.
type reply struct {
	answer json.RawMessage
	usage  *api.Usage    // nil if the answer does not tell
	sent   bool          // the endpoint may have got the request
	passed bool          // a chunk was handed on
	waited time.Duration // for the reader of the chunks
	unread bool          // the reader failed, not the endpoint
}

// ask sends one request and reads the answer. Its error is a *refusal when the endpoint has answered with an error.
func (c *call) ask(ctx context.Context) (_ *reply, err error) {
	ctx, span := c.span(ctx)
	defer func() { span.End(err) }()
	tracked, use, end := c.e.pool.begin(ctx)
	defer end()
	req, err := nethttp.NewRequestWithContext(tracked, nethttp.MethodPost, c.e.url, bytes.NewReader(c.body))
	if err != nil {
		return &reply{}, fmt.Errorf("make the request: %w", err)
	}
	c.dress(req)
	if parent := trace.Parent(ctx); parent != "" && req.Header.Get(api.HeaderTraceparent) == "" {
		req.Header.Set(api.HeaderTraceparent, parent)
	}
	r := &reply{}
	resp, err := c.e.pool.transport.RoundTrip(req) // and no client, which would follow redirects
	if r.sent = use.got.Load(); r.sent {
		c.sent.Store(true)
	}
	if err != nil {
		return r, c.lost(ctx, r.sent, err)
	}
	defer resp.Body.Close()
	span.Number(trace.HTTPStatus, int64(resp.StatusCode))
	if resp.StatusCode/100 != 2 {
		return r, c.refuse(resp)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return r, c.garbled("it is encoded as %q, which nobody asked for", c.clean(coding, 40))
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if c.stream && media == "text/event-stream" {
		return r, c.readStream(ctx, resp.Body, r)
	}
	return r, c.readWhole(ctx, resp, r)
}

func (c *call) dress(req *nethttp.Request) {
	req.Header = nethttp.Header{"Accept": {"application/json"}}
	if c.stream {
		req.Header.Set("Accept", "text/event-stream")
	}
	for k, v := range c.e.header {
		req.Header[k] = v
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
}

func (c *call) readWhole(ctx context.Context, resp *nethttp.Response, r *reply) error {
	if resp.ContentLength > maxAnswer {
		return tooMuch()
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.lost(ctx, true, err)
	case len(body) > maxAnswer:
		return tooMuch()
	}
	if c.e.spec.Format == api.HTTPChat {
		return c.readChat(ctx, body, r)
	}
	if resp.StatusCode == nethttp.StatusNoContent {
		body = []byte("null")
	}
	if !codec.Valid(body) {
		return c.garbled("it is not one JSON value but %s", c.quote(body))
	}
	r.answer, r.usage = c.hide.JSON(body), c.e.statedUsage(resp.Header.Get(HeaderUsage))
	return nil
}

func (c *call) readChat(ctx context.Context, body []byte, r *reply) error {
	var in completion
	if err := codec.Read(body, &in); err != nil {
		return c.garbled("it is no chat completion but %s", c.quote(body))
	}
	if in.failed() {
		return c.failed(in.Error, true)
	}
	if len(in.Choices) == 0 {
		return c.garbled("it has no choices")
	}
	first := in.Choices[0]
	if c.stream && first.Message.Content != "" { // it does not stream, but its caller reads parts
		if err := c.pass(ctx, c.hide.Text(first.Message.Content), r); err != nil {
			return err
		}
	}
	return c.finish(api.ChatAnswer{Text: first.Message.Content, FinishReason: first.FinishReason, Model: in.Model}, usageOf(in.Usage), r)
}

// finish makes the answer of a chat.
func (c *call) finish(a api.ChatAnswer, used *tokens, r *reply) (err error) {
	a.Text, a.FinishReason, a.Model = c.hide.Text(a.Text), c.hide.Text(a.FinishReason), c.hide.Text(a.Model)
	if used != nil {
		r.usage = &api.Usage{TokensIn: used.in, TokensOut: used.out, Cost: c.e.price(bound{used.in, used.out})}
	}
	r.answer, err = codec.Marshal(a)
	return err
}

// pass hands a piece of the text on to the reader, and waits until there is room for it.
func (c *call) pass(ctx context.Context, text string, r *reply) error {
	raw, err := codec.Marshal(chunk{text})
	if err != nil {
		return err
	}
	r.passed = true
	begin := time.Now()
	err = c.m.Parts.Chunk(ctx, raw)
	r.waited += time.Since(begin)
	if err != nil {
		r.unread = true
		if ctx.Err() != nil && c.ctx.Err() == nil && api.AsError(err) == nil {
			return api.Errorf(api.DeadlineExceeded, "the reader of the answer was too slow for the time that guard.timeout gives it").WithReason(api.ReasonTimeout).MaybeExecuted()
		}
		return fmt.Errorf("hand on a part of the answer: %w", err)
	}
	return nil
}

// lost explains why there is no answer, or only half of one.
func (c *call) lost(ctx context.Context, sent bool, err error) error {
	var e *api.Error
	switch {
	case c.ctx.Err() != nil:
		return fmt.Errorf("ask the endpoint: %w", c.ctx.Err()) // Handle says the rest
	case ctx.Err() != nil:
		e = api.Errorf(api.Unavailable, "the endpoint did not answer within the %v of guard.timeout", c.e.spec.Guard.Timeout)
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		e = api.Errorf(api.Unavailable, "the endpoint closed the connection before its answer was complete")
	case sent:
		e = api.Errorf(api.Unavailable, "the connection to the endpoint broke off: %s", c.clean(err.Error(), maxText))
	default:
		e = api.Errorf(api.Unavailable, "the endpoint cannot be reached: %s", c.clean(err.Error(), maxText))
	}
	if e = e.WithReason(api.ReasonEndpointError); sent {
		return e.MaybeExecuted()
	}
	return e
}

func (c *call) garbled(format string, args ...any) error {
	return api.Errorf(api.Unavailable, "the endpoint's answer makes no sense: %s", fmt.Sprintf(format, args...)).WithReason(api.ReasonEndpointError).MaybeExecuted()
}

func tooMuch() error {
	return api.Errorf(api.FailedPrecondition, "the endpoint's answer has more than %d bytes: ask for less", maxAnswer).WithReason(api.ReasonEndpointError)
}
