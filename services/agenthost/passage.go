package agenthost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/agenthost/mailbox"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// passage is an agent's way from one host to the next without a message lost, doubled or out of order.
//
// The old host stops the agent, which saves its state, and asks the new one to adopt it. The new host claims it, makes it and
// lets it listen in the same queue group, so that a message reaches one of the two; it holds what comes. Then the old host
// passes on what had waited, and after that whatever still reaches it, and tells the new one to begin: first with what was
// passed on, then with what it has held, then with all else as it comes. A cast is acknowledged by the host whose mailbox takes
// it, so that casts which waited for one another stay in order.
type passage struct {
	// group is the queue group in which the agent listens. It passes from host to host; a claim of an agent that was lost begins
	// a new one, since a host that only hangs still listens in the old.
	group string

	kept   bool          // a claim by itself, or from another host: nobody's request
	begins chan struct{} // closed when the agent has been told to begin; nil unless it comes from another host

	// These belong to dispatch once the agent listens.
	holding bool        // messages wait until the old host has passed on its own
	held    []*nats.Msg // while holding
	passing bool        // the agent is another host's: messages go there
}

const (
	adoptTimeout = 5 * time.Second // for the new host to have the agent listening
	beginTimeout = 3 * time.Second // for the old host to pass on what it has

	verbBegin = "begin"
	verbPass  = "pass"

	headerSubject = "Mabus-Passed-Subject" // what a message that is passed on was sent to
)

// adoptRequest asks a host to take an agent over from the one that asks.
type adoptRequest struct {
	ID    string `json:"id"`
	Epoch uint64 `json:"epoch"` // of the claim of the host that asks
	Group string `json:"group"`
}

// Validate implements api.Validator.
func (r *adoptRequest) Validate() error {
	if r.Group == "" || strings.ContainsAny(r.Group, " .*>\t\r\n") || len(r.Group) > 2*api.MaxIDLength {
		return api.Errorf(api.Invalid, "group must name a queue group").WithFields("group")
	}
	return api.CheckID("id", r.ID)
}

var adoptMethod = api.Method[adoptRequest, api.Agent]{Service: "host", Noun: "agents", Verb: "adopt", Write: true}

// groupOf returns the queue group of an agent that a claim begins with.
func groupOf(rec *api.Agent) string { return fmt.Sprintf("%s-%d", rec.ID, rec.Epoch) }

// graceOf is the time that an agent has for its orderly end.
func graceOf(spec *api.AgentSpec) time.Duration {
	if spec.Shutdown > 0 {
		return spec.Shutdown.Std()
	}
	return api.DefaultShutdown
}

// Why the life of an agent ends with its host.
var (
	errMoves = errors.New("it moves to another host")
	errStops = errors.New("the host stopped")
	// errAdrift: another host was to have the agent, and may still claim it.
	errAdrift = errors.New("nobody knows whether the host has it to which it was to move")
)

// goesOn tells whether the agent ends here only because its host does.
func (h *hosted) goesOn() bool {
	if h.unwanted.Load() {
		return false
	}
	why := context.Cause(h.life)
	return errors.Is(why, errMoves) || errors.Is(why, errStops) || errors.Is(why, errAdrift)
}

// adopt takes an agent over from a live host.
func (s *Service) adopt(ctx context.Context, r *adoptRequest) (*api.Agent, error) {
	rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID})
	if err != nil {
		return nil, err
	}
	if err := s.canRun(&rec.AgentSpec); err != nil {
		return nil, err
	}
	if err := s.takePlace(r.ID); err != nil {
		return nil, err
	}
	defer s.claiming(r.ID)()
	claimed, err := s.transition(ctx, api.AgentTransitionRequest{
		ID: r.ID, Status: api.AgentStarting, Epoch: r.Epoch, Host: s.cfg.ID, HostLease: s.env.Lease.ID(), HandOver: true,
	})
	if err != nil {
		s.leavePlace() // if it was moved all the same, reconcile finds it
		return nil, err
	}
	return s.launch(ctx, *claimed, passage{group: r.Group, holding: true, kept: true, begins: make(chan struct{})})
}

// beginLate lets the agent begin if the old host does not say so in time.
func (s *Service) beginLate(h *hosted) {
	select {
	case <-time.After(beginTimeout):
		s.inDispatch(func() { s.begun(h) })
	case <-h.begins:
	case <-h.done:
	case <-s.base.Done():
	}
}

