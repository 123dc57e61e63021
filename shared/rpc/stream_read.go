package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// Part is one part of an answer that comes in many.
type Part struct {
	Kind api.PartKind
	Body json.RawMessage
	// answer is where the input goes that a need_input asks for.
	answer string
}

// window is how many parts a reader has room for. It grants more as they are read.
const window = 64

// Stream reads an answer in parts. It is for one goroutine. Close must be called.
type Stream struct {
	conn    *Conn
	ctx     context.Context
	id      string
	subject string
	parts   chan *nats.Msg
	close   func()
	drop    func()

	credit string // where to grant
	seq    uint64
	taken  int
	over   error // what Next says from now on
	span   trace.Span

	route   Route     // nil if the request goes to one place
	request *nats.Msg // until somebody has it
	reply   string

	heard atomic.Int64 // when something last came, in nanoseconds since begun
	begun time.Time
	full  atomic.Bool // the sender went beyond its credit

	// Silence is counted in heartbeats that were listened for, not measured: after a pause of this process what came meanwhile is heard first.
	silence sync.Mutex
	ear     *time.Timer
	beat    time.Duration
	last    int64 // what heard was
	missed  int
	lost    chan struct{} // closed when too many were missed
}

// silences is after how many missed heartbeats a sender is taken for lost.
const silences = 3

// OpenStream sends a request whose answer may come in parts. The request can be cancelled: Close, and the end of ctx, do so
// while it is under way. Without a deadline in ctx it may take api.MaxRequestTimeout.
func (c *Conn) OpenStream(ctx context.Context, subject string, body []byte) (*Stream, error) {
	return c.openStream(ctx, subject, body, nil)
}

// OpenStreamBy is OpenStream for a request that goes where a route says, and on along it for as long as nobody listens. The route
// hears of the end, also if the stream cannot be opened.
func (c *Conn) OpenStreamBy(ctx context.Context, route Route, body []byte) (*Stream, error) {
	s, err := c.openStream(ctx, route.Next(), body, route)
	if err != nil {
		route.End(err)
	}
	return s, err
}

func (c *Conn) openStream(ctx context.Context, subject string, body []byte, route Route) (*Stream, error) {
	s := &Stream{begun: time.Now(), conn: c, ctx: ctx, subject: subject, id: requestID(ctx), parts: make(chan *nats.Msg, window+8), beat: c.state.heartbeat(), lost: make(chan struct{})}
	if s.id == "" {
		s.id = nuid.Next()
	}
	inboxID, reply, err := c.listen(s, api.As(c.Namespace, c.Principal, subject))
	if err != nil {
		return nil, transportError(err, subject)
	}
	s.close = func() { c.state.inbox.remove(inboxID) }
	if trace.On() {
		ctx, s.span = c.spanOut(ctx, trace.Client, subject)
	}
	msg := nats.NewMsg(api.As(c.Namespace, c.Principal, subject))
	msg.Reply = reply
	setCause(ctx, msg)
	timeout := api.MaxRequestTimeout * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(deadline), time.Microsecond))
	}
	setHeader(msg, api.HeaderTimeout, timeout.Round(time.Microsecond).String())
	setHeader(msg, api.HeaderRequestID, s.id)
	setHeader(msg, api.HeaderStream, strconv.Itoa(window))
	if s.drop, err = c.Pack(ctx, msg, body); err == nil {
		err = c.NC.PublishMsg(msg)
	}
	if err != nil {
		s.close()
		s.span.End(err)
		return nil, transportError(err, subject)
	}
	s.silence.Lock()
	s.ear = time.AfterFunc(s.beat, s.listen)
	s.silence.Unlock()
	s.route, s.request, s.reply = route, msg, reply
	return s, nil
}

// listen looks, a heartbeat after something was heard and then every heartbeat, whether more was.
func (s *Stream) listen() {
	s.silence.Lock()
	defer s.silence.Unlock()
	next := s.beat
	if heard := s.heard.Load(); heard != s.last {
		s.last, s.missed = heard, 0
		next = max(s.beat-(time.Since(s.begun)-time.Duration(heard)), 0)
	} else if s.missed++; s.missed == silences {
		close(s.lost)
		return
	}
	s.ear.Reset(next) // also after Close, when nothing more is heard
}

// ID is the request's id, under which anybody who is the same principal may cancel it.
func (s *Stream) ID() string { return s.id }

// hear takes what comes in. It never blocks: the credit leaves room for all that matters, and the heartbeats that pile up
// before a slow reader do not.
func (s *Stream) hear(msg *nats.Msg) {
	s.heard.Store(int64(time.Since(s.begun)))
	if len(s.parts) > 0 && msg.Header.Get(api.HeaderKind) == string(api.PartHeartbeat) {
		return
	}
	select {
	case s.parts <- msg:
	default:
		s.full.Store(true)
	}
}

