package loadbalancer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	routeGroup  = "lb"
	mostFlights = 64 << 10 // messages without an answer
	mostTries   = 4        // agents that one message is sent to, each when nobody listened for the one before
	tapLimit    = 256 << 10
	unheardFor  = 500 * time.Millisecond // in which the server says that nobody listens, when the router stops
)

// router passes messages on to agents. See the package's comment for how.
type router struct {
	s    *Service
	subs []*nats.Subscription
	taps chan *nats.Msg // what comes on the reply subjects of all flights

	mu      sync.Mutex
	flights map[*nats.Subscription]*flight
	replies map[string]*flight // by reply subject: what the server says there has to be of one message
}

// flight is one message on its way, until it is answered.
type flight struct {
	msg        *nats.Msg // as it came
	capability string
	principal  string
	cast       bool
	stream     bool
	timeout    time.Duration
	request    balance.Request
	tries      int
	last       bool // it went to the queue group

	reply  string // the sender's, or for a cast without one the router's
	header nats.Header
	tap    *nats.Subscription // on the reply subject
	pick   balance.Pick       // of the present try; none for the queue group
	begin  time.Duration
	until  time.Duration // when it is given up
}

func (s *Service) openRouter() (*router, error) {
	r := &router{s: s, taps: make(chan *nats.Msg, tapLimit), flights: map[*nats.Subscription]*flight{}, replies: map[string]*flight{}}
	s.loops.Go(r.listen)
	subject := api.BalancedSubject(s.conn.Namespace, "*")
	for _, subject := range []string{subject, api.As(s.conn.Namespace, "*", subject)} {
		sub, err := s.conn.NC.QueueSubscribe(subject, routeGroup, r.route)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", subject, err)
		}
		r.subs = append(r.subs, sub)
	}
	return r, s.conn.NC.FlushTimeout(5 * time.Second)
}

// route takes a message in.
func (r *router) route(msg *nats.Msg) {
	f, err := r.read(msg)
	if err == nil {
		err = r.send(f)
	}
	if err != nil {
		r.refuse(msg, f, err)
	}
}

// refuse answers with an error. There is no flight for a message that could not be read.
func (r *router) refuse(msg *nats.Msg, f *flight, err error) {
	r.s.count.refused.Add(1)
	if f != nil && f.tap != nil {
		r.mu.Lock()
		r.free(f)
		r.mu.Unlock()
	}
	if msg.Reply != "" {
		_ = r.s.conn.ReplyError(msg.Reply, rpc.Explain(err, r.s.cfg.Log))
	} else {
		r.s.cfg.Log.Debug().Err(err).Str("subject", msg.Subject).Msg("cast not routed")
	}
}

// read finds what a message asks for.
func (r *router) read(msg *nats.Msg) (*flight, error) {
	ns := r.s.conn.Namespace
	f := &flight{msg: msg, cast: msg.Reply == "" || msg.Header.Get(api.HeaderCast) != "", stream: msg.Header.Get(api.HeaderStream) != ""}
	rest := msg.Subject[len(ns)+1:]
	if named, ok := strings.CutPrefix(rest, "as."); ok {
		f.principal, rest, _ = strings.Cut(named, ".")
		if err := api.CheckID("principal", f.principal); err != nil {
			return nil, err
		}
	}
	switch private := r.s.conn.Kind() != ""; {
	case private && msg.Reply == "":
		f.principal = "" // it takes an inbox to be believed: what JetStream is made to publish has none
	case private && !rpc.OwnInbox(f.principal, msg.Reply):
		msg.Reply = ""
		r.s.server.Refused(api.Refusal{Principal: f.principal, What: msg.Subject, Code: api.PermissionDenied, Reason: api.ReasonForeignReply})
		return nil, api.Errorf(api.PermissionDenied, "the reply subject must be an inbox of who asks").WithReason(api.ReasonForeignReply)
	}
	f.capability = strings.TrimPrefix(rest, "lb.")
	if err := api.CheckID("capability", f.capability); err != nil {
		return nil, err
	}
	if strings.ContainsAny(msg.Reply, "*>") || strings.HasPrefix(msg.Reply, ns+".") {
		msg.Reply = ""
		return nil, api.Errorf(api.Invalid, "the reply subject must be an inbox")
	}
	key, tenant := msg.Header.Get(api.HeaderKey), msg.Header.Get(api.HeaderTenant)
	if err := (&api.PickRequest{Key: key, Tenant: tenant}).Validate(); err != nil {
		return nil, err
	}
	var err error
	if f.timeout, err = rpc.Timeout(msg.Header); err != nil {
		return nil, err
	}
	f.request = balance.Request{Capabilities: []string{f.capability}, Key: key, Tenant: tenant}
	return f, nil
}

