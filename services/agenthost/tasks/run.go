package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// shortTask is what counts as no time to speak of: a task that runs for longer can be asked after and cancelled, shorter ones
// are not worth a subscription.
const shortTask = 50 * time.Millisecond

// maxSettling is how many tasks a host may have whose agents are free for the next one while the outcome is being written:
// a bound on what is held in memory when the store is slow.
const maxSettling = 256

// job is a delivered task that waits for, or has, a worker.
type job struct {
	msg  *nats.Msg
	slot Slot
	loop *loop
	came time.Time
}

func (p *Puller) start(j job) {
	if !p.workers.Submit(j) { // more slots than workers: let another host have it
		p.giveBack(j.msg)
		j.slot.Release()
	}
}

// giveBack puts a delivery back into the queue that nobody here has begun on.
func (p *Puller) giveBack(msg *nats.Msg) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), 2*time.Second)
	defer cancel()
	ack := ackDone
	d, err := newDelivery(msg)
	if err == nil {
		err = p.store.handBack(ctx, d)
	}
	if err != nil {
		ack = ackLater
	}
	_ = p.store.conn.JS.Conn().Publish(msg.Reply, []byte(ack))
}

// run takes one delivered task to its outcome, or to its next attempt.
func (p *Puller) run(j job) {
	a := &attempt{id: bare(j.msg.Subject).ID, reply: j.msg.Reply, agent: j.slot.Agent(), beat: j.came}
	defer func() {
		if !a.freed {
			j.slot.Release()
		}
	}()
	p.running.add(a)
	ack := ackDone
	if err := p.attempt(j, a); errors.Is(err, errLeft) {
		p.log.Warn().Err(err).Str("subject", j.msg.Subject).Msg("task left alone")
		ack = ""
	} else if err != nil {
		p.log.Warn().Err(err).Str("subject", j.msg.Subject).Msg("task not settled: it will be delivered again")
		ack = ackLater
	}
	p.running.remove(a)
	if ack != "" {
		_ = p.store.conn.JS.Conn().Publish(j.msg.Reply, []byte(ack))
	}
	j.loop.short.Store(time.Since(j.came) < shortTask)
}

// work is one attempt's worth of a task.
type work struct {
	d         delivery
	t         *api.Task
	hash, ref string
	said      *says
}

// errLeft says that another host has the task by now: its message is none of ours any more.
var errLeft = errors.New("a later attempt at the task has begun")

