package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// AppenderOptions says how an Appender works. The zero value is good for most.
type AppenderOptions struct {
	// InFlight is how many events may be on their way at once; 1024 unless given.
	InFlight int
	// Failed is told of each event that was not appended, and why. It must not wait.
	Failed func(api.Event, error)
}

// Appender appends many events fast. It publishes them to the stream itself and does not wait for one before the next; what the stream
// does not take at once it hands to the service, which tells a repetition from a conflict. Events without an id go fastest: the stream
// need not look whether one is there. It is safe for concurrent use, and keeps the order of the calls. Close must be called.
//
// Credentials that may not use JetStream have each event appended by the service, one after the other.
type Appender struct {
	events Events
	o      AppenderOptions
	sent   chan sent // never full: what is on its way is counted
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex // keeps the order of what is published and of what waits for it
	flows  flows      // of events with new ids
	flying int
	half   chan struct{} // closed when half of what may be on its way is; nil while nobody waits
	closed bool

	outMu  sync.Mutex
	last   string // id of the last that was acknowledged since the last Flush
	failed int
	first  error
}

// sent is an event whose acknowledgement is waited for, or the word that all before it have theirs.
type sent struct {
	event   api.Event
	pending rpc.Pending
	flow    *flow // nil for an event that has an acknowledgement of its own
	number  uint64
	flushed chan<- struct{}
	// byService says that the service is to append it, as for credentials that may not publish to the stream.
	byService bool
}

const (
	inFlight    = 1024
	ackWait     = 2 * time.Second
	serviceTime = 30 * time.Second // for an event that the service is to append
	eventHeader = 512              // room for the headers of a message, in bytes
)

// Appender returns an appender.
func (s Events) Appender(o AppenderOptions) *Appender {
	if o.InFlight <= 0 {
		o.InFlight = inFlight
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &Appender{
		events: s, o: o, sent: make(chan sent, o.InFlight), stop: cancel, done: make(chan struct{}),
		flows: flows{
			nc: s.conn.NC, subject: api.AppendedSubject(s.conn.Namespace, s.conn.Principal, api.NewEventID), every: min(max(o.InFlight/4, 1), mostFlow),
		},
	}
	go func() {
		defer close(a.done)
		defer a.flows.close()
		a.collect(ctx)
	}()
	return a
}

var none = []string{"0"}

// Append sends an event and returns its id. It waits while there are as many events on their way as may be. An error is of an event that
// was not sent; what becomes of one that was, Flush and Failed tell.
func (a *Appender) Append(ctx context.Context, e api.Event) (id string, err error) {
	if err := e.Validate(); err != nil {
		return "", err
	}
	given := e.ID != ""
	name(&e)
	conn, whole := a.events.conn, e
	if err := whole.Complete(conn.Namespace, conn.Principal, e.ID, time.Now()); err != nil {
		return "", err
	}
	whole.Traceparent = rpc.CauseFrom(ctx).Traceparent
	body, err := codec.Marshal(whole.Brief())
	if err != nil {
		return "", api.Errorf(api.Invalid, "the event cannot be written as JSON: %v", err).WithReason(api.ReasonMalformed)
	}
	if most := int(conn.NC.MaxPayload()) - eventHeader; len(body) > most {
		return "", api.EventTooLarge(&e, len(body), most)
	}
	msg := &nats.Msg{Subject: a.flows.subject, Data: body}
	if given {
		msg.Subject = api.AppendedSubject(conn.Namespace, conn.Principal, e.ID)
		msg.Header = nats.Header{jetstream.ExpectedLastSubjSeqHeader: none}
	}
	return e.ID, a.send(ctx, msg, e)
}

func (a *Appender) send(ctx context.Context, msg *nats.Msg, e api.Event) error {
	if err := a.room(ctx); err != nil {
		return err
	}
	defer a.mu.Unlock()
	if a.closed {
		return api.Errorf(api.FailedPrecondition, "the appender is closed")
	}
	s := sent{event: e}
	var err error
	if !a.events.conn.HasStores() {
		s.byService = true
	} else if msg.Header == nil {
		s.flow, s.number, err = a.flows.publish(msg)
	} else {
		s.pending, err = a.events.conn.Begin(msg)
	}
	if err != nil {
		return api.Errorf(api.Unavailable, "the event cannot be sent: %v", err)
	}
	a.flying++
	a.sent <- s
	return nil
}

// room waits until one more may be on its way, and returns with the lock. Who has to wait does so until half of the room is free: to be woken
// for each single one costs more than to send it.
func (a *Appender) room(ctx context.Context) error {
	a.mu.Lock()
	for a.flying >= a.o.InFlight {
		if a.half == nil {
			a.half = make(chan struct{})
		}
		half := a.half
		a.mu.Unlock()
		select {
		case <-half:
		case <-ctx.Done():
			return api.Errorf(api.DeadlineExceeded, "%d events are on their way: this one was not sent", a.o.InFlight).WithReason(api.ReasonTimeout)
		}
		a.mu.Lock()
	}
	return nil
}

// landed makes room for another.
func (a *Appender) landed() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.flying--; a.half != nil && a.flying <= a.o.InFlight/2 {
		close(a.half)
		a.half = nil
	}
}

