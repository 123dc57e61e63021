package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Reply answers a request with a body, by reference when it is large. A request that wants no answer, or wants it where no inbox is,
// gets none.
func (c *Conn) Reply(ctx context.Context, to string, body []byte) error {
	return c.ReplyUsage(ctx, to, body, api.Usage{})
}

// ReplyUsage is Reply with what the answer has cost.
func (c *Conn) ReplyUsage(ctx context.Context, to string, body []byte, used api.Usage) error {
	return c.reply(ctx, c.NC.PublishMsg, to, body, used)
}

func (c *Conn) reply(ctx context.Context, send func(*nats.Msg) error, to string, body []byte, used api.Usage) error {
	if !c.mayReply(to) {
		return nil
	}
	msg := &nats.Msg{Subject: to, Header: usageHeader(used)}
	if int64(len(body)) <= c.InlineLimit() {
		msg.Data = body
	} else if _, err := c.Pack(ctx, msg, body); err != nil { // the work is done all the same
		return c.replyError(send, to, api.AsError(err).MaybeExecuted(), used)
	}
	return send(msg)
}

// ReplyError answers a request with an error, which must be fit for the caller's eyes: see Explain.
func (c *Conn) ReplyError(to string, err error) error {
	return c.ReplyErrorUsage(to, err, api.Usage{})
}

// ReplyErrorUsage is ReplyError with what it has cost all the same.
func (c *Conn) ReplyErrorUsage(to string, err error, used api.Usage) error {
	return c.replyError(c.NC.PublishMsg, to, err, used)
}

func (c *Conn) replyError(send func(*nats.Msg) error, to string, err error, used api.Usage) error {
	if !c.mayReply(to) {
		return nil
	}
	e := api.AsError(err)
	if e == nil {
		e = api.Errorf(api.Internal, "internal error")
	}
	e = Sendable(e)
	body, err := codec.Marshal(e)
	if err != nil {
		return err
	}
	msg := &nats.Msg{Subject: to, Data: body, Header: usageHeader(used)}
	setHeader(msg, api.HeaderError, singleLine(e.Message))
	setHeader(msg, api.HeaderErrorCode, string(e.Code))
	return send(msg)
}

// mayReply tells whether a reply subject can be somebody's inbox. To answer on a subject of the server ("$KV..." is a bucket's) or of the
// namespace would lend whoever asks the rights of who answers.
func (c *Conn) mayReply(to string) bool {
	if c.Kind() != "" { // then whoever asks has an inbox of its own
		_, _, ok := inboxOf(to)
		return ok
	}
	return to != "" && to[0] != '$' && !strings.HasPrefix(to, c.Namespace+".")
}

// Sendable returns e with a code of the closed set and text that fits a JSON string and a message: what an error quotes may
// come from anybody.
func Sendable(e *api.Error) *api.Error {
	c := *e
	if !slices.Contains(api.Codes, c.Code) {
		c.Code = api.Internal
	}
	c.Message = printable(c.Message)
	c.Details.Reason, c.Details.LogID = printable(c.Details.Reason), printable(c.Details.LogID)
	c.Details.Fields = slices.Clone(c.Details.Fields[:min(len(c.Details.Fields), maxFields)])
	for i, f := range c.Details.Fields {
		c.Details.Fields[i] = printable(f)
	}
	return &c
}

const (
	maxErrorText = 4096 // bytes
	maxFields    = 32
)

func printable(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxErrorText)], "\uFFFD") }

// Explain turns any error into one for the caller. What the caller cannot act on becomes internal with an id, under which
// the log has the rest.
func Explain(err error, log zerolog.Logger) *api.Error {
	if e := api.AsError(err); e != nil {
		return Sendable(e)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.DeadlineExceeded, "the request's time ran out before the work was done").WithReason(api.ReasonTimeout).MaybeExecuted()
	case errors.Is(err, context.Canceled):
		return api.Errorf(api.Cancelled, "the work was given up").MaybeExecuted()
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		log.Warn().Err(err).Msg("the store is away")
		return api.Errorf(api.Unavailable, "the store does not answer now: try again").WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	id := nuid.Next()
	log.Error().Err(err).Str("log_id", id).Msg("internal error")
	e := api.Errorf(api.Internal, "internal error; the service's log has it under %s", id)
	e.Details.LogID = id
	return e
}

// singleLine makes text fit for a header: CR and LF would end it.
func singleLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < 0x20 || c == 0x7f {
			b[i] = ' '
		}
	}
	if len(b) > 512 {
		b = b[:512]
	}
	return strings.ToValidUTF8(string(b), "")
}
