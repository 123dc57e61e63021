package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// Handler carries out a method. It gets a decoded and validated request, and a context with the caller's deadline and
// cause (CauseFrom). An error that is no *api.Error reaches the caller as internal, and the log in full.
type Handler[Req, Resp any] func(ctx context.Context, req *Req) (*Resp, error)

// Handle adds a method of the service, before Start.
func Handle[Req, Resp any](s *Server, m api.Method[Req, Resp], h Handler[Req, Resp]) {
	d := newMethod(s, "", m, h)
	s.methods = append(s.methods, d)
	s.byName[d.Noun+"."+d.Verb] = d
}

// HandleAt adds a method on a subject that only this process serves, such as api.HostSubject, before Start.
func HandleAt[Req, Resp any](s *Server, subject string, m api.Method[Req, Resp], h Handler[Req, Resp]) {
	s.methods = append(s.methods, newMethod(s, subject, m, h))
}

// RawHandler is a Handler for who passes requests and answers on as they are written: it also gets the body, which is one JSON object that
// has been checked, and returns the JSON of a Resp.
type RawHandler[Req any] func(ctx context.Context, body []byte, req *Req) ([]byte, error)

// HandleRaw adds a method of the service, before Start.
func HandleRaw[Req, Resp any](s *Server, m api.Method[Req, Resp], h RawHandler[Req]) {
	d := newRawMethod(s, "", m, h)
	s.methods = append(s.methods, d)
	s.byName[d.Noun+"."+d.Verb] = d
}

func newMethod[Req, Resp any](s *Server, subject string, m api.Method[Req, Resp], h Handler[Req, Resp]) *method {
	return newRawMethod(s, subject, m, func(ctx context.Context, _ []byte, req *Req) ([]byte, error) {
		resp, err := h(ctx, req)
		if err != nil {
			return nil, err
		}
		if resp == nil {
			return nil, errors.New("the handler returned neither an answer nor an error")
		}
		return codec.Marshal(resp)
	})
}

func newRawMethod[Req, Resp any](s *Server, subject string, m api.Method[Req, Resp], h RawHandler[Req]) *method {
	d := m.Describe()
	return &method{
		Descriptor: d, subject: subject, metrics: s.measured(d.Noun + "." + d.Verb), operators: d.Write && d.Least() == api.KindOperator,
		serve: func(ctx context.Context, body []byte) ([]byte, error) {
			req := new(Req)
			if err := codec.Decode(body, req); err != nil {
				return nil, err
			}
			if v, ok := any(req).(api.Validator); ok {
				if err := v.Validate(); err != nil {
					return nil, err
				}
			}
			return h(ctx, body, req)
		},
	}
}

// answer runs on a worker: one request from its first byte to its answer.
func (s *Server) answer(r request) {
	begin := time.Now()
	body, err := s.carryOut(r)
	var e *api.Error
	if err == nil {
		err = s.conn.reply(s.base, s.outbox.send, r.reply, body, api.Usage{})
		if err != nil { // the connection is gone, and with it the caller
			s.cfg.Log.Warn().Err(err).Str("method", r.method.Name()).Msg("answer not sent")
		}
	} else {
		e = s.explain(r, err)
		_ = s.conn.replyError(s.outbox.send, r.reply, e, api.Usage{})
		s.tellRefusal(r, e.Code, e.Details.Reason)
	}
	r.method.metrics.observe(time.Since(begin), e)
	if line := s.cfg.Log.Debug(); line.Enabled() {
		code := ""
		if e != nil {
			code = string(e.Code)
		}
		line.Str("method", r.method.Name()).Str("principal", r.principal).Str("request_id", r.header.Get(api.HeaderRequestID)).
			Str("traceparent", r.header.Get(api.HeaderTraceparent)).Str("code", code).Dur("took", time.Since(begin)).Msg("request")
	}
}

// explain is Explain with the request named in the log, which most errors are no matter of.
func (s *Server) explain(r request, err error) *api.Error {
	if e := api.AsError(err); e != nil {
		return Sendable(e)
	}
	return Explain(err, s.cfg.Log.With().Str("method", r.method.Name()).Str("request_id", r.header.Get(api.HeaderRequestID)).Logger())
}