// moveOut hands an agent that has been stopped for that over to one of the hosts that could run it. It runs in the agent's
// goroutine. False means that nobody took it.
func (s *Service) moveOut(h *hosted) bool {
	begin := time.Now()
	s.quiesce(h)
	if h.unwanted.Load() {
		return false
	}
	target := s.findHeir(h)
	if target == "" {
		return false
	}
	s.handTo(h, target, begin)
	return true
}

// quiesce lets the agent finish what it has begun, and save its state, in the time of its orderly end.
func (s *Service) quiesce(h *hosted) {
	begin, grace := time.Now(), graceOf(&h.rec.AgentSpec)
	if h.begins != nil {
		s.beginLate(h) // what the host before this one passes on comes first
	}
	select {
	case <-h.box.Halt():
	case <-time.After(grace * 3 / 4):
		h.cut()
		select {
		case <-h.box.Halt():
		case <-time.After(grace / 4):
		}
	}
	if inst := h.current(); inst != nil {
		h.letGo(inst, max(grace-time.Since(begin), grace/4))
	}
}

// handTo passes all that waits for an agent on to the host that has adopted it, and forgets the agent.
func (s *Service) handTo(h *hosted, target string, begin time.Time) {
	h.moved = true
	s.inDispatch(func() {
		h.passing = true
		for _, m := range h.box.Close() {
			s.passOn(h, m)
		}
		_ = s.conn.NC.Publish(controlSubject(s.conn.Namespace, h.rec.ID, verbBegin), nil)
	})
	h.last()
	s.mu.Lock()
	for _, sub := range h.subs {
		_ = sub.Drain()
	}
	s.mu.Unlock()
	_ = s.conn.NC.FlushTimeout(time.Second) // all that the server sent here has come in
	s.mu.RLock()
	subs := slices.Clone(h.subs)
	s.mu.RUnlock()
	s.behind(func() { s.unroute(h) })
	for _, sub := range subs {
		_ = sub.Unsubscribe() // a connection that was lost meanwhile would have brought them back
	}
	h.cut()
	s.forget(h)
	s.log.Info().Str("agent", h.rec.ID).Str("to", target).Dur("took_ms", time.Since(begin)).Msg("agent handed over")
}

// heir is the host to which a group moves, once a member of it has.
type heir struct {
	sync.Mutex
	host string
}

func (s *Service) heirOf(group string) *heir {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heirs[group] == nil {
		s.heirs[group] = &heir{}
	}
	return s.heirs[group]
}

// findHeir offers the agent to other hosts, the best first, until one has it.
func (s *Service) findHeir(h *hosted) string {
	s.uncontrol(h)
	tried := map[string]bool{s.cfg.ID: true}
	var group *heir
	if h.rec.Group != nil { // one member after another, so that all go the same way
		group = s.heirOf(h.rec.Group.Name)
		group.Lock()
		defer group.Unlock()
	}
	for range 4 {
		target := ""
		if group != nil && group.host != "" {
			if target = group.host; tried[target] {
				return "" // it follows when it can, since hosts take it up where the others are
			}
		} else {
			target, _ = s.best(&h.rec.AgentSpec, tried)
		}
		if target == "" {
			return ""
		}
		tried[target] = true
		ctx, cancel := context.WithTimeout(s.leaving, adoptTimeout)
		_, err := rpc.CallAt(ctx, s.conn, api.HostSubject(s.conn.Namespace, target, "agents.adopt"), adoptMethod,
			&adoptRequest{ID: h.rec.ID, Epoch: h.rec.Epoch, Group: h.group})
		cancel()
		if err == nil {
			if group != nil {
				group.host = target
			}
			return target
		}
		if s.leaving.Err() != nil {
			return ""
		}
		s.log.Warn().Err(err).Str("agent", h.rec.ID).Str("to", target).Msg("agent not handed over")
	}
	return ""
}

