package rpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// Call asks a service and returns its answer. The caller's deadline goes with the request; without one it is
// api.DefaultTimeout. Every error is an *api.Error.
func Call[Req, Resp any](ctx context.Context, c *Conn, m api.Method[Req, Resp], req *Req) (*Resp, error) {
	return CallAt(ctx, c, m.Subject(c.Namespace), m, req)
}

// CallAt is Call on another subject that takes the method, such as that of one particular host.
func CallAt[Req, Resp any](ctx context.Context, c *Conn, subject string, _ api.Method[Req, Resp], req *Req) (*Resp, error) {
	body, err := codec.Marshal(req)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the request cannot be written as JSON: %v", err)
	}
	data, err := c.Request(ctx, subject, body, true)
	if err != nil {
		return nil, err
	}
	resp := new(Resp)
	if err := codec.Read(data, resp); err != nil {
		return nil, api.Errorf(api.Internal, "the answer of %s is not readable: %v", subject, err)
	}
	return resp, nil
}

// graceNoResponders is for how long nobody listening is taken for a service that is starting or reconnecting.
const graceNoResponders = 400 * time.Millisecond

// Request sends a body and returns the body of the answer. With patient set, it asks again for a while when nobody
// listens, which is safe: nobody has seen the request. Inside a handler the request carries on the handler's trace; its id is
// that of WithRequestID alone.
func (c *Conn) Request(ctx context.Context, subject string, body []byte, patient bool) ([]byte, error) {
	return c.RequestHeader(ctx, subject, body, patient, nil)
}

// RequestHeader is Request with further headers, which it may add to.
func (c *Conn) RequestHeader(ctx context.Context, subject string, body []byte, patient bool, header nats.Header) ([]byte, error) {
	if !trace.On() {
		return c.request(ctx, subject, body, patient, header)
	}
	kind := trace.Client
	if header.Get(api.HeaderCast) != "" {
		kind = trace.Producer
	}
	ctx, span := c.spanOut(ctx, kind, subject)
	answer, err := c.request(ctx, subject, body, patient, header)
	span.End(err)
	return answer, err
}

func (c *Conn) request(ctx context.Context, subject string, body []byte, patient bool, header nats.Header) ([]byte, error) {
	op := c.operation(ctx, subject, header)
	if op == nil {
		return c.exchange(ctx, subject, body, patient, header)
	}
	begin := time.Now()
	answer, err := c.exchange(ctx, subject, body, patient, header)
	op.Done(time.Since(begin), err)
	return answer, err
}

func (c *Conn) exchange(ctx context.Context, subject string, body []byte, patient bool, header nats.Header) ([]byte, error) {
	msg := nats.NewMsg(api.As(c.Namespace, c.Principal, subject))
	msg.Header = header
	timeout := api.DefaultTimeout.Std()
	if deadline, ok := ctx.Deadline(); ok {
		if timeout = time.Until(deadline); timeout <= 0 {
			return nil, timedOut(subject, false)
		}
		setHeader(msg, api.HeaderTimeout, min(max(timeout, time.Microsecond), api.MaxRequestTimeout*time.Second).Round(time.Microsecond).String())
	}
	setCause(ctx, msg)
	id := requestID(ctx)
	if !patient {
		id = cancelID(ctx)
	}
	if id != "" {
		setHeader(msg, api.HeaderRequestID, id)
	}
	drop, err := c.Pack(ctx, msg, body)
	if err != nil {
		return nil, err
	}
	defer drop()
	begin := time.Now()
	for {
		answer, err := c.ask(ctx, msg, timeout-time.Since(begin))
		if err == nil {
			collectUsage(ctx, answer.Header)
			return c.Open(ctx, answer)
		}
		if errors.Is(err, nats.ErrNoResponders) && patient && time.Since(begin) < min(graceNoResponders, timeout/2) && pause(ctx, 20*time.Millisecond) {
			continue
		}
		if id != "" && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			c.giveUp(id, msg.Reply)
		}
		return nil, transportError(err, subject)
	}
}

// Send publishes a body without waiting; answers, if any, go to reply.
func (c *Conn) Send(ctx context.Context, subject, reply string, body []byte) error {
	return c.SendHeader(ctx, subject, reply, body, nil)
}

// SendHeader is Send with further headers, which it may add to.
func (c *Conn) SendHeader(ctx context.Context, subject, reply string, body []byte, header nats.Header) error {
	if !trace.On() {
		return c.send(ctx, subject, reply, body, header)
	}
	ctx, span := c.spanOut(ctx, trace.Producer, subject)
	err := c.send(ctx, subject, reply, body, header)
	span.End(err)
	return err
}

func (c *Conn) send(ctx context.Context, subject, reply string, body []byte, header nats.Header) error {
	msg := nats.NewMsg(api.As(c.Namespace, c.Principal, subject))
	msg.Header, msg.Reply = header, reply
	if deadline, ok := ctx.Deadline(); ok {
		setHeader(msg, api.HeaderTimeout, min(max(time.Until(deadline), time.Microsecond), api.MaxRequestTimeout*time.Second).Round(time.Microsecond).String())
	}
	setCause(ctx, msg)
	if _, err := c.Pack(ctx, msg, body); err != nil { // the receiver may read it later: the store's age bound removes it
		return err
	}
	if err := c.NC.PublishMsg(msg); err != nil {
		return transportError(err, subject)
	}
	return nil
}

