package agenthost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace"
)

// route says whose messages a subscription brings.
type route struct {
	agent   *hosted
	control bool   // stop, restart and status rather than a message
	run     func() // no message at all: see behind
}

// message is one message of one agent on its way to the handler.
type message struct {
	agent   *hosted
	msg     *nats.Msg
	arrived time.Time
	ran     time.Time // when the agent got it; zero before
	control bool      // for the host rather than for the agent
	cast    bool
	ask     *ask // of a session: its answer goes there
	// A cast with a reply subject is acknowledged when it is in the mailbox. The sender of a body in the object store removes
	// it when it has its answer, so such a cast is acknowledged when the body has been read.
	ack, acked bool
	// ctx is made on arrival for a request that can be cancelled, and so is the sender for one whose answer is to come in
	// parts: both matter while it waits. settle lets go of them.
	ctx    *rpc.Context
	sender *rpc.Sender
	settle func()
}

// subscribe makes the agent reachable. One channel serves all agents, so that an idle agent costs no goroutine.
func (s *Service) subscribe(h *hosted) error {
	ns, id := s.conn.Namespace, h.rec.ID
	if err := s.maySpeakAs(id); err != nil {
		return err
	}
	add := func(r route, subject, queue string) error {
		s.mu.Lock() // a message that comes at once waits until its route is known
		defer s.mu.Unlock()
		sub, err := s.conn.NC.ChanQueueSubscribe(subject, queue, s.inbound)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", subject, err)
		}
		h.subs = append(h.subs, sub)
		s.routes[sub] = r
		return nil
	}
	both := func(subject, queue string) error {
		return errors.Join(add(route{agent: h}, subject, queue), add(route{agent: h}, api.As(ns, "*", subject), queue))
	}
	err := errors.Join(both(api.AgentSubject(ns, id), h.group), add(route{agent: h, control: true}, controlSubject(ns, id, "*"), h.group))
	for _, c := range h.rec.Capabilities {
		err = errors.Join(err, both(api.CapabilitySubject(ns, c), "agents"), both(api.AllSubject(ns, c), h.group))
	}
	if err != nil {
		return err
	}
	return s.conn.NC.FlushTimeout(2 * time.Second)
}

// unroute makes the agent unreachable. What the server has sent already still comes in. A subscription that drains would come
// back with a new connection, so without one it is simply ended.
func (s *Service) unroute(h *hosted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range h.subs {
		_ = sub.Drain()
		delete(s.routes, sub)
	}
	if !s.conn.NC.IsConnected() {
		for _, sub := range h.subs {
			_ = sub.Unsubscribe()
		}
	}
	h.subs = nil
}

// uncontrol takes no more control of an agent that is about to be another host's. What the server has sent already is told that it came
// too late, so that the next host is asked.
func (s *Service) uncontrol(h *hosted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sub := range h.subs {
		if s.routes[sub].control {
			if _ = sub.Drain(); !s.conn.NC.IsConnected() {
				_ = sub.Unsubscribe()
			}
			delete(s.routes, sub)
			h.subs = append(h.subs[:i:i], h.subs[i+1:]...)
			return
		}
	}
}

// dispatch sorts what comes in into mailboxes, in order. It is one goroutine and never waits for an agent.
func (s *Service) dispatch() {
	for {
		select {
		case msg := <-s.inbound:
			s.await()
			s.sort(msg)
		case insert := <-s.inserts:
			insert()
		case <-s.base.Done():
			for {
				select {
				case msg := <-s.inbound:
					s.pass(message{msg: msg})
				default:
					return
				}
			}
		}
	}
}

func (s *Service) sort(msg *nats.Msg) {
	s.mu.RLock()
	r, ok := s.routes[msg.Sub]
	s.mu.RUnlock()
	switch {
	case r.run != nil:
		s.mu.Lock()
		delete(s.routes, msg.Sub)
		s.mu.Unlock()
		r.run()
	case !ok: // came just before the agent ended
		s.pass(message{msg: msg})
	case r.control && strings.HasSuffix(msg.Subject, "."+verbPass):
		s.passed(r.agent, msg)
	case r.control && strings.HasSuffix(msg.Subject, "."+verbBegin):
		s.begun(r.agent)
	case r.control:
		if m := (message{agent: r.agent, msg: msg, control: true}); !s.workers.Submit(m) {
			s.refuse(m, api.Errorf(api.Overloaded, "host %s is handling all the messages it can", s.cfg.ID).WithReason(api.ReasonServerFull))
		}
	default:
		s.deliver(r.agent, msg)
	}
}

