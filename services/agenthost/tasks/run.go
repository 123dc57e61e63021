package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
)

// job is a delivered task that waits for, or has, a worker.
type job struct {
	msg  *nats.Msg
	slot Slot
}

func (p *Puller) start(j job) {
	if !p.workers.Submit(j) { // more slots than workers: let another host have it
		_ = p.store.conn.NC.Publish(j.msg.Reply, []byte("-NAK"))
		j.slot.Release()
	}
}

// run takes one delivered task to its outcome, or to its next attempt.
func (p *Puller) run(j job) {
	defer j.slot.Release()
	ack := "+ACK"
	if err := p.attempt(j); err != nil {
		p.log.Warn().Err(err).Str("subject", j.msg.Subject).Msg("task not settled: it will be delivered again")
		ack = `-NAK {"delay":1000000000}`
	}
	_ = p.store.conn.NC.Publish(j.msg.Reply, []byte(ack))
}

// attempt makes one attempt. Nil means that the task is settled: it has an outcome, or stands for its next attempt.
func (p *Puller) attempt(j job) error {
	meta, err := j.msg.Metadata()
	if err != nil {
		return err
	}
	t, err := p.store.decode(p.base, j.msg.Header, j.msg.Data)
	if err != nil {
		return p.unreadable(j, err)
	}
	hash, seq := j.msg.Header.Get(headerHash), meta.Sequence.Stream
	before := t.Attempt
	number := before + int(meta.NumDelivered)
	if number > 1 { // an earlier attempt may have ended well and died before it said so
		if known, _, err := p.store.outcome(p.base, t.ID); known != nil || err != nil {
			return err
		}
	}
	if number > t.Attempts {
		return p.exhausted(t, hash)
	}
	now := time.Now().UTC()
	if !t.Deadline.IsZero() && !now.Before(t.Deadline) {
		return p.settle(missed(t), hash)
	}
	answer, stopped, err := p.carryOut(j, t, number, now)
	t.Attempt, t.StartedAt, t.Agent, t.Host = number, now, j.slot.Agent(), p.host
	switch {
	case stopped:
		return nil
	case err == nil:
		t.Status, t.Result, t.Error = api.TaskSucceeded, answer, nil
		return p.settle(t, hash)
	case p.base.Err() != nil:
		t.Attempt = before
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), 2*time.Second)
		defer cancel()
		return p.store.handBack(ctx, t, hash, seq)
	}
	t.Error = explain(err)
	if number >= t.Attempts || hopeless(t.Error) {
		t.Status = api.TaskFailed
		return p.settle(t, hash)
	}
	return p.store.retry(p.base, t, hash, seq, time.Now().Add(backoff(t, number)))
}

// carryOut has the agent handle the task. Stopped means that the task was given an outcome from elsewhere meanwhile.
func (p *Puller) carryOut(j job, t *api.Task, number int, now time.Time) (answer json.RawMessage, stopped bool, err error) {
	end := now.Add(t.Timeout.Std())
	if !t.Deadline.IsZero() && t.Deadline.Before(end) {
		end = t.Deadline
	}
	ctx, cancel := context.WithDeadline(p.base, end)
	defer cancel()
	a := &attempt{task: t, reply: j.msg.Reply, number: number, agent: j.slot.Agent(), startedAt: now, beat: now, cancel: cancel}
	p.running.add(a)
	answer, err = j.slot.Run(ctx, &agent.Message{Payload: t.Payload, Principal: t.Principal, Task: t.ID, Attempt: number})
	return answer, p.running.remove(a), err
}

// settle writes the outcome, trying while the store is away: the work is done, and must not be done again for want of a
// store. Meanwhile the delivery may run out and another host may come to an outcome first; then that one stands.
func (p *Puller) settle(t *api.Task, hash string) error {
	for {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), 5*time.Second)
		_, err := p.store.finish(ctx, t, hash)
		cancel()
		if err == nil || p.base.Err() != nil {
			return err
		}
		p.log.Warn().Err(err).Str("task", t.ID).Msg("outcome not stored yet")
		sleep(p.base, 200*time.Millisecond, nil)
	}
}

// exhausted settles a task that was delivered once more than it may be attempted: its last attempt took its host with it.
func (p *Puller) exhausted(t *api.Task, hash string) error {
	t.Attempt, t.Status = t.Attempts, api.TaskFailed
	e := api.Errorf(api.Unavailable, "%d attempts were begun and none came to an end; the last host was lost or out of touch", t.Attempts).
		WithReason(api.ReasonAttemptsExhausted).MaybeExecuted()
	if t.Error != nil {
		e.Message += "; the error before: " + t.Error.Error()
	}
	t.Error = e
	return p.settle(t, hash)
}

// missed is a task whose deadline has passed.
func missed(t *api.Task) *api.Task {
	t.Status = api.TaskFailed
	t.Error = api.Errorf(api.DeadlineExceeded, "the task had no outcome by its deadline, %s", t.Deadline.Format(time.RFC3339)).WithReason(api.ReasonTaskDeadline)
	return t
}

// unreadable settles a delivery that is no task any more: its body has left the object store, or it is junk. Trouble on the
// way to the store is no verdict on the task, and is tried again.
func (p *Puller) unreadable(j job, why error) error {
	if !errors.Is(why, errJunk) && api.CodeOf(why) != api.Invalid {
		return why
	}
	tokens := strings.Split(j.msg.Subject, ".") // <ns>.task.<capability>.<priority>.<id>
	if len(tokens) != 5 {
		return why
	}
	t := &api.Task{TaskSpec: api.TaskSpec{ID: tokens[4], Capability: tokens[2]}, Status: api.TaskFailed}
	t.Error = api.Errorf(api.Invalid, "the stored task cannot be read: %v", why)
	return p.settle(t, "")
}

// explain turns the error of an attempt into the one that the task keeps.
func explain(err error) *api.Error {
	switch {
	case api.AsError(err) != nil:
		return api.AsError(err)
	case errors.Is(err, context.DeadlineExceeded):
		return api.Errorf(api.DeadlineExceeded, "the attempt took longer than its timeout").WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.FailedPrecondition, "%s", err).WithReason(api.ReasonAgentError)
}

// hopeless tells whether another attempt can only fail in the same way.
func hopeless(e *api.Error) bool {
	return e.Code == api.Invalid || e.Code == api.PermissionDenied || e.Code == api.Unimplemented
}