// send passes a message on to an agent that it has not been sent to, or, when there is none that is known, to the queue group.
func (r *router) send(f *flight) error {
	s := r.s
	f.begin = s.now()
	f.request.Now = f.begin
	f.until = f.begin + f.timeout + time.Second // the sender has given up by then
	subject := api.CapabilitySubject(s.conn.Namespace, f.capability)
	f.pick, f.last = balance.Pick{}, f.tries >= mostTries
	if !f.last {
		pick, err := s.picker.Pick(f.request, rand.Uint64())
		switch {
		case err == nil:
			f.pick, subject = pick, api.AgentSubject(s.conn.Namespace, pick.ID)
		case api.ReasonOf(err) != api.ReasonNoSuitableAgent:
			return err
		default: // the registry may not know of all who listen
			f.last = true
		}
	}
	f.tries++
	first, pick := f.tries == 1, f.pick
	if err := r.fly(f, api.As(s.conn.Namespace, f.principal, subject)); err != nil {
		s.picker.Done(pick, balance.Outcome{Now: s.now(), Unknown: true})
		return err
	}
	if first { // the flight is the listener's by now
		s.count.routed.Add(1)
	} else {
		s.count.rerouted.Add(1)
	}
	return nil
}

// fly listens for the answer, as its sender does, and publishes the message.
func (r *router) fly(f *flight, subject string) error {
	nc := r.s.conn.NC
	if f.header == nil {
		if f.header, f.reply = f.msg.Header, f.msg.Reply; f.header == nil {
			f.header = nats.Header{}
		}
		f.header.Set(api.HeaderCapability, f.capability)
		if f.reply == "" {
			f.reply = r.s.conn.WithPrincipal(f.principal).NewInbox()
			f.header.Set(api.HeaderCast, "1")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.flights) >= mostFlights {
		return api.Errorf(api.Overloaded, "%d messages that were routed have no answer yet: try again later", mostFlights).WithReason(api.ReasonServerFull)
	}
	if f.tap == nil && r.replies[f.reply] != nil {
		return api.Errorf(api.Invalid, "another message with the reply subject %s is under way: have one for each", f.reply).WithReason(api.ReasonReplyInUse)
	}
	if f.tap == nil {
		tap, err := nc.ChanSubscribe(f.reply, r.taps)
		if err != nil {
			return api.Errorf(api.Unavailable, "the message could not be routed: %v", err)
		}
		f.tap, r.replies[f.reply] = tap, f
	}
	if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: f.reply, Header: f.header, Data: f.msg.Data}); err != nil {
		return api.Errorf(api.Unavailable, "the message could not be routed: %v", err)
	}
	r.flights[f.tap] = f
	return nil
}

// listen hears the answers.
func (r *router) listen() {
	lost := r.s.conn.NC.StatusChanged(nats.DISCONNECTED, nats.RECONNECTING)
	defer r.s.conn.NC.RemoveStatusListener(lost)
	for {
		select {
		case <-r.s.base.Done():
			return
		case _, open := <-lost:
			if !open {
				lost = nil
			}
			r.forget()
		case msg := <-r.taps:
			r.hear(msg)
		}
	}
}

