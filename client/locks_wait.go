package client

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	// longest is the longest that one request waits.
	longest = api.MaxRequestTimeout * time.Second
	// soon and late are the times between two looks at whether a request that waits is still somebody's: when it may be granted any
	// moment, and when many are before it.
	soon = time.Second
	late = 5 * time.Second
	// settle is for how long an answer may be on its way once what it tells is in the store.
	settle = 500 * time.Millisecond
)

// roundOf returns for how long one request waits: a little less than ctx has time, so that its answer still comes.
func roundOf(ctx context.Context, wait time.Duration) time.Duration {
	if wait < 0 {
		return 0
	}
	left := longest
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, max(inTime(time.Until(deadline)), 0))
	}
	if wait > 0 {
		left = min(left, wait)
	}
	return left.Round(time.Millisecond)
}

// inTime is how long an answer may take that must be here after d.
func inTime(d time.Duration) time.Duration { return d - min(d/10, 200*time.Millisecond) }

// looker tells, by what is in the store, whether nobody can be waiting with a request any more, and if not when to look again.
type looker func(ctx context.Context) (gone bool, next time.Duration)

var errUnheard = errors.New("nobody waits with the request any more")

// waitFor sends a request that waits at the replica which has it, for as long as ctx and the lease last, and returns its
// answer. It sends it again, under the same id, when the replica says that it stops, or has gone without a word: gone says so,
// by what is in the store, and what it answered otherwise is for mends to judge. A request that was sent again is not cancelled: the replica might still be there, and would take back what the
// second has got. strays says that an attempt may still be on its way, or carried out later.
func waitFor[Req, Resp any](ctx context.Context, l *Lease, m api.Method[Req, Resp], id string, req *Req, mends func(error) bool, gone looker) (resp *Resp, strays bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })()
	return waitUnder(ctx, l.conn, m, id, req, mends, gone)
}

func waitUnder[Req, Resp any](ctx context.Context, conn *rpc.Conn, m api.Method[Req, Resp], id string, req *Req, mends func(error) bool, gone looker) (resp *Resp, strays bool, err error) {
	body, err := codec.Marshal(req)
	if err != nil {
		return nil, false, api.Errorf(api.Invalid, "the request cannot be written as JSON: %v", err)
	}
	resp, err = repeat(ctx, func(err error) bool { return errors.Is(err, errUnheard) || mends(err) }, func(ctx context.Context) (*Resp, error) {
		resp, err := waitOnce(ctx, conn, m, id, body, gone)
		strays = strays || err != nil && isAmbiguous(err)
		return resp, err
	})
	if err != nil && ctx.Err() != nil {
		_ = conn.Cancel(id)
		if errors.Is(err, errUnheard) {
			err = ended(ctx, m.Subject(conn.Namespace))
		}
	}
	if e := api.AsError(err); e != nil && strays {
		return nil, true, e.MaybeExecuted() // the last answer does not speak for the attempts before
	}
	return resp, strays, err
}

func waitOnce[Req, Resp any](ctx context.Context, conn *rpc.Conn, m api.Method[Req, Resp], id string, body []byte, gone looker) (*Resp, error) {
	subject := m.Subject(conn.Namespace)
	left := longest
	if deadline, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(deadline))
	}
	if left <= 0 || ctx.Err() != nil {
		return nil, ended(ctx, subject)
	}
	msg := nats.NewMsg(api.As(conn.Namespace, conn.Principal, subject))
	msg.Data = body
	msg.Header.Set(api.HeaderRequestID, id)
	msg.Header.Set(api.HeaderTimeout, max(inTime(left), time.Millisecond).Round(time.Microsecond).String())
	if cause := rpc.CauseFrom(ctx); cause.Traceparent != "" {
		msg.Header.Set(api.HeaderTraceparent, cause.Traceparent)
	}
	pending, err := conn.Begin(msg)
	if err != nil {
		return nil, api.Errorf(api.Unavailable, "the connection to NATS failed while asking %s: %v", subject, err)
	}
	try, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		lookAfter(try, cancel, gone)
	}()
	answer, err := pending.Wait(try, left)
	cause := context.Cause(try)
	cancel(nil)
	<-over
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrNoResponders):
		return nil, api.Errorf(api.Unavailable, "nobody listens on %s: is the service running?", subject).WithReason(api.ReasonNobodyListens)
	case errors.Is(cause, errUnheard):
		return nil, errUnheard
	default:
		return nil, ended(ctx, subject)
	}
	data, err := conn.Open(ctx, answer)
	if err != nil {
		return nil, err
	}
	resp := new(Resp)
	if err := codec.Read(data, resp); err != nil {
		return nil, api.Errorf(api.Internal, "the answer of %s is not readable: %v", subject, err)
	}
	return resp, nil
}

// ended is the error of a request that ctx has ended, or its own longest time.
func ended(ctx context.Context, subject string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return api.Errorf(api.Cancelled, "the caller gave up waiting on %s", subject).MaybeExecuted()
	}
	return api.Errorf(api.DeadlineExceeded, "no answer on %s in time", subject).WithReason(api.ReasonTimeout).MaybeExecuted()
}

// lookAfter ends a request when it is gone, and no answer has come since that was seen.
func lookAfter(ctx context.Context, cancel context.CancelCauseFunc, gone looker) {
	next := soon
	for pause(ctx, next) {
		look, done := context.WithTimeout(ctx, late)
		is, after := gone(look)
		done()
		if is && pause(ctx, settle) {
			cancel(errUnheard)
		}
		next = after
	}
}