// Next returns the next part. After the result it returns io.EOF. An error of the other side comes as an *api.Error, and so
// do a part that is missing and a silence of three heartbeats, as unavailable with maybe_executed.
func (s *Stream) Next() (Part, error) {
	for s.over == nil {
		msg, err := s.receive()
		if err != nil {
			s.fail(err)
			break
		}
		if part, ok := s.take(msg); ok {
			return part, s.errorOf(part)
		}
	}
	return Part{}, s.over
}

// receive returns the next message; what is here already comes before any reason to stop.
func (s *Stream) receive() (*nats.Msg, error) {
	select {
	case msg := <-s.parts:
		return msg, nil
	default:
	}
	select {
	case msg := <-s.parts:
		return msg, nil
	case <-s.ctx.Done():
		return nil, transportError(s.ctx.Err(), s.subject)
	case <-s.lost:
		return nil, api.Errorf(api.Unavailable, "nothing was heard on %s for %s", s.subject, silences*s.beat).MaybeExecuted()
	}
}

func (s *Stream) errorOf(p Part) error {
	if p.Kind == api.PartError {
		return s.over
	}
	return nil
}

// fail ends the stream before its terminal part, and with it the work.
func (s *Stream) fail(err error) {
	s.over = err
	s.conn.giveUp(s.id, s.reply)
}

// take looks at a message; ok is false if it is nothing for the caller.
func (s *Stream) take(msg *nats.Msg) (p Part, ok bool) {
	if msg.Header.Get("Status") == "503" {
		if s.again() {
			return p, false
		}
		s.over = transportError(nats.ErrNoResponders, s.subject)
		return p, false
	}
	p.Kind = api.PartKind(msg.Header.Get(api.HeaderKind))
	seq, err := strconv.ParseUint(msg.Header.Get(api.HeaderSeq), 10, 64)
	switch {
	case p.Kind == "": // an answer in one piece is a stream of one part
		p.Kind, seq, err = api.PartResult, s.seq+1, nil
		if msg.Header.Get(api.HeaderErrorCode) != "" {
			p.Kind = api.PartError
		}
	case p.Kind == api.PartHeartbeat:
		seq++ // it repeats the number of the last part
	}
	if c := msg.Header.Get(api.HeaderCredit); s.conn.mayReply(c) { // or who answers would have us publish anywhere
		s.credit = c
	}
	if err != nil || seq != s.seq+1 || s.full.Load() {
		s.fail(api.Errorf(api.Unavailable, "a part of the answer on %s is missing", s.subject).MaybeExecuted())
		return p, false
	}
	if p.Kind == api.PartHeartbeat {
		return p, false
	}
	s.seq = seq
	collectUsage(s.ctx, msg.Header)
	data, err := s.conn.Open(s.ctx, msg)
	switch {
	case err != nil && p.Kind == api.PartError && seq == 1 && api.ReasonOf(err) == api.ReasonNobodyListens && s.again():
		return p, false // it had come too late for its agent
	case err != nil:
		if s.over = err; p.Kind != api.PartError { // the work goes on for a part that cannot be read
			s.fail(err)
		}
		p.Kind = api.PartError
		return p, true
	case p.Kind == api.PartResult:
		s.over = io.EOF
	case p.Kind == api.PartNeedInput && s.conn.mayReply(msg.Reply):
		p.answer = msg.Reply
	case p.Kind == api.PartNeedInput:
	default:
		s.grant()
	}
	p.Body, s.request = data, nil
	return p, true
}

// grant gives room for more when half of it has been read, so that one message speaks for many parts.
func (s *Stream) grant() {
	if s.taken++; s.taken < window/2 || s.credit == "" {
		return
	}
	_ = s.conn.NC.PublishMsg(&nats.Msg{Subject: s.credit, Header: nats.Header{api.HeaderCredit: []string{strconv.Itoa(s.taken)}}})
	s.taken = 0
}

// Answer gives the input that a part of kind need_input asks for: any JSON value.
func (s *Stream) Answer(p Part, input []byte) error {
	if p.answer == "" {
		return api.Errorf(api.Invalid, "only a part of kind %s is answered", api.PartNeedInput)
	}
	if err := s.conn.NC.Publish(p.answer, input); err != nil {
		return transportError(err, s.subject)
	}
	return nil
}

// Close ends the stream; if the answer is not complete, the work is cancelled.
func (s *Stream) Close() {
	if s.over == nil {
		s.fail(api.Errorf(api.Cancelled, "the stream was closed"))
	}
	s.settle()
	s.silence.Lock()
	s.ear.Stop()
	s.silence.Unlock()
	s.close()
	s.drop()
	if errors.Is(s.over, io.EOF) {
		s.span.End(nil)
	} else {
		s.span.End(s.over)
	}
}
