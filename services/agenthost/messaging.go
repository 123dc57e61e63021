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
	"github.com/mabus-project/mabus/services/agenthost/mailbox"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// route says whose messages a subscription brings.
type route struct {
	agent   *hosted
	control bool // stop, restart and status rather than a message
}

// message is one message of one agent on its way to the handler.
type message struct {
	agent   *hosted
	msg     *nats.Msg
	arrived time.Time
	cast    bool
}

// subscribe makes the agent reachable. One channel serves all agents, so that an idle agent costs no goroutine.
func (s *Service) subscribe(h *hosted) error {
	ns, id := s.conn.Namespace, h.rec.ID
	add := func(r route, subject, queue string) error {
		sub, err := s.conn.NC.ChanQueueSubscribe(subject, queue, s.inbound)
		if err != nil {
			return fmt.Errorf("listen on %s: %w", subject, err)
		}
		h.subs = append(h.subs, sub)
		s.mu.Lock()
		s.routes[sub] = r
		s.mu.Unlock()
		return nil
	}
	both := func(subject, queue string) error {
		return errors.Join(add(route{agent: h}, subject, queue), add(route{agent: h}, api.As(ns, "*", subject), queue))
	}
	err := errors.Join(both(api.AgentSubject(ns, id), ""), add(route{h, true}, controlSubject(ns, id, "*"), ""))
	for _, c := range h.rec.Capabilities {
		err = errors.Join(err, both(api.CapabilitySubject(ns, c), "agents"), both(api.AllSubject(ns, c), ""))
	}
	if err != nil {
		return err
	}
	return s.conn.NC.FlushTimeout(2 * time.Second)
}

// unroute makes the agent unreachable.
func (s *Service) unroute(h *hosted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range h.subs {
		_ = sub.Unsubscribe()
		delete(s.routes, sub)
	}
	h.subs = nil
}

// dispatch sorts what comes in into mailboxes, in order. It is one goroutine and never waits for an agent.
func (s *Service) dispatch() {
	for msg := range s.inbound {
		s.mu.RLock()
		for s.held {
			s.mu.RUnlock()
			s.await()
			s.mu.RLock()
		}
		r, ok := s.routes[msg.Sub]
		s.mu.RUnlock()
		switch {
		case !ok: // came just before the agent ended
			_ = s.conn.ReplyError(msg.Reply, notRunning("the agent"))
		case r.control:
			s.control(r.agent, msg)
		default:
			s.deliver(r.agent, msg)
		}
	}
}

func (s *Service) deliver(h *hosted, msg *nats.Msg) {
	m := message{agent: h, msg: msg, arrived: time.Now(), cast: msg.Reply == ""}
	acknowledge := false
	if len(msg.Header) > 0 && !m.cast && msg.Header.Get(api.HeaderCast) != "" {
		m.cast, acknowledge = true, true
	}
	switch h.box.Put(m, m.cast) {
	case mailbox.Full:
		h.refused.Add(1)
		m.cast = false // an error is told in any case
		m.refuse(api.Errorf(api.Overloaded, "%d messages wait for agent %s already: try again later", orDefault(h.rec.Mailbox, api.DefaultMailbox), h.rec.ID).WithReason(api.ReasonMailboxFull))
	case mailbox.Closed:
		m.cast = false
		m.refuse(notRunning("agent " + h.rec.ID))
	case mailbox.Taken:
		if acknowledge {
			_ = s.conn.NC.Publish(msg.Reply, []byte("{}"))
		}
	}
}

func notRunning(who string) error {
	return api.Errorf(api.Unavailable, "%s is not running any more", who).WithReason(api.ReasonNotRunning)
}

func (m message) refuse(err error) {
	if !m.cast {
		_ = m.agent.s.conn.ReplyError(m.msg.Reply, err)
	}
}

// handle runs on a worker: one message from its mailbox to its answer.
func (s *Service) handle(m message) {
	h := m.agent
	answer, err := s.carryOut(m)
	h.handled.Add(1)
	if err != nil {
		h.failed.Add(1)
		h.note(err)
		err = explain(err)
	}
	if !m.cast {
		if err == nil {
			err = s.conn.Reply(s.base, m.msg.Reply, answer)
		} else {
			err = s.conn.ReplyError(m.msg.Reply, err)
		}
		if err != nil {
			s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("answer not sent")
		}
	} else if err != nil {
		s.log.Warn().Err(err).Str("agent", h.rec.ID).Msg("cast failed")
	}
	h.box.Done(m.cast)
	s.puller.Wake(h.rec.Capabilities)
}

func (s *Service) carryOut(m message) (json.RawMessage, error) {
	timeout, err := rpc.Timeout(m.msg.Header)
	if err != nil {
		return nil, err
	}
	if timeout -= time.Since(m.arrived); timeout <= 0 && !m.cast {
		return nil, api.Errorf(api.DeadlineExceeded, "the message waited in the mailbox until its time was over").WithReason(api.ReasonTimeout)
	}
	if m.cast {
		timeout = castTimeout
	}
	ctx := rpc.NewContext(s.base, timeout, api.Cause{Traceparent: m.msg.Header.Get(api.HeaderTraceparent)})
	defer ctx.End()
	data, err := s.conn.Body(ctx, m.msg.Header, m.msg.Data)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		data = []byte("{}")
	}
	if !codec.Valid(data) {
		return nil, api.Errorf(api.Invalid, "the message is not one JSON value").WithReason(api.ReasonMalformed)
	}
	msg := &agent.Message{Payload: data, Cast: m.cast, Principal: s.principal(m.msg.Subject)}
	return m.agent.run(ctx, msg)
}

// castTimeout is the time that a cast has: nobody waits for it, but it must not hold the mailbox for ever.
const castTimeout = 10 * time.Minute

// run hands a message to the agent's present instance.
func (h *hosted) run(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	answer, err := h.current().Handle(ctx, m)
	if err != nil {
		return nil, err
	}
	if len(answer) == 0 {
		answer = json.RawMessage("null")
	}
	return answer, nil
}

// explain turns the error of an agent into one for its caller.
func explain(err error) error {
	switch {
	case api.AsError(err) != nil:
		return api.AsError(err)
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