func (s *Service) deliver(h *hosted, msg *nats.Msg) {
	switch {
	case s.foreign(msg):
	case h.passing:
		s.passOn(h, message{agent: h, msg: msg})
	case h.holding:
		s.holdBack(h, msg)
	default:
		s.put(h, msg)
	}
}

var acknowledgement = []byte("{}")

// pass hands on a message that came too late for its agent: one for any agent with a capability to another such agent, of
// which the server says if there is none. For one that names its agent nobody listens any more.
func (s *Service) pass(m message) {
	subject := m.msg.Subject
	if principal := s.principal(subject); principal != "" {
		subject = s.conn.Namespace + subject[len(s.conn.Namespace)+len(".as.")+len(principal):]
	}
	to := m.msg.Subject
	if c := m.msg.Header.Get(api.HeaderCapability); api.ValidID(c) { // the agent was chosen among those with it
		subject = api.CapabilitySubject(s.conn.Namespace, c)
		to = api.As(s.conn.Namespace, s.principal(to), subject)
	}
	if !strings.HasPrefix(subject, api.CapabilitySubject(s.conn.Namespace, "")) {
		s.refuse(m, api.Errorf(api.Unavailable, "the agent does not run here any more").WithReason(api.ReasonNobodyListens))
		return
	}
	if m.sender != nil {
		m.sender.Drop()
		m.sender = nil
	}
	if m.settle != nil {
		m.settle()
	}
	if s.private() { // a cast, which is nobody's in particular there: no host speaks as somebody who has credentials
		to = api.As(s.conn.Namespace, s.conn.Principal, subject)
	}
	on := &nats.Msg{Subject: to, Reply: m.msg.Reply, Header: m.msg.Header, Data: m.msg.Data}
	if m.acked {
		on.Reply = ""
	}
	if s.private() && !m.acked { // the sender asks again: nobody may speak in the name of a principal that has credentials of its own
		s.refuse(m, api.Errorf(api.Unavailable, "the agent does not run here any more").WithReason(api.ReasonNobodyListens))
		return
	}
	if err := s.conn.NC.PublishMsg(on); err != nil {
		s.refuse(m, api.Errorf(api.Unavailable, "the agent does not run here any more, and the message could not be handed on").WithReason(api.ReasonDraining))
	}
}

// refuse answers with an error, unless the sender has had its answer.
func (s *Service) refuse(m message, err error) {
	if m.settle != nil {
		m.settle()
	}
	switch {
	case m.ask != nil && s.refuseQuestion(m.ask, err):
	case m.sender != nil:
		_ = m.sender.End(s.base, nil, err)
	case !m.acked:
		_ = s.conn.ReplyError(m.msg.Reply, err)
	}
}

// handle runs on a worker: one message from its mailbox to its answer.
func (s *Service) handle(m message) {
	if m.control {
		if m.ask != nil {
			s.answerByzantine(m)
		} else {
			s.control(m.agent, m.msg)
		}
		return
	}
	h := m.agent
	begun := time.Now()
	answer, used, err := s.carryOut(&m)
	h.load.handled(time.Since(begun), err)
	h.meter().did(&m, err)
	h.handled.Add(1)
	if err != nil {
		h.failed.Add(1)
		h.noteFailed(err)
		err = explain(err)
	}
	switch {
	case m.ask != nil && err != nil:
		s.refuse(m, err)
		err = nil
	case m.ask != nil:
		s.answerQuestion(m.ask, answer, nil)
	case m.cast && err != nil:
		s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("cast failed")
		if m.ack { // its body was not to be had
			s.refuse(m, err)
		}
	case m.cast:
	case m.sender != nil:
		err = m.sender.EndUsage(s.base, answer, err, used)
	case err == nil:
		err = s.conn.ReplyUsage(s.base, m.msg.Reply, answer, used)
	default:
		err = s.conn.ReplyErrorUsage(m.msg.Reply, err, used)
	}
	if err != nil && !m.cast {
		s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("answer not sent")
	}
	if m.settle != nil {
		m.settle()
	}
	h.box.Done(m.cast)
	s.puller.Wake(h.rec.Capabilities)
}

