package kv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Update applies rule to the record of key, by compare-and-set, as often as it takes until ctx ends. With
// cause.RequestID the change happens once however often, and on however many replicas, the request is repeated, and every
// repetition gets the first answer, be it a result or the rule's *api.Error. One request id stands for one key: callers
// that change several derive a cause for each (Derive), and keys must not be random.
func (t *Table[T]) Update(ctx context.Context, cause api.Cause, key string, rule Rule[T]) (Result[T], error) {
	u := update[T]{t: t, cause: cause, key: key, rule: rule}
	if cause.RequestID != "" {
		if t.requests == nil {
			return Result[T]{}, fmt.Errorf("table %s takes no request ids", t.bucket.name)
		}
		if err := t.requests.checkAge(ctx, cause.RequestID); err != nil {
			return Result[T]{}, err
		}
		u.ticket = &ticket{key: requestKey(t.service, cause), req: request{Hash: cause.BodyHash, Bucket: t.bucket.name, Key: key}}
	}
	for try := 0; ; try++ {
		res, err := u.attempt(ctx)
		switch {
		case errors.Is(err, errAgain):
			continue
		case !errors.Is(err, ErrLost):
			return res, err
		}
		u.reread = true
		if err := pause(ctx, try); err != nil {
			return Result[T]{}, t.bucket.unavailable(err, false)
		}
	}
}

// errAgain asks for another attempt without a pause.
var errAgain = errors.New("kv: decide again on the leader's record")

// update is one call of Update.
type update[T any] struct {
	t      *Table[T]
	cause  api.Cause
	key    string
	rule   Rule[T]
	ticket *ticket // nil without a request id
	reread bool    // the mirror's copy will not do
	taken  bool    // the ticket was taken before this attempt
}

func (u *update[T]) attempt(ctx context.Context) (Result[T], error) {
	cur, err := u.read(ctx)
	if err != nil {
		return Result[T]{}, err
	}
	readAfterTake := u.taken
	if u.ticket != nil && !u.taken {
		if done, err := u.take(ctx); done != nil || err != nil {
			if err != nil {
				return Result[T]{}, err
			}
			return u.t.result(*done)
		}
	}
	if u.ticket != nil && cur.request == u.ticket.key {
		return u.conclude(ctx, cur.answer())
	}
	next, event, ruleErr := u.rule(cur.value, time.Now().UTC())
	if ruleErr != nil || event == "" && (next == nil || next == cur.value) || next == nil && cur.value == nil {
		if !cur.current || u.ticket != nil && !readAfterTake {
			u.reread = true // an answer that changes nothing must come from the leader, after the request was taken
			return Result[T]{}, errAgain
		}
		return u.leave(ctx, cur, ruleErr)
	}
	if u.ticket != nil && readAfterTake {
		// The request may have been taken over, carried out and forgotten by the record since: look again.
		if done, err := u.take(ctx); done != nil || err != nil {
			if err != nil {
				return Result[T]{}, err
			}
			return u.t.result(*done)
		}
	}
	return u.change(ctx, cur, next, event)
}

func (u *update[T]) read(ctx context.Context) (record[T], error) {
	if !u.reread {
		if r, ok := u.t.mirrored(u.key); ok {
			return r, nil
		}
	}
	r, err := u.t.leader(ctx, u.key)
	if err == nil {
		err = u.t.step("read")
	}
	return r, err
}

func (u *update[T]) take(ctx context.Context) (*answer, error) {
	done, err := u.t.requests.take(ctx, u.ticket)
	if done != nil || err != nil {
		return done, err
	}
	u.taken = true
	return nil, u.t.step("taken")
}

// leave answers without a change.
func (u *update[T]) leave(ctx context.Context, cur record[T], ruleErr error) (Result[T], error) {
	a := cur.unchanged()
	if ruleErr != nil {
		a = answer{Error: lasting(ruleErr)}
		if u.ticket == nil || a.Error == nil {
			return Result[T]{}, ruleErr
		}
	}
	if u.ticket != nil {
		if err := u.t.requests.finish(ctx, u.ticket, a); err != nil {
			u.taken = false // if it was lost: somebody else is at the same request
			return Result[T]{}, err
		}
		if err := u.t.step("finished"); err != nil {
			return Result[T]{}, err
		}
	}
	if ruleErr != nil {
		return Result[T]{}, ruleErr
	}
	return Result[T]{Value: cur.value, Revision: cur.rev, Token: u.t.bucket.Token(cur.rev), Existed: cur.value != nil}, nil
}

// change writes the next record.
func (u *update[T]) change(ctx context.Context, cur record[T], next *T, event string) (Result[T], error) {
	w := Write{Key: u.key, Expect: cur.rev, Delete: next == nil, Header: u.header(cur, event)}
	if next != nil {
		var err error
		if w.Value, err = codec.Marshal(next); err != nil {
			return Result[T]{}, fmt.Errorf("write record %s of %s: %w", u.key, u.t.bucket.name, err)
		}
	}
	if cur.request != "" && u.t.requests != nil {
		if err := u.t.requests.settle(ctx, cur.request, cur.answer()); err != nil {
			return Result[T]{}, err
		}
		if err := u.t.step("settled"); err != nil {
			return Result[T]{}, err
		}
	}
	rev, err := u.t.bucket.Write(ctx, w)
	if err != nil {
		u.taken = false
		return Result[T]{}, err
	}
	res := Result[T]{Value: next, Revision: rev, Token: u.t.bucket.Token(rev), Existed: cur.value != nil, Changed: true}
	if u.ticket == nil {
		return res, u.t.step("written")
	}
	if err := u.t.step("written"); err != nil {
		return Result[T]{}, err
	}
	_, err = u.conclude(ctx, answer{Value: w.Value, Revision: rev, Existed: res.Existed, Changed: true})
	return res, err
}

// conclude keeps the answer of a change that is in the store. If that fails the change still stands, and whoever repeats
// the request or overwrites the record will keep the answer.
func (u *update[T]) conclude(ctx context.Context, a answer) (Result[T], error) {
	if err := u.t.requests.finish(ctx, u.ticket, a); errors.Is(err, ErrLost) {
		_ = u.t.requests.settle(ctx, u.ticket.key, a)
	}
	if err := u.t.step("finished"); err != nil {
		return Result[T]{}, err
	}
	return u.t.result(a)
}

func (u *update[T]) header(cur record[T], event string) nats.Header {
	h := nats.Header{}
	set := func(name, value string) {
		if value != "" && !strings.ContainsAny(value, "\r\n") {
			h.Set(name, value)
		}
	}
	set(headerEvent, event)
	set(headerPrincipal, u.cause.Principal)
	set(api.HeaderTraceparent, u.cause.Traceparent)
	set(api.HeaderCausation, u.cause.Causation)
	if u.ticket != nil {
		set(headerRequest, u.ticket.key)
		id, _, _ := strings.Cut(u.cause.RequestID, ".")
		set(api.HeaderRequestID, id)
	}
	if cur.value != nil {
		h.Set(headerExisted, "1")
	}
	return h
}
