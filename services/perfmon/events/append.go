package events

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// writing is an event on its way into the stream.
type writing struct {
	given   api.Event // as it was asked for
	event   api.Event
	subject string
	body    []byte
	derived bool // the id is that of the request
}

// write makes what is stored of an event that was asked for: id is its id if it has none.
func (s *Store) write(cause api.Cause, given api.Event, id string, now time.Time) (*writing, error) {
	w := &writing{given: given, event: given, derived: given.ID == "" && cause.RequestID != ""}
	if err := w.event.Complete(s.conn.Namespace, cause.Principal, id, now); err != nil {
		return nil, err
	}
	w.event.Traceparent = cause.Traceparent
	body, err := codec.Marshal(w.event.Brief())
	if err != nil {
		return nil, err
	}
	if most := int(s.conn.NC.MaxPayload()) - headerRoom; len(body) > most {
		return nil, api.EventTooLarge(&w.event, len(body), most)
	}
	w.body, w.subject = body, api.AppendedSubject(s.conn.Namespace, cause.Principal, w.event.ID)
	return w, nil
}

// headerRoom is what the headers of a message take at most, in bytes.
const headerRoom = 512

// newID returns the id of an event that was given none: one that a repetition of the request gets too, if it can be repeated.
func newID(cause api.Cause, suffix string) string {
	if tag := rpc.RequestTag(cause); tag != "" {
		return "r-" + tag + suffix
	}
	return rpc.NewRequestID() // a UUIDv7
}

// is tells whether a stored event is what was asked for. What was left to the store is as it was then.
func (w *writing) is(stored *api.Event, namespace, principal string) bool {
	again := w.given
	if again.Complete(namespace, principal, stored.ID, stored.Time) != nil {
		return false
	}
	have := *stored
	have.Traceparent, have.Revision = "", ""
	a, err1 := codec.Marshal(&again)
	b, err2 := codec.Marshal(&have)
	return err1 == nil && err2 == nil && bytes.Equal(a, b)
}

func (w *writing) exists() error {
	if w.derived {
		return api.Errorf(api.Conflict, "this request id was used for another event: choose a new one").WithReason(api.ReasonRequestReused)
	}
	return api.Errorf(api.Conflict, "another event has the id %s: choose a new one, or leave it to the store", w.event.ID).WithReason(api.ReasonEventExists)
}

func (s *Store) append(ctx context.Context, e *api.Event) (*api.EventReceipt, error) {
	cause := rpc.CauseFrom(ctx)
	w, err := s.write(cause, *e, newID(cause, ""), time.Now())
	if err != nil {
		return nil, err
	}
	receipts, err := s.store(ctx, cause, []*writing{w}, func(ctx context.Context) (uint64, error) {
		msg := &nats.Msg{Subject: w.subject, Data: w.body, Header: s.expectNone()}
		return s.publish(ctx, msg)
	})
	if err != nil {
		return nil, err
	}
	return &receipts[0], nil
}

// expectNone are the headers of a message that is refused when there is one on its subject.
func (s *Store) expectNone() nats.Header {
	return nats.Header{jetstream.ExpectedLastSubjSeqHeader: []string{"0"}, jetstream.ExpectedStreamHeader: []string{s.stream}}
}

// publishAck is the stream's answer to a message.
type publishAck struct {
	Error    *jetstream.APIError `json:"error"`
	Sequence uint64              `json:"seq"`
}

// publish sends a message once and returns the sequence that it got.
func (s *Store) publish(ctx context.Context, msg *nats.Msg) (uint64, error) {
	p, err := s.conn.Begin(msg)
	if err != nil {
		return 0, err
	}
	return acknowledged(ctx, p)
}

func acknowledged(ctx context.Context, p rpc.Pending) (uint64, error) {
	answer, err := p.Wait(ctx, apiTime)
	if err != nil {
		return 0, err
	}
	var ack publishAck
	switch err := codec.Read(answer.Data, &ack); {
	case err != nil:
		return 0, err
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Sequence == 0:
		return 0, jetstream.ErrInvalidJSAck
	}
	return ack.Sequence, nil
}

// store publishes events, which are stored all at once or not at all, until they are stored or refused, or ctx ends.
func (s *Store) store(ctx context.Context, cause api.Cause, all []*writing, publish func(context.Context) (last uint64, err error)) ([]api.EventReceipt, error) {
	if slices.ContainsFunc(all, func(w *writing) bool { return len(s.byID(w.event.ID)) > 0 }) {
		if receipts, err := s.stored(ctx, cause, all); receipts != nil || err != nil {
			return receipts, err
		}
	}
	open := false // an attempt was sent and its fate is not known
	for try := 0; ; try++ {
		last, err := publish(ctx)
		if err == nil {
			return s.receipts(all, last), nil
		}
		if e := refused(err); e != nil && !open {
			return nil, e
		}
		open = open || !unstored(err)
		if isThere(err) || open && ctx.Err() == nil { // somebody else has stored them, or this has
			receipts, lookErr := s.stored(ctx, cause, all)
			if receipts != nil || api.CodeOf(lookErr) == api.Conflict {
				return receipts, lookErr
			}
		}
		if !pause(ctx, try) {
			e := away(err)
			if open {
				e = e.MaybeExecuted()
			}
			return nil, e
		}
	}
}