func (s *Server) carryOut(r request) (body []byte, err error) {
	base, span := s.base, trace.Span{}
	if trace.On() {
		base, span = s.spanIn(&r)
		defer func() { span.End(err) }()
	}
	defer func() {
		if v := recover(); v != nil {
			body, err = nil, fmt.Errorf("panic in %s: %v\n%s", r.method.Name(), v, debug.Stack())
		}
	}()
	timeout, err := Timeout(r.header)
	if err != nil {
		return nil, err
	}
	ctx := NewContext(base, timeout, api.Cause{})
	ctx.arrived = r.arrived
	defer ctx.End()
	defer s.conn.Cancellable(ctx, r.principal, r.header.Get(api.HeaderRequestID), r.reply)()
	data, err := s.conn.Body(ctx, r.header, r.data)
	if err != nil {
		return nil, err
	}
	if ctx.cause, err = s.cause(r, data); err != nil {
		return nil, err
	}
	if parent := span.Parent(); parent != "" {
		ctx.cause.Traceparent = parent
	}
	body, err = r.method.serve(ctx, data)
	if err == nil {
		s.tellOperated(r, data)
	}
	return body, err
}

// cause reads who asks, and refuses what may not be asked so.
func (s *Server) cause(r request, body []byte) (api.Cause, error) {
	c := api.Cause{Principal: r.principal}
	if err := api.CheckOptionalID("principal", r.principal); err != nil {
		return c, err
	}
	if s.cfg.Strict && r.method.Write && r.principal == "" {
		return c, api.Errorf(api.Unauthenticated, "this namespace is strict: ask on %s.as.<principal>.%s", s.conn.Namespace, r.method.Name()).WithReason(api.ReasonPrincipalMissing)
	}
	if len(r.header) == 0 {
		return c, nil
	}
	c.Traceparent = trace.Accept(r.header.Get(api.HeaderTraceparent))
	if event := r.header.Get(api.HeaderCausation); api.ValidEventRef(event) {
		c.Causation = event
	}
	job, err := Job(r.header)
	if err != nil {
		return c, err
	}
	c.Job = job
	if id := r.header.Get(api.HeaderRequestID); id != "" && r.method.Write {
		if err := api.CheckID(api.HeaderRequestID, id); err != nil {
			return c, err
		}
		c.RequestID, c.BodyHash = id, r.method.hash(body)
	}
	return c, nil
}

// hash stands for a request: for the method and the body.
func (m *method) hash(body []byte) string {
	text := make([]byte, 0, 512) // most requests fit, and take no more than the stack
	text = append(append(append(append(append(append(text, m.Service...), '.'), m.Noun...), '.'), m.Verb...), 0)
	sum := sha256.Sum256(append(text, body...))
	return hex.EncodeToString(sum[:])
}

// Timeout reads how long the sender of a message waits.
func Timeout(h nats.Header) (time.Duration, error) {
	v := h.Get(api.HeaderTimeout)
	if v == "" {
		return api.DefaultTimeout.Std(), nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 || d > api.MaxRequestTimeout*time.Second {
		return 0, api.Errorf(api.Invalid, "the header %s must be a duration above 0s and up to %ds, such as \"1.5s\"", api.HeaderTimeout, api.MaxRequestTimeout).WithFields(api.HeaderTimeout)
	}
	return d, nil
}

// Job reads for which job a message is sent; "" for none.
func Job(h nats.Header) (string, error) {
	job := h.Get(api.HeaderJob)
	return job, api.CheckOptionalID(api.HeaderJob, job)
}

// Body returns a message's body, from the object store when the header names it there.
func (c *Conn) Body(ctx context.Context, h nats.Header, data []byte) ([]byte, error) {
	if len(h) == 0 {
		return data, nil
	}
	ref := h.Get(api.HeaderBlob)
	if ref == "" {
		return data, nil
	}
	return c.Blobs.Get(ctx, ref)
}
