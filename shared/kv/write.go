package kv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// Headers of the messages in a bucket.
const (
	headerOperation = "KV-Operation"
	headerWrite     = "Mabus-Write"     // names one call of Write, so that its message is known again
	headerEvent     = "Mabus-Event"     // what happened, for the outbox
	headerPrincipal = "Mabus-Principal" // who asked for it
	headerRequest   = "Mabus-Request"   // key of the request's record
	headerExisted   = "Mabus-Existed"   // present if there was a record before
)

// Server error codes that nats.go has no names for.
const (
	codeStoreFull   = 10077
	codeAccountFull = 10047
	codeMemoryFull  = 10028
)

// Write is one compare-and-set.
type Write struct {
	Key string
	// Value replaces the key's value, unless Delete is set.
	Value  []byte
	Delete bool
	// Expect is the revision that the key has now, deletions included; 0 for a key that was never written.
	Expect uint64
	// Header is added to the message.
	Header nats.Header
}

// Write writes w and returns the new revision. It returns ErrLost only when the store has shown that another write came
// first, and unavailable with maybe_executed when ctx ended before it was known what became of the write.
func (b *Bucket) Write(ctx context.Context, w Write) (uint64, error) {
	if !trace.On() {
		return b.write(ctx, w)
	}
	action := "put"
	if w.Delete {
		action = "delete"
	}
	ctx, span := trace.StartWithin(ctx, trace.Client, action+" "+b.name)
	span.Text(trace.StoreSystem, trace.NATS)
	span.Text(trace.Collection, b.name)
	span.Text(trace.StoreAction, action)
	rev, err := b.write(ctx, w)
	if errors.Is(err, ErrLost) { // whoever writes decides anew: that is no failure
		span.Event("another write came first")
		span.End(nil)
		return rev, err
	}
	span.End(err)
	return rev, err
}

func (b *Bucket) write(ctx context.Context, w Write) (uint64, error) {
	if err := checkKey(w.Key); err != nil {
		return 0, err
	}
	id := nuid.Next()
	open := false // an attempt was sent and its fate is not known
	for try := 0; ; try++ {
		if err := ctx.Err(); err != nil {
			return 0, b.unavailable(err, open)
		}
		rev, err := b.publish(ctx, w, id)
		if err == nil {
			return rev, nil
		}
		if e := b.refused(err, w.Key); e != nil && !open {
			return 0, e
		}
		open = open || !known(err)
		rev, err = b.outcome(ctx, w, id, open)
		if err != nil || rev > 0 {
			return rev, err
		}
		if err := pause(ctx, try); err != nil {
			return 0, b.unavailable(err, open)
		}
	}
}

// publishAck is the stream's answer to a message.
type publishAck struct {
	Error    *jetstream.APIError `json:"error"`
	Sequence uint64              `json:"seq"`
}

// publish sends a write once. It is not PublishMsg of the jetstream package, which tries again by itself and costs more.
func (b *Bucket) publish(ctx context.Context, w Write, id string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	m := &nats.Msg{Subject: b.prefix + w.Key, Header: b.header(w, id)}
	if !w.Delete {
		m.Data = w.Value
	}
	answer, err := b.nc.RequestMsgWithContext(ctx, m)
	if errors.Is(err, nats.ErrNoResponders) {
		return 0, jetstream.ErrNoStreamResponse
	}
	if err != nil {
		return 0, err
	}
	var ack publishAck
	switch err := codec.Read(answer.Data, &ack); {
	case err != nil:
		return 0, fmt.Errorf("read the acknowledgement of %s: %w", w.Key, err)
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Sequence == 0:
		return 0, fmt.Errorf("the acknowledgement of %s has no sequence: %w", w.Key, jetstream.ErrInvalidJSAck)
	}
	return ack.Sequence, nil
}

func (b *Bucket) header(w Write, id string) nats.Header {
	h := make(nats.Header, len(w.Header)+4)
	maps.Copy(h, w.Header)
	values := [4]string{id, strconv.FormatUint(w.Expect, 10), b.stream, "DEL"}
	h[headerWrite] = values[0:1:1]
	h[jetstream.ExpectedLastSubjSeqHeader] = values[1:2:2]
	h[jetstream.ExpectedStreamHeader] = values[2:3:3]
	if w.Delete {
		h[headerOperation] = values[3:4:4]
	}
	return h
}

// outcome asks the leader what became of a write that was not acknowledged: its revision if it is there, 0 if it may be
// sent again, ErrLost if another came first.
func (b *Bucket) outcome(ctx context.Context, w Write, id string, open bool) (uint64, error) {
	last, err := b.Get(ctx, w.Key)
	switch {
	case err != nil:
		return 0, b.unavailable(err, open)
	case last.Header.Get(headerWrite) == id:
		return last.Revision, nil
	case last.Revision == w.Expect:
		return 0, nil // an innocent loser of a race between other keys, or a message that went astray
	case !open:
		return 0, ErrLost
	}
	// The write may have been stored and then overwritten. If it was, it is the first message after Expect.
	next, err := b.read(ctx, w.Key, getRequest{Next: b.prefix + w.Key, Seq: w.Expect + 1})
	switch {
	case err != nil:
		return 0, b.unavailable(err, open)
	case next.Header.Get(headerWrite) == id:
		return next.Revision, nil
	case next.Revision == 0 || next.Header.Get(jetstream.ExpectedLastSubjSeqHeader) == strconv.FormatUint(w.Expect, 10):
		return 0, ErrLost
	}
	return 0, b.unavailable(errors.New("the key's history no longer tells"), open)
}

// known tells whether err proves that this attempt stored nothing.
func known(err error) bool {
	var e *jetstream.APIError
	return errors.As(err, &e) && (e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) ||
		errors.Is(err, jetstream.ErrNoStreamResponse)
}

// refused returns the error of a write that another try cannot help, or nil.
func (b *Bucket) refused(err error, key string) error {
	var e *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrConnectionClosed):
		return b.unavailable(err, true) // it may have been sent before
	case errors.Is(err, nats.ErrMaxPayload):
		return api.Errorf(api.Invalid, "the record %s is larger than the server takes in one message", key).WithReason(api.ReasonPayloadTooLarge)
	case !errors.As(err, &e):
		return nil
	}
	switch e.ErrorCode {
	case jetstream.JSErrCodeStreamMessageExceedsMaximum:
		return api.Errorf(api.Invalid, "the record %s is larger than bucket %s takes", key, b.name).WithReason(api.ReasonPayloadTooLarge)
	case codeStoreFull, codeAccountFull, codeMemoryFull:
		return api.Errorf(api.Overloaded, "bucket %s is full: remove what is not needed, or raise its limit (%s)", b.name, e.Description).WithReason(api.ReasonServerFull)
	}
	return nil
}

func (b *Bucket) unavailable(err error, maybe bool) error {
	if e := api.AsError(err); e != nil && !maybe {
		return e
	}
	e := api.Errorf(api.Unavailable, "bucket %s cannot be written now, try again: %s", b.name, fmt.Sprint(err)).WithReason(api.ReasonDependencyDown)
	if maybe {
		e = e.MaybeExecuted()
	}
	return e
}