// receipts are those of events that were stored now, of which the last has the sequence.
func (s *Store) receipts(all []*writing, last uint64) []api.EventReceipt {
	receipts := make([]api.EventReceipt, len(all))
	for i, w := range all {
		receipts[i] = api.EventReceipt{ID: w.event.ID, Time: w.event.Time, Revision: s.token(last)}
	}
	return receipts
}

// stored looks for events that may have been stored: their receipts if all were, nothing if none was, and a conflict for anything else.
func (s *Store) stored(ctx context.Context, cause api.Cause, all []*writing) ([]api.EventReceipt, error) {
	receipts := make([]api.EventReceipt, 0, len(all))
	last, there := uint64(0), (*writing)(nil)
	for begin := 0; begin < len(all); begin += ahead {
		part := all[begin:min(begin+ahead, len(all))]
		asked := make([]rpc.Pending, 0, len(part))
		for _, w := range part {
			p, err := s.ask("$JS.API.STREAM.MSG.GET.", getRequest{Last: w.subject})
			if err != nil {
				return nil, away(err)
			}
			asked = append(asked, p)
		}
		for i, p := range asked {
			f, err := s.heard(ctx, p)
			if f == nil && err == nil { // its subject may be that of all new ids
				f, err = s.first(ctx, part[i].event.ID, func(e *api.Event) bool { return e.Principal == cause.Principal })
			}
			switch {
			case err != nil:
				return nil, err
			case f == nil:
				continue
			}
			there = part[i]
			if !there.is(f.event, s.conn.Namespace, cause.Principal) {
				return nil, there.exists()
			}
			last = max(last, f.seq)
			receipts = append(receipts, api.EventReceipt{ID: f.event.ID, Time: f.event.Time})
		}
	}
	if len(receipts) == 0 {
		return nil, nil
	}
	if len(receipts) < len(all) {
		return nil, there.exists()
	}
	for i := range receipts {
		receipts[i].Revision = s.token(last)
	}
	return receipts, nil
}

// Server error codes that nats.go has no names for.
const (
	codeStoreFull       jetstream.ErrorCode = 10077
	codeAccountFull     jetstream.ErrorCode = 10047
	codeMemoryFull      jetstream.ErrorCode = 10028
	codeTooLarge        jetstream.ErrorCode = 10054
	codeBatchIncomplete jetstream.ErrorCode = 10176
	codeBatchInflight   jetstream.ErrorCode = 10210
	codeBatchDisabled   jetstream.ErrorCode = 10174
)

func codeOf(err error) jetstream.ErrorCode {
	var e *jetstream.APIError
	if errors.As(err, &e) {
		return e.ErrorCode
	}
	return 0
}

// isThere tells whether the stream has a message on the subject, or, on a replicated one, has one on its way.
func isThere(err error) bool {
	c := codeOf(err)
	return c == jetstream.JSErrCodeStreamWrongLastSequence || c == jetstream.JSErrCodeStreamWrongLastSequenceConstant
}

// unstored tells whether err proves that this attempt stored nothing.
func unstored(err error) bool {
	c := codeOf(err)
	return isThere(err) || c == codeBatchInflight || c == codeBatchIncomplete || errors.Is(err, nats.ErrNoResponders)
}

// refused returns the error of a publication that another try cannot help, or nil.
func refused(err error) error {
	switch codeOf(err) {
	case codeStoreFull, codeAccountFull, codeMemoryFull:
		return api.Errorf(api.Overloaded, "the server has no room for events: %v", err).WithReason(api.ReasonServerFull)
	case codeTooLarge:
		return api.Errorf(api.Invalid, "the server does not take an event as large as this").WithReason(api.ReasonDataTooLarge)
	case codeBatchDisabled:
		return api.Errorf(api.Unimplemented, "the NATS server stores no batches all at once: it must be 2.12 or later")
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return api.Errorf(api.Invalid, "the server does not take an event as large as this").WithReason(api.ReasonDataTooLarge)
	}
	return nil
}

// pause waits a little longer with each try, with jitter; it tells whether ctx lasts.
func pause(ctx context.Context, try int) bool {
	most := time.Millisecond << min(try+1, 7)
	return await.Pause(ctx, most/2+rand.N(most))
}