func (s *Service) carryOut(m *message) (answer json.RawMessage, used api.Usage, err error) {
	traced, span := s.span(m)
	defer func() { span.End(err) }()
	ctx, end, err := s.begin(m)
	if err != nil {
		return nil, used, err
	}
	defer end()
	run := trace.Over(ctx, traced)
	data, err := s.conn.Body(ctx, m.msg.Header, m.msg.Data)
	if err != nil {
		return nil, used, err
	}
	if m.ask != nil {
		if err := s.readBlob(m, data); err != nil {
			return nil, used, err
		}
		var cancel context.CancelFunc
		run, cancel = context.WithDeadline(run, s.asks.deadline(m.ask))
		defer cancel()
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	if !codec.Valid(data) {
		return nil, used, api.Errorf(api.Invalid, "the message is not one JSON value").WithReason(api.ReasonMalformed)
	}
	if m.ack {
		m.ack, m.acked = false, true
		_ = s.conn.Reply(s.base, m.msg.Reply, acknowledgement)
	}
	msg := &agent.Message{Payload: data, Cast: m.cast, Principal: s.sender(m.msg), Job: rpc.CauseFrom(ctx).Job, Parts: agent.NoParts{}}
	if m.sender != nil {
		msg.Parts = parts{m.sender}
	}
	if m.ask != nil {
		msg.Session, m.ask.parent = m.ask.session, trace.Parent(run)
	}
	m.ran = time.Now()
	answer, err = m.agent.run(run, msg)
	return answer, msg.Used(), err
}

// begin returns the context of a message's work, unless there is no time for it any more, or the agent may be another host's.
func (s *Service) begin(m *message) (*rpc.Context, func(), error) {
	if m.ask != nil {
		return s.beginQuestion(m)
	}
	timeout, err := rpc.Timeout(m.msg.Header)
	if err != nil {
		return nil, nil, err
	}
	if timeout -= time.Since(m.arrived); timeout <= 0 && !m.cast {
		return nil, nil, api.Errorf(api.DeadlineExceeded, "the message waited in the mailbox until its time was over").WithReason(api.ReasonTimeout)
	}
	if m.cast {
		timeout = castTimeout
	}
	if err := s.mayAct(); err != nil {
		return nil, nil, err
	}
	if m.ctx != nil {
		if m.ctx.Err() != nil {
			return nil, nil, api.Errorf(api.Cancelled, "the request was cancelled before the agent began with it")
		}
		return m.ctx, func() {}, nil
	}
	cause, err := causeOf(m.msg.Header)
	if err != nil {
		return nil, nil, err
	}
	ctx := rpc.NewContext(m.agent.work(), timeout, cause)
	return ctx, ctx.End, nil
}

func (s *Service) mayAct() error {
	if s.env.Lease.Held() {
		return nil
	}
	return api.Errorf(api.Unavailable, "host %s has lost its lease: ask again", s.cfg.ID).WithReason(api.ReasonDraining)
}

// causeOf reads what a message passes on to the messages that are sent because of it.
func causeOf(h nats.Header) (api.Cause, error) {
	if len(h) == 0 {
		return api.Cause{}, nil
	}
	job, err := rpc.Job(h)
	return api.Cause{Traceparent: h.Get(api.HeaderTraceparent), Job: job}, err
}

// castTimeout is the time that a cast has: nobody waits for it, but it must not hold the mailbox for ever.
const castTimeout = 10 * time.Minute

// explain turns the error of an agent into one for its caller.
func explain(err error) error {
	switch e := api.AsError(err); {
	case e != nil && e.Details.Reason == api.ReasonNobodyListens:
		// Somebody whom the agent asked. From the agent itself it would say that there is no such agent.
		return e.WithReason(api.ReasonAgentError)
	case e != nil:
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.DeadlineExceeded, "the agent did not answer in time").WithReason(api.ReasonTimeout).MaybeExecuted()
	case errors.Is(err, context.Canceled):
		return api.Errorf(api.Cancelled, "the agent gave the work up").MaybeExecuted()
	}
	return api.Errorf(api.FailedPrecondition, "%s", clip(err.Error())).WithReason(api.ReasonAgentError)
}

// principal reads who sent a message from its subject, <ns>.as.<principal>.<rest>.
func (s *Service) principal(subject string) string {
	rest, ok := strings.CutPrefix(subject, s.conn.Namespace+".as.")
	if !ok {
		return ""
	}
	p, _, _ := strings.Cut(rest, ".")
	return p
}

func controlSubject(ns, id, verb string) string { return ns + ".agentctl." + id + "." + verb }
