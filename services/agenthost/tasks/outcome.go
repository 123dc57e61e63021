package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Cancel gives a task the outcome cancelled and stops the work on it.
func (s *Store) Cancel(ctx context.Context, cause api.Cause, r *api.TaskCancelRequest) (*api.Task, error) {
	rec, err := s.waiting(ctx, r.ID)
	if err != nil && (rec == nil || !unreadable(err)) {
		return nil, err
	}
	if rec == nil {
		return nil, s.ended(ctx, r.ID)
	}
	t := rec.task
	s.addLive(ctx, t)
	t.Status = api.TaskCancelled
	t.Error = api.Errorf(api.Cancelled, "%s", cancelText(cause, r.Reason))
	counts, err := s.finish(ctx, t, cause.Principal, rec.hash, rec.ref)
	if err != nil {
		return nil, away("task "+t.ID+" may be cancelled or not", err).MaybeExecuted()
	}
	if counts {
		s.running(ctx, r.ID, true)
		s.forgetState(ctx, r.ID)
	}
	if err := s.takeOut(ctx, t.ID); err != nil && counts { // what is left would be run once more, for nothing
		return nil, away("task "+t.ID+" is cancelled, but its message stands", err).MaybeExecuted()
	}
	if !counts {
		return nil, s.ended(ctx, r.ID)
	}
	t.Payload = nil
	return t, nil
}

// addLive adds who runs the task, if anybody says so.
func (s *Store) addLive(ctx context.Context, t *api.Task) bool {
	live := s.running(ctx, t.ID, false)
	if live == nil {
		return false
	}
	t.Agent, t.Host, t.Attempt, t.StartedAt = live.Agent, live.Host, live.Attempt, live.StartedAt
	return true
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
	rec, err := s.outcome(ctx, id)
	switch {
	case err != nil:
		return err
	case rec == nil:
		return notFound(id)
	}
	return api.Errorf(api.FailedPrecondition, "task %s has ended already: it is %s", id, rec.task.Status).WithReason(api.ReasonCannotCancel)
}

func notFound(id string) error {
	return api.Errorf(api.NotFound, "there is no task %s", id).WithReason(api.ReasonTaskNotFound)
}

// Replay submits a failed task again. The new task's id follows from the old one's, so that repeating the replay makes no
// second one.
func (s *Store) Replay(ctx context.Context, cause api.Cause, id string) (*api.Task, error) {
	t, err := s.get(ctx, id)
	if err != nil {
		return nil, err
	}
	if t.Status != api.TaskFailed {
		return nil, api.Errorf(api.FailedPrecondition, "task %s is %s: only a failed task is replayed", id, t.Status).WithReason(api.ReasonNotReplayable)
	}
	if len(t.Payload) == 0 {
		return nil, api.Errorf(api.FailedPrecondition, "the payload of task %s could not be kept: submit it anew", id).WithReason(api.ReasonNotReplayable)
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
