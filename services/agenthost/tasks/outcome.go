package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// finish writes the outcome of a task unless it has one, and tells whether this one counts. A failed task keeps its payload,
// so that it can be replayed; others let it go.
func (s *Store) finish(ctx context.Context, t *api.Task, hash string) (bool, error) {
	t.FinishedAt = time.Now().UTC()
	kept := *t
	if t.Status != api.TaskFailed {
		kept.Payload = nil
	}
	msg, drop, err := s.message(ctx, api.ResultSubject(s.ns, t.Job, t.ID), hash, &kept)
	if err != nil {
		return false, err
	}
	_, err = s.conn.JS.PublishMsg(ctx, msg)
	switch {
	case err == nil:
		if !t.Deadline.IsZero() {
			_ = s.clear(ctx, s.ns+".deadline.*."+t.ID) // an alarm that rings all the same finds the outcome
		}
		return true, nil
	case isTaken(err):
		drop()
		return false, nil
	}
	return false, err
}

// Cancel gives a task the outcome cancelled and stops the work on it.
func (s *Store) Cancel(ctx context.Context, cause api.Cause, r *api.TaskCancelRequest) (*api.Task, error) {
	t, hash, err := s.waiting(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, s.ended(ctx, r.ID)
	}
	if live := s.running(ctx, r.ID, false); live != nil {
		t.Agent, t.Host, t.Attempt, t.StartedAt = live.Agent, live.Host, live.Attempt, live.StartedAt
	}
	t.Status = api.TaskCancelled
	t.Error = api.Errorf(api.Cancelled, "%s", cancelText(cause, r.Reason))
	if counts, err := s.finish(ctx, t, hash); err != nil {
		return nil, err
	} else if !counts {
		return nil, s.ended(ctx, r.ID)
	}
	_ = s.clear(ctx, s.anyTask(t.ID)) // the outcome stands: whoever pulls what is left finds it
	s.running(ctx, r.ID, true)
	t.Payload = nil
	return t, nil
}

func cancelText(cause api.Cause, reason string) string {
	text := "cancelled"
	if cause.Principal != "" {
		text += " by " + cause.Principal
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// ended says why a task that does not wait cannot be cancelled.
func (s *Store) ended(ctx context.Context, id string) error {
	t, _, err := s.outcome(ctx, id)
	switch {
	case err != nil:
		return err
	case t == nil:
		return notFound(id)
	}
	return api.Errorf(api.FailedPrecondition, "task %s has ended already: it %s", id, t.Status).WithReason(api.ReasonCannotCancel)
}

func notFound(id string) error {
	return api.Errorf(api.NotFound, "there is no task %s", id).WithReason(api.ReasonTaskNotFound)
}

// Replay submits a failed task again. The new task's id follows from the old one's, so that repeating the replay makes no
// second one.
func (s *Store) Replay(ctx context.Context, cause api.Cause, id string) (*api.Task, error) {
	t, _, err := s.outcome(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case t == nil:
		if t, _, err = s.waiting(ctx, id); err != nil {
			return nil, err
		} else if t == nil {
			return nil, notFound(id)
		}
		fallthrough
	case t.Status != api.TaskFailed:
		return nil, api.Errorf(api.FailedPrecondition, "task %s is %s: only a failed task is replayed", id, t.Status).WithReason(api.ReasonNotReplayable)
	}
	spec := t.TaskSpec
	spec.ID, spec.Deadline = replayID(id), time.Time{}
	return s.submit(ctx, api.Cause{Principal: t.Principal, Traceparent: cause.Traceparent}, spec, id)
}

// replayID appends "-r1" to an id, or counts on: "-r2" follows "-r1".
func replayID(id string) string {
	base, n := id, 0
	if i := strings.LastIndex(id, "-r"); i > 0 {
		if v, err := strconv.Atoi(id[i+2:]); err == nil && v > 0 {
			base, n = id[:i], v
		}
	}
	suffix := "-r" + strconv.Itoa(n+1)
	if len(base)+len(suffix) > api.MaxIDLength { // too long to grow: a digest stands for it
		sum := sha256.Sum256([]byte(base))
		base = hex.EncodeToString(sum[:16])
	}
	return base + suffix
}

// state is what a host says of a task that it is running.
type state struct {
	Host      string    `json:"host"`
	Agent     string    `json:"agent"`
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"started_at"`
}

// running asks whoever runs the task, and has it stop if told to; nil if nobody does, or not for long enough to listen.
func (s *Store) running(ctx context.Context, id string, stop bool) *state {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	body := []byte("{}")
	if stop {
		body = []byte(`{"cancel":true}`)
	}
	msg, err := s.conn.NC.RequestWithContext(ctx, s.runningSubject(id), body)
	if err != nil {
		return nil
	}
	st := new(state)
	if codec.Read(msg.Data, st) != nil {
		return nil
	}
	return st
}
