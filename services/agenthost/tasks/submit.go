package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Submit stores a task and returns it. A task whose id is given, by the specification or by the cause's request id, is
// stored once: the same task again returns what became of the first, another one is conflict (task_exists).
func (s *Store) Submit(ctx context.Context, cause api.Cause, spec api.TaskSpec) (*api.Task, error) {
	return s.submit(ctx, cause, spec, "")
}

func (s *Store) submit(ctx context.Context, cause api.Cause, spec api.TaskSpec, replayOf string) (*api.Task, error) {
	sub := s.newSubmission(cause, spec, replayOf)
	sub.look()
	sub.send(ctx)
	sub.confirm(ctx)
	t, err := sub.conclude(ctx)
	if sub.fresh {
		s.signal(sub.t.Capability, 1)
	}
	return t, err
}

// signal tells idle hosts of new tasks: one host for each of the first few, who then pull until there are no more.
func (s *Store) signal(capability string, tasks int) {
	for range min(tasks, 16) {
		_ = s.conn.NC.Publish(s.readySubject(capability), nil)
	}
}

// submission is one task on its way into the store. Its steps, each of which a bulk request takes for all its tasks before
// the next, are look, send, confirm and conclude.
type submission struct {
	s      *Store
	t      *api.Task
	parent string // the traceparent of whoever submits it
	hash   string
	unique bool // the id was made here, so it cannot be taken and needs no guard
	looked rpc.Pending
	sent   rpc.Pending
	msg    *nats.Msg
	drop   func()
	fresh  bool // stored by this submission

	over bool // there is a verdict:
	done *api.Task
	err  error
}

func (s *Store) newSubmission(cause api.Cause, spec api.TaskSpec, replayOf string) *submission {
	sub := &submission{s: s, parent: cause.Traceparent, unique: spec.ID == "" && cause.RequestID == ""}
	switch {
	case sub.unique:
		spec.ID = nuid.Next()
	case spec.ID == "":
		spec.ID = rpc.RequestTag(cause)
	}
	fill(&spec)
	sub.t = &api.Task{TaskSpec: spec, Status: api.TaskQueued, Principal: cause.Principal, SubmittedAt: time.Now().UTC(), ReplayOf: replayOf}
	sub.hash = hashOf(&spec, cause.Principal)
	return sub
}

func (sub *submission) end(t *api.Task, err error) {
	sub.over, sub.done, sub.err = true, t, err
}

// look asks whether a task of this id has an outcome. One that waits is found by the guard of the write.
func (sub *submission) look() {
	if sub.unique || sub.over {
		return
	}
	var err error
	if sub.looked, err = sub.s.look(sub.s.results, map[string]any{"last_by_subj": sub.s.anyResult(sub.t.ID)}); err != nil {
		sub.end(nil, err)
	}
}

// send takes the answer of look and publishes the task.
func (sub *submission) send(ctx context.Context) {
	if sub.over {
		return
	}
	if !sub.unique {
		m, err := sub.s.seen(ctx, sub.s.results, sub.looked)
		if err == nil && m != nil {
			rec, rerr := sub.s.record(ctx, m)
			if err = rerr; err == nil || rec.hash != sub.hash {
				sub.end(same(rec, sub.t.ID, sub.hash))
				return
			}
		}
		if err != nil {
			sub.end(nil, err)
			return
		}
	}
	if err := sub.prepare(ctx); err != nil {
		sub.end(nil, err)
		return
	}
	var err error
	if sub.sent, err = sub.s.conn.BeginStore(sub.msg); err != nil {
		sub.drop()
		sub.end(nil, away("submit task "+sub.t.ID, err))
	}
}

// prepare makes the message, and sets the alarm of a task with a deadline.
func (sub *submission) prepare(ctx context.Context) error {
	s, t := sub.s, sub.t
	if err := s.admit(ctx); err != nil {
		return err
	}
	var err error
	if sub.msg, sub.drop, err = s.message(ctx, s.taskSubject(t), sub.hash, t); err != nil {
		return err
	}
	if sub.parent != "" {
		sub.msg.Header.Set(api.HeaderTraceparent, sub.parent)
	}
	if !sub.unique {
		sub.msg.Header.Set(headerNamed, "1")
		sub.msg.Header.Set("Nats-Expected-Last-Subject-Sequence", "0")
		sub.msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", s.anyTask(t.ID))
	}
	if t.Deadline.IsZero() {
		return nil
	}
	if err := s.setAlarm(ctx, t, sub.hash); err != nil {
		sub.drop()
		return err
	}
	return nil
}