// Pack puts a body into a message, or into the object store when it is too large; drop removes it from there.
func (c *Conn) Pack(ctx context.Context, msg *nats.Msg, body []byte) (drop func(), err error) {
	if int64(len(body)) <= c.InlineLimit() {
		msg.Data = body
		return func() {}, nil
	}
	if len(body) > api.MaxPayload {
		return nil, api.Errorf(api.Invalid, "the body has %d bytes, at most %d are allowed", len(body), api.MaxPayload).WithReason(api.ReasonPayloadTooLarge)
	}
	if !c.HasStores() {
		e := c.NoStore(fmt.Sprintf("a body of %d bytes, above the server's %d,", len(body), c.InlineLimit()))
		e.Details.Size, e.Details.MaxSize = int64(len(body)), c.InlineLimit()
		return nil, e
	}
	ref, err := c.Blobs.Put(ctx, body)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the body has %d bytes and cannot be put into the object store: %v", len(body), err)
	}
	setHeader(msg, api.HeaderBlob, ref)
	return func() { _ = c.Blobs.Delete(context.WithoutCancel(ctx), ref) }, nil
}

// InlineLimit is the size in bytes above which a body travels by reference: the server's payload limit less room for headers.
func (c *Conn) InlineLimit() int64 { return c.NC.MaxPayload() - 8<<10 }

// Open returns the body of an answer, or the error that it is.
func (c *Conn) Open(ctx context.Context, answer *nats.Msg) ([]byte, error) {
	if len(answer.Header) == 0 {
		return answer.Data, nil
	}
	if e := ErrorOf(answer); e != nil {
		return nil, e
	}
	ref := answer.Header.Get(api.HeaderBlob)
	if ref == "" {
		return answer.Data, nil
	}
	if !c.HasStores() {
		return nil, c.NoStore("an answer above what fits a message (ask for less at once)").MaybeExecuted()
	}
	data, err := c.Blobs.Get(ctx, ref)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the answer is in the object store and cannot be read: %v", err).MaybeExecuted()
	}
	_ = c.Blobs.Delete(context.WithoutCancel(ctx), ref)
	return data, nil
}

// ErrorOf returns the error that an answer is; nil for any other.
func ErrorOf(answer *nats.Msg) *api.Error {
	code := answer.Header.Get(api.HeaderErrorCode)
	if code == "" {
		return nil
	}
	e := new(api.Error)
	if codec.Read(answer.Data, e) != nil || e.Code == "" {
		e = &api.Error{Code: api.Code(code), Message: answer.Header.Get(api.HeaderError)}
	}
	return e
}

func setHeader(msg *nats.Msg, key, value string) {
	if msg.Header == nil {
		msg.Header = nats.Header{}
	}
	msg.Header[key] = []string{value}
}

func setCause(ctx context.Context, msg *nats.Msg) {
	cause := CauseFrom(ctx)
	if parent := trace.Parent(ctx); parent != "" { // of a span that somebody has begun since
		cause.Traceparent = parent
	}
	if cause.Traceparent != "" {
		setHeader(msg, api.HeaderTraceparent, cause.Traceparent)
	}
	if cause.Causation != "" {
		setHeader(msg, api.HeaderCausation, cause.Causation)
	}
	if cause.Job != "" {
		setHeader(msg, api.HeaderJob, cause.Job)
	}
}

type requestIDKey struct{}

// WithRequestID returns a context whose calls carry the request id, so that one may be repeated. An id is for one call:
// with another method or body it is refused as conflict (request_id_reused).
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func timedOut(subject string, sent bool) *api.Error {
	e := api.Errorf(api.DeadlineExceeded, "no answer on %s in time", subject).WithReason(api.ReasonTimeout)
	if sent {
		return e.MaybeExecuted()
	}
	return e
}

// transportError says what a failed exchange means for the caller.
func transportError(err error, subject string) error {
	if e := api.AsError(err); e != nil {
		return e
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return api.Errorf(api.Unavailable, "nobody listens on %s: is the service running?", subject).WithReason(api.ReasonNobodyListens)
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return timedOut(subject, true)
	case errors.Is(err, context.Canceled):
		return api.Errorf(api.Cancelled, "the caller gave up waiting on %s", subject).MaybeExecuted()
	case errors.Is(err, nats.ErrMaxPayload):
		return api.Errorf(api.Invalid, "the body is larger than the server allows").WithReason(api.ReasonPayloadTooLarge)
	case errors.Is(err, nats.ErrBadSubject):
		return api.Errorf(api.Invalid, "%q is no subject to ask on", subject)
	}
	return api.Errorf(api.Unavailable, "the connection to NATS failed while asking %s: %v", subject, err).MaybeExecuted()
}