// attempt makes one attempt. Nil means that the task is settled: it has an outcome, or stands for its next attempt.
func (p *Puller) attempt(j job, a *attempt) error {
	d, err := newDelivery(j.msg)
	if err != nil {
		return err
	}
	w := &work{d: d, hash: j.msg.Header.Get(headerHash), ref: j.msg.Header.Get(api.HeaderBlob)}
	number := d.begun + 1
	// An earlier attempt may have ended well and died before it said so; and a task that was submitted again may have ended
	// between its submitter's look and write.
	begun := number > 1 || j.msg.Header.Get(headerAttempts) != ""
	if begun || j.msg.Header.Get(headerNamed) != "" {
		if known, err := p.store.outcome(p.base, a.id); known != nil {
			p.store.forget(p.base, w.ref)
			if begun {
				p.store.forgetState(p.base, a.id)
			}
			return nil
		} else if err != nil {
			return p.putOff(d, err)
		}
	}
	if w.t, err = p.store.decode(p.base, j.msg.Subject, j.msg.Header, j.msg.Data); err != nil {
		return p.unread(d, err)
	}
	w.said = &says{s: p.store, task: w.t.ID, life: lifeOf(w.t), attempt: number, kept: begun}
	if moved, err := p.store.moved(p.base, d); err != nil {
		return p.putOff(d, err)
	} else if moved {
		return nil
	}
	now := time.Now().UTC()
	waits, err := p.store.stillWaits(p.base, d, w.t)
	if err != nil {
		return p.putOff(d, err)
	}
	if waits != nil && !overdue(w.t, now) { // the attempt that asked has ended so, whether or not its host could say it
		w.d.begun = max(d.begun-d.lost, min(d.begun, waits.Attempt-1)) // with those before it: what they wrote fences earlier ones
		return p.putAside(w, waitsInput)
	}
	if number > w.t.Attempts {
		return p.end(w, exhausted(w.t))
	}
	if overdue(w.t, now) {
		return p.end(w, missed(w.t))
	}
	m := &agent.Message{Payload: w.t.Payload, Principal: w.t.Principal, Task: w.t.ID, Attempt: number, Job: w.t.Job, Parts: w.said}
	if begun {
		from, err := p.store.checkpoint(p.base, w.t.ID, w.said.life)
		if err != nil {
			return p.putOff(d, err)
		}
		m.Checkpoint, w.said.asked = from.state, from.asked
	}
	answer, stopped, err := p.carryOut(j, a, w, m, now)
	if stopped {
		if w.said.isKept() { // it may have saved something after whoever stopped it had removed that
			p.store.forgetState(p.base, a.id)
		}
		return nil
	}
	w.spend(m.Used())
	if err != nil && p.base.Err() != nil && !w.said.isAside() && !w.said.isFenced() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), p.patience())
		defer cancel()
		return p.store.handBack(ctx, w.d)
	}
	w.t.Attempt, w.t.StartedAt, w.t.Agent, w.t.Host = number, now, a.agent, p.host
	defer p.settling.Add(-1)
	if p.settling.Add(1) <= maxSettling && w.ref == "" { // the agent is done, and need not wait for the store
		j.slot.Release()
		a.freed = true
	}
	err = p.conclude(w, answer, err)
	if err == nil && !w.t.Status.Ended() && w.said.isKept() {
		p.store.forgetEnded(p.base, a.id)
	}
	return err
}

// conclude takes what came of an attempt to the outcome, or to where the task waits for what comes next.
func (p *Puller) conclude(w *work, answer json.RawMessage, err error) error {
	t := w.t
	if err == nil {
		t.Status, t.Result, t.Error = api.TaskSucceeded, answer, nil
		return p.end(w, t)
	}
	switch {
	case w.said.isAside():
		return p.putAside(w, waitsInput)
	case w.said.isFenced():
		return errLeft
	}
	t.Error = explain(err)
	switch {
	case overdue(t, time.Now()):
		return p.end(w, missed(t))
	case t.Error.Details.Reason == api.ReasonBudgetExhausted:
		return p.putAside(w, waitsBudget)
	case t.Error.Details.Reason == api.ReasonBudgetReserved: // another call's end makes room; no attempt was made
		return p.insist(t.ID, func(ctx context.Context) error {
			return p.store.retry(ctx, w.d, w.d.begun, t.Error, time.Now().Add(time.Second))
		})
	case t.Attempt >= t.Attempts || hopeless(t.Error):
		t.Status = api.TaskFailed
		return p.end(w, t)
	}
	p.outcomes.retried.Add(1)
	return p.insist(t.ID, func(ctx context.Context) error {
		return p.store.retry(ctx, w.d, t.Attempt, t.Error, time.Now().Add(backoff(t, t.Attempt)))
	})
}

// end writes the outcome, and then lets go of what only a further attempt would need.
func (p *Puller) end(w *work, t *api.Task) error {
	if err := p.settle(t, w.hash, w.ref); err != nil {
		return err
	}
	p.outcomes.ended(t.Status)
	if w.said.isKept() {
		p.store.forgetState(p.base, t.ID)
	}
	return nil
}

func (p *Puller) putAside(w *work, waits string) error {
	return p.insist(w.t.ID, func(ctx context.Context) error { return p.store.putAside(ctx, w.d, waits, w.t.Error) })
}