// collect waits for the acknowledgements, in the order of the events.
func (a *Appender) collect(ctx context.Context) {
	for s := range a.sent {
		switch {
		case s.flushed != nil:
			close(s.flushed)
		case a.stored(ctx, s):
			a.outMu.Lock()
			a.last = s.event.ID
			a.outMu.Unlock()
		default:
			a.byService(ctx, s.event)
		}
		a.landed()
	}
}

// stored waits until it is known whether the stream has taken an event.
func (a *Appender) stored(ctx context.Context, s sent) bool {
	if s.byService {
		return false
	}
	if s.flow == nil {
		return a.acknowledged(ctx, s.pending) == nil
	}
	return a.flows.stored(ctx, s.flow, s.number, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.flows.now == s.flow {
			a.flows.end()
		}
	})
}

func (a *Appender) acknowledged(ctx context.Context, p rpc.Pending) error {
	msg, err := p.Wait(ctx, ackWait)
	if err != nil {
		return err
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
	}
	switch err := codec.Read(msg.Data, &ack); {
	case err != nil:
		return err
	case ack.Error != nil:
		return ack.Error
	case ack.Sequence == 0:
		return errors.New("no acknowledgement")
	}
	return nil
}

// byService has the service append what may be there already.
func (a *Appender) byService(ctx context.Context, e api.Event) {
	ctx, cancel := context.WithTimeout(ctx, serviceTime)
	defer cancel()
	_, err := a.events.Append(ctx, e)
	if err == nil {
		return
	}
	a.outMu.Lock()
	if a.failed++; a.first == nil {
		a.first = fmt.Errorf("event %s: %w", e.ID, err)
	}
	a.outMu.Unlock()
	if a.o.Failed != nil {
		a.o.Failed(e, err)
	}
}

// Flush waits until it is known of all events that were sent before what became of them: those that were appended are seen by what this
// client reads from then on. It returns the first error since the last Flush.
func (a *Appender) Flush(ctx context.Context) error {
	if err := a.room(ctx); err != nil {
		return err
	}
	if a.closed {
		a.mu.Unlock()
		return a.outcome(ctx)
	}
	a.flying++
	flushed := make(chan struct{})
	a.flows.end()
	a.sent <- sent{flushed: flushed}
	a.mu.Unlock()
	select {
	case <-flushed:
		return a.outcome(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// outcome tells what became of what was sent since it was asked last.
func (a *Appender) outcome(ctx context.Context) error {
	a.outMu.Lock()
	n, first, last := a.failed, a.first, a.last
	a.failed, a.first, a.last = 0, nil, ""
	a.outMu.Unlock()
	if n > 1 {
		first = fmt.Errorf("%d events were not appended, the first: %w", n, first)
	}
	if last != "" { // its revision is what further reads wait for
		conn := a.events.conn
		notYet := func(err error) bool { return isTransient(err) || api.ReasonOf(err) == api.ReasonEventNotFound }
		e, err := attempts(ctx, notYet, func(ctx context.Context) (*api.Event, error) {
			return rpc.Call(ctx, conn, api.EventsGet, &api.EventGetRequest{ID: last, Principal: conn.Principal})
		})
		if err != nil {
			return errors.Join(first, err)
		}
		a.events.seen.wrote(e.Revision)
	}
	return first
}

// Close is Flush, after which nothing more is appended. What is not known when ctx ends is given up.
func (a *Appender) Close(ctx context.Context) error {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		a.flows.end()
		close(a.sent)
	}
	a.mu.Unlock()
	select {
	case <-a.done:
		a.stop()
		return a.outcome(ctx)
	case <-ctx.Done():
		a.stop()
		<-a.done
		return errors.Join(ctx.Err(), a.outcome(ctx))
	}
}