// passOn sends a message to the host that has the agent now.
func (s *Service) passOn(h *hosted, m message) {
	if m.ctx != nil && m.ctx.Err() != nil {
		s.refuse(m, api.Errorf(api.Cancelled, "the request was cancelled before the agent began with it"))
		return
	}
	if m.sender != nil {
		m.sender.Drop()
	}
	if m.settle != nil {
		m.settle()
	}
	on := &nats.Msg{Subject: controlSubject(s.conn.Namespace, h.rec.ID, verbPass), Reply: m.msg.Reply, Header: nats.Header{}, Data: m.msg.Data}
	for k, v := range m.msg.Header {
		on.Header[k] = v
	}
	on.Header.Set(headerSubject, m.msg.Subject)
	if timeout, err := rpc.Timeout(m.msg.Header); err == nil && !m.cast && !m.arrived.IsZero() {
		on.Header.Set(api.HeaderTimeout, max(timeout-time.Since(m.arrived), time.Millisecond).String())
	}
	if m.ask != nil && s.asks.acked(m.ask) {
		on.Reply = ""
	}
	if err := s.conn.NC.PublishMsg(on); err != nil {
		m.sender, m.settle = nil, nil
		s.refuse(m, api.Errorf(api.Unavailable, "the agent moves to another host, and the message could not be passed on: ask again").WithReason(api.ReasonDraining))
	} else if m.ask != nil {
		s.asks.forget(m.ask)
	}
}

// passed takes a message that the old host passes on. It runs in dispatch.
func (s *Service) passed(h *hosted, msg *nats.Msg) {
	subject := msg.Header.Get(headerSubject)
	if !strings.HasPrefix(subject, s.conn.Namespace+".") {
		return
	}
	msg.Header.Del(headerSubject)
	s.put(h, &nats.Msg{Subject: subject, Reply: msg.Reply, Header: msg.Header, Data: msg.Data, Sub: msg.Sub})
}

// begun lets the agent have what was held for it. It runs in dispatch.
func (s *Service) begun(h *hosted) {
	if !h.holding {
		return
	}
	h.holding = false
	close(h.begins)
	for _, msg := range h.held {
		s.put(h, msg)
	}
	h.held = nil
}

// holdBack keeps a message until the old host has passed on its own. It runs in dispatch.
func (s *Service) holdBack(h *hosted, msg *nats.Msg) {
	if len(h.held) < h.mailbox {
		h.held = append(h.held, msg)
		return
	}
	h.refused.Add(1)
	s.refuse(message{agent: h, msg: msg}, mailboxFull(h))
}

// inDispatch runs f between two messages, and waits until it has run or the host ends.
func (s *Service) inDispatch(f func()) {
	done := make(chan struct{})
	select {
	case s.inserts <- func() { defer close(done); f() }:
	case <-s.base.Done():
		return
	}
	select {
	case <-done:
	case <-s.base.Done():
	}
}

// behind is inDispatch after all messages that have come in by now.
func (s *Service) behind(f func()) {
	mark, done := new(nats.Subscription), make(chan struct{})
	s.mu.Lock()
	s.routes[mark] = route{run: func() { defer close(done); f() }}
	s.mu.Unlock()
	select {
	case s.inbound <- &nats.Msg{Sub: mark}:
	case <-s.base.Done():
		return
	}
	select {
	case <-done:
	case <-s.base.Done():
	}
}

// put sorts a message into the agent's mailbox.
func (s *Service) put(h *hosted, msg *nats.Msg) {
	if len(msg.Header) > 0 && msg.Header.Get(api.HeaderSession) != "" {
		s.putQuestion(h, msg)
		return
	}
	m := message{agent: h, msg: msg, arrived: time.Now(), cast: msg.Reply == ""}
	if len(msg.Header) > 0 && !m.cast && msg.Header.Get(api.HeaderCast) != "" {
		m.cast, m.ack = true, true
	}
	now := m.ack && msg.Header.Get(api.HeaderBlob) == ""
	if now {
		m.ack = false
	}
	if err := s.prepare(&m); err != nil {
		s.refuse(m, err)
		return
	}
	s.teller.touch(h)
	waits := m
	waits.acked = now // by the time it is handled, or passed on
	switch h.box.Put(waits, m.cast) {
	case mailbox.Full:
		h.refused.Add(1)
		s.teller.hurry()
		s.refuse(m, mailboxFull(h))
	case mailbox.Closed:
		s.pass(m)
	case mailbox.Taken:
		if now { // after the error, which then counts, if there was no worker to be had
			_ = s.conn.Reply(s.base, msg.Reply, acknowledgement)
		}
	}
}

func mailboxFull(h *hosted) error {
	return api.Errorf(api.Overloaded, "%d messages wait for agent %s already: try again later", h.mailbox, h.rec.ID).WithReason(api.ReasonMailboxFull)
}