func (r *router) hear(msg *nats.Msg) {
	r.mu.Lock()
	f := r.flights[msg.Sub]
	if f == nil {
		r.mu.Unlock()
		return
	}
	if e := rpc.ErrorOf(msg); e != nil && e.Details.Reason == api.ReasonReplyInUse {
		r.mu.Unlock() // a router's answer to another message, and not the agent's to this one
		return
	}
	now := r.s.now()
	if f.stream && goesOn(msg) {
		f.until = now + 3*rpc.Heartbeat
		r.mu.Unlock()
		return
	}
	delete(r.flights, msg.Sub)
	unheard := len(msg.Data) == 0 && msg.Header.Get("Status") == "503"
	if !unheard {
		r.free(f)
	}
	r.mu.Unlock()
	if unheard {
		r.again(f)
		return
	}
	r.s.picker.Done(f.pick, outcome(f, msg, now))
}

// free lets another message have the reply subject of one that is over. The server must hear first that nobody listens for this one any more:
// of two subscriptions of a connection it tells either that nobody has heard the other's message. So it is called with the lock.
func (r *router) free(f *flight) {
	_ = f.tap.Unsubscribe()
	delete(r.replies, f.reply)
}

// goesOn tells whether further parts of an answer will come.
func goesOn(msg *nats.Msg) bool {
	switch api.PartKind(msg.Header.Get(api.HeaderKind)) {
	case api.PartChunk, api.PartProgress, api.PartNeedInput, api.PartHeartbeat:
		return true
	}
	return false
}

// outcome is what an answer says of the agent. The acknowledgement of a cast says no more than that it is there; and the last part of a
// stream comes as late as its reader lets it.
func outcome(f *flight, msg *nats.Msg, now time.Duration) balance.Outcome {
	o := balance.Outcome{Now: now, Latency: now - f.begin}
	if e := rpc.ErrorOf(msg); e != nil {
		o.Failed = api.IsFault(e)
		o.Untimed = !o.Failed // who refuses is quick
	}
	o.Unknown = (f.cast || f.stream) && !o.Failed
	return o
}

// again sends a message that nobody has seen to another agent.
func (r *router) again(f *flight) {
	r.s.picker.Done(f.pick, balance.Outcome{Now: r.s.now(), Gone: true})
	if f.last {
		r.refuse(f.msg, f, api.Errorf(api.Unavailable, "no running agent has the capability %s", f.capability).WithReason(api.ReasonNoSuitableAgent))
		return
	}
	f.request.Not = append(f.request.Not, f.pick.ID)
	if err := r.send(f); err != nil {
		r.refuse(f.msg, f, err)
	}
}

// expire gives up the messages whose answer has not come in time: it counts as a failure of the agent.
func (r *router) expire(now time.Duration) {
	var over []*flight
	r.mu.Lock()
	for sub, f := range r.flights {
		if f.until <= now {
			over = append(over, f)
			delete(r.flights, sub)
			r.free(f)
		}
	}
	r.mu.Unlock()
	for _, f := range over {
		r.s.picker.Done(f.pick, balance.Outcome{Now: now, Latency: now - f.begin, Failed: !f.cast, Unknown: f.cast})
	}
}

// forget ends all flights after the connection was lost: answers that came meanwhile were not heard, so that nothing is known of the agents.
func (r *router) forget() {
	r.mu.Lock()
	all := r.flights
	r.flights = map[*nats.Subscription]*flight{}
	for _, f := range all {
		r.free(f)
	}
	r.mu.Unlock()
	for _, f := range all {
		r.s.picker.Done(f.pick, balance.Outcome{Now: r.s.now(), Unknown: true})
	}
}

func (r *router) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.flights)
}

// stop takes no more messages, and waits a moment for those that may have met nobody. Answers come without the router.
func (r *router) stop(ctx context.Context) {
	for _, sub := range r.subs {
		_ = sub.Drain()
	}
	ctx, cancel := context.WithTimeout(ctx, unheardFor)
	defer cancel()
	_ = r.s.conn.NC.FlushWithContext(ctx)
	for r.young() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// young tells whether a message was sent so short a while ago that the server may still say that nobody listened.
func (r *router) young() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.s.now()
	for _, f := range r.flights {
		if now-f.begin < unheardFor/2 {
			return true
		}
	}
	return false
}