// confirm takes the stream's word on the task, and asks once more for an outcome of its id.
func (sub *submission) confirm(ctx context.Context) {
	if sub.over {
		return
	}
	t, err := sub.stored(ctx)
	if api.CodeOf(err) == api.Conflict && !sub.t.Deadline.IsZero() {
		_ = sub.s.clear(ctx, sub.s.alarmSubject(later, sub.t.ID, sub.hash)) // if it rings all the same, it is for no task that stands
	}
	if err != nil || !sub.fresh || sub.unique {
		sub.end(t, err)
		return
	}
	if sub.look(); sub.over {
		sub.end(t, nil) // it stands, whatever the reading says
	}
}

// conclude returns what the caller gets. A task that ran to its end under the same id, by another submission between the
// look and the write, is taken back.
func (sub *submission) conclude(ctx context.Context) (*api.Task, error) {
	if sub.over {
		return sub.done, sub.err
	}
	s, t := sub.s, sub.t
	m, err := s.seen(ctx, s.results, sub.looked)
	if m == nil || err != nil {
		return t, nil // it stands, whatever the reading says
	}
	rec, err := s.record(ctx, m)
	if err != nil || rec.task.SubmittedAt.Equal(t.SubmittedAt) {
		return t, nil // this very task has run meanwhile
	}
	if err := s.takeOut(ctx, t.ID); err != nil {
		return nil, away("take back task "+t.ID, err).MaybeExecuted()
	}
	return same(rec, t.ID, sub.hash)
}

func (sub *submission) stored(ctx context.Context) (*api.Task, error) {
	s, t := sub.s, sub.t
	for err := confirmed(ctx, sub.sent); ; err = s.publish(ctx, sub.msg) {
		switch {
		case err == nil:
			sub.fresh = true
			return t, nil
		case !isWrongLast(err):
			var refused *jetstream.APIError
			if errors.As(err, &refused) {
				sub.drop() // otherwise it may be stored for all we know, and its body is then needed
				return nil, away("the task stream refused task "+t.ID, err)
			}
			return nil, away("the task stream did not confirm task "+t.ID+", whose id makes a repetition safe", err).MaybeExecuted()
		}
		// Somebody stored it before, or this was an innocent race on a replicated stream: look, and try again if nothing is there.
		known, err := s.known(ctx, t.ID, sub.hash)
		if known != nil || err != nil {
			sub.drop()
			return known, err
		}
		sleep(ctx, 5*time.Millisecond, nil)
	}
}

// known returns the task that has the id already, nil if there is none, or conflict if it is another one.
func (s *Store) known(ctx context.Context, id, hash string) (*api.Task, error) {
	for _, look := range []func(context.Context, string) (*record, error){s.waiting, s.outcome} {
		rec, err := look(ctx, id)
		if rec != nil && (err == nil || rec.hash != hash) {
			return same(rec, id, hash)
		}
		if err != nil && !unreadable(err) { // its body may just have gone because it has ended
			return nil, err
		}
	}
	return nil, nil
}

func same(rec *record, id, hash string) (*api.Task, error) {
	if rec.hash != hash {
		return nil, api.Errorf(api.Conflict, "another task has the id %s: choose a different one", id).WithReason(api.ReasonTaskExists)
	}
	return rec.task, nil
}

// fill sets the defaults of a specification.
func fill(t *api.TaskSpec) {
	if t.Priority == "" {
		t.Priority = api.PriorityLow
	}
	if t.Attempts == 0 {
		t.Attempts = api.DefaultAttempts
	}
	if t.Timeout == 0 {
		t.Timeout = api.DefaultTaskTimeout
	}
	if t.Backoff == 0 {
		t.Backoff = api.DefaultBackoff
	}
	if len(t.Payload) == 0 {
		t.Payload = []byte("{}")
	}
	if !t.Deadline.IsZero() {
		t.Deadline = t.Deadline.UTC()
	}
}

// hashOf tells specifications apart. Each field goes in with its length, so that no two can run into one another.
func hashOf(spec *api.TaskSpec, principal string) string {
	h := sha256.New()
	var size [8]byte
	for _, field := range []string{
		principal, spec.ID, spec.Job, spec.Name, spec.Capability, string(spec.Priority), strconv.Itoa(spec.Attempts),
		spec.Timeout.String(), spec.Backoff.String(), spec.Deadline.Format(time.RFC3339Nano), string(spec.Payload),
	} {
		binary.LittleEndian.PutUint64(size[:], uint64(len(field)))
		h.Write(size[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
