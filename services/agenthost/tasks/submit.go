package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Submit stores a task and returns it. A task whose id is given, by the specification or by the cause's request id, is
// stored once: the same task again returns what became of the first, another one is conflict (task_exists).
func (s *Store) Submit(ctx context.Context, cause api.Cause, spec api.TaskSpec) (*api.Task, error) {
	return s.submit(ctx, cause, spec, "")
}

func (s *Store) submit(ctx context.Context, cause api.Cause, spec api.TaskSpec, replayOf string) (*api.Task, error) {
	unique := spec.ID == "" && cause.RequestID == ""
	switch {
	case unique:
		spec.ID = nuid.Next()
	case spec.ID == "":
		spec.ID = rpc.RequestTag(cause)
	}
	fill(&spec)
	t := &api.Task{TaskSpec: spec, Status: api.TaskQueued, Principal: cause.Principal, SubmittedAt: time.Now().UTC(), ReplayOf: replayOf}
	hash, err := hashOf(&spec, cause.Principal)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "payload must be a JSON value, and text must be UTF-8: %v", err).WithFields("payload")
	}
	if !unique {
		// A task that waits under this id is found by the guard of the write.
		if rec, err := s.outcome(ctx, spec.ID); rec != nil && (err == nil || rec.hash != hash) {
			return same(rec, spec.ID, hash)
		} else if err != nil {
			return nil, err
		}
	}
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	if !spec.Deadline.IsZero() {
		if err := s.setAlarm(ctx, t, hash); err != nil {
			return nil, err
		}
	}
	msg, drop, err := s.message(ctx, s.taskSubject(t), hash, t)
	if err != nil {
		return nil, err
	}
	stored, err := s.store(ctx, t, msg, hash, unique, drop)
	if api.CodeOf(err) == api.Conflict && !t.Deadline.IsZero() {
		_ = s.clear(ctx, s.alarmSubject(later, t.ID, hash)) // if it rings all the same, it is for no task that stands
	}
	return stored, err
}

// store publishes the task. An id that was made here cannot be taken, so it needs no guard.
func (s *Store) store(ctx context.Context, t *api.Task, msg *nats.Msg, hash string, unique bool, drop func()) (*api.Task, error) {
	if !unique {
		msg.Header.Set("Nats-Expected-Last-Subject-Sequence", "0")
		msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", s.anyTask(t.ID))
	}
	for {
		err := s.publish(ctx, msg)
		switch {
		case err == nil:
			_ = s.conn.NC.Publish(s.readySubject(t.Capability), nil)
			return s.check(ctx, t, hash, unique)
		case !isWrongLast(err):
			var refused *jetstream.APIError
			if errors.As(err, &refused) {
				drop() // otherwise it may be stored for all we know, and its body is then needed
				return nil, away("the task stream refused task "+t.ID, err)
			}
			return nil, away("the task stream did not confirm task "+t.ID+", whose id makes a repetition safe", err).MaybeExecuted()
		}
		// Somebody stored it before, or this was an innocent race on a replicated stream: look, and try again if nothing is there.
		known, err := s.known(ctx, t.ID, hash)
		if known != nil || err != nil {
			drop()
			return known, err
		}
		sleep(ctx, 5*time.Millisecond, nil)
	}
}

// check takes back a task that ran to its end under the same id, by another submission, between the look and the write.
func (s *Store) check(ctx context.Context, t *api.Task, hash string, unique bool) (*api.Task, error) {
	if unique {
		return t, nil
	}
	rec, err := s.outcome(ctx, t.ID)
	if rec == nil || err != nil || rec.task.SubmittedAt.Equal(t.SubmittedAt) {
		return t, nil // it stands, whatever the reading says, or has run meanwhile
	}
	if err := s.clear(ctx, s.taskSubject(t)); err != nil {
		return nil, away("take back task "+t.ID, err).MaybeExecuted()
	}
	return same(rec, t.ID, hash)
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

func hashOf(spec *api.TaskSpec, principal string) (string, error) {
	body, err := codec.Marshal(spec)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	h.Write(body)
	h.Write([]byte{0})
	h.Write([]byte(principal))
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