// spend adds what this attempt has cost to what those before it have.
func (w *work) spend(used api.Usage) {
	if used.IsZero() {
		return
	}
	if w.t.Usage != nil {
		used.Add(*w.t.Usage)
	}
	w.t.Usage, w.d.used = &used, used
}

// carryOut has the agent handle the task. Stopped means that the task was given an outcome from elsewhere meanwhile.
func (p *Puller) carryOut(j job, a *attempt, w *work, m *agent.Message, now time.Time) (answer json.RawMessage, stopped bool, err error) {
	end := now.Add(w.t.Timeout.Std())
	if !w.t.Deadline.IsZero() && w.t.Deadline.Before(end) {
		end = w.t.Deadline
	}
	traced, span := p.span(j, w, m)
	defer func() { span.End(err) }()
	ctx, cancel := context.WithDeadline(traced, end)
	defer cancel()
	w.said.aside = cancel
	p.running.begin(a, m.Attempt, now, end, cancel)
	answer, err = j.slot.Run(ctx, m)
	w.said.end()
	return answer, p.running.end(a), err
}

func overdue(t *api.Task, now time.Time) bool { return !t.Deadline.IsZero() && !now.Before(t.Deadline) }

// exhausted is a task that was delivered once more than it may be attempted: its last attempt took its host with it.
func exhausted(t *api.Task) *api.Task {
	t.Attempt, t.Status = t.Attempts, api.TaskFailed
	e := api.Errorf(api.Unavailable, "%d attempts were begun and the last did not come to an end: its host was lost or out of touch", t.Attempts).
		WithReason(api.ReasonAttemptsExhausted).MaybeExecuted()
	if t.Error != nil {
		e.Message += "; the error before: " + t.Error.Error()
	}
	t.Error = e
	return t
}

// missed is a task whose deadline has passed.
func missed(t *api.Task) *api.Task {
	t.Status = api.TaskFailed
	t.Error = api.Errorf(api.DeadlineExceeded, "the task had no outcome by its deadline, %s", t.Deadline.Format(time.RFC3339)).WithReason(api.ReasonTaskDeadline)
	return t
}

// unread settles a delivery that is no task any more: its body has left the object store, or it is junk. Trouble on the way to
// the object store is no verdict on the task.
func (p *Puller) unread(d delivery, why error) error {
	if !unreadable(why) {
		return p.putOff(d, why)
	}
	t, err := p.store.parse(d.msg.Subject, d.msg.Header, d.msg.Data) // the summary, when only the body is gone
	if err != nil {
		t = bare(d.msg.Subject)
	}
	// The body of a task that has just been given an outcome is gone too.
	if known, err := p.store.outcome(p.base, t.ID); known != nil {
		return nil
	} else if err != nil {
		return p.putOff(d, err)
	}
	t.Status = api.TaskFailed
	t.Error = api.Errorf(api.Invalid, "the stored task cannot be read: %s", cut(why.Error(), maxErrorText))
	return p.settle(t, d.msg.Header.Get(headerHash), "")
}

// putOff brings a delivery again in a while, and does not count it as an attempt.
func (p *Puller) putOff(d delivery, why error) error {
	p.log.Warn().Err(why).Str("subject", d.msg.Subject).Msg("task put off")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), p.patience())
	defer cancel()
	return p.store.retry(ctx, d, d.begun, nil, time.Now().Add(time.Second))
}

// explain turns the error of an attempt into the one that the task keeps.
func explain(err error) *api.Error {
	if e := api.AsError(err); e != nil {
		return rpc.Sendable(e)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return api.Errorf(api.DeadlineExceeded, "the attempt took longer than its timeout").WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.FailedPrecondition, "%s", cut(err.Error(), maxErrorText)).WithReason(api.ReasonAgentError)
}

// hopeless tells whether another attempt can only fail in the same way.
func hopeless(e *api.Error) bool {
	return e.Code == api.Invalid || e.Code == api.PermissionDenied || e.Code == api.Unimplemented
}
