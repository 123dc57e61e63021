package replog

import (
	"context"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace"
)

// Do appends a command and returns the machine's answer, once this replica has applied it. The error is
//   - what the machine refused it with;
//   - overloaded (server_full) when too many wait, or the log is full: nothing was done;
//   - unavailable (not_ready) when this replica is not caught up, unavailable (draining) when it stops: nothing was done;
//   - deadline_exceeded or cancelled when ctx ended before the command was sent: nothing was done;
//   - unavailable with maybe_executed when ctx ended or the log was closed after that: with the same id it is safe to ask again.
func (l *Log[S]) Do(ctx context.Context, c engine.Command) (Answer, error) {
	if strings.HasPrefix(c.Kind, "~") {
		return Answer{}, api.Errorf(api.Invalid, "commands of the kind %q are the log's own", c.Kind)
	}
	if err := l.check(c); err != nil {
		return Answer{}, err
	}
	switch {
	case !l.health.ready():
		return Answer{}, l.notReady()
	case l.health.isFull():
		return Answer{}, l.errFull()
	}
	asked := newCall(c, rpc.Arrival(ctx))
	asked.parent = trace.Kept(ctx)
	return l.do(ctx, asked, l.queue.put)
}

// own carries out a command of the log itself, which no full queue refuses.
func (l *Log[S]) own(ctx context.Context, c engine.Command) (Answer, error) {
	if err := l.check(c); err != nil {
		return Answer{}, err
	}
	return l.do(ctx, newCall(c, 0), l.queue.putOwn)
}

func (l *Log[S]) do(ctx context.Context, c *call, put func(*call) error) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, gaveUp(err)
	}
	if err := put(c); err != nil {
		return Answer{}, err
	}
	l.cfg.hooks.at(pointQueued)
	for {
		select {
		case r := <-c.done: // also when the log is closed
			c.free()
			return r.answer, r.err
		case <-l.pulse.wait():
		}
		if ctx.Err() != nil {
			break
		}
	}
	if c.state.CompareAndSwap(callWaits, callGivenUp) {
		return Answer{}, gaveUp(ctx.Err())
	}
	select {
	case r := <-c.done: // it came at the same moment
		return r.answer, r.err
	default:
		return Answer{}, errMaybe("the command was sent, and no answer came in time")
	}
}

func (l *Log[S]) check(c engine.Command) error {
	if len(c.Body) > engine.MaxCommandSize || c.Size() > l.room() {
		return errTooLarge(l.room())
	}
	return nil
}

func errTooLarge(room int) error {
	return api.Errorf(api.Invalid, "the command is larger than the log takes: %d bytes at most", min(engine.MaxCommandSize, room)).WithReason(api.ReasonPayloadTooLarge)
}

func (l *Log[S]) notReady() error {
	return api.Errorf(api.Unavailable, "this replica of %s is not ready (%s): ask again", l.cfg.Realm, l.health.state()).WithReason(api.ReasonNotReady)
}

func gaveUp(cause error) error {
	if cause == context.Canceled { //nolint:errorlint // it is the error of a context itself
		return api.Errorf(api.Cancelled, "the caller gave up before the command was sent")
	}
	return api.Errorf(api.DeadlineExceeded, "the command was not sent in time: ask again").WithReason(api.ReasonTimeout)
}

func errMaybe(why string) error {
	return api.Errorf(api.Unavailable, "%s: ask again with the same request id, or read what became of it", why).WithReason(api.ReasonDependencyDown).MaybeExecuted()
}
