package tasks

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
)

// removeTime is for how long one request removes, before it answers with where to go on.
const removeTime = 2 * time.Second

// Where a removal goes on: at a sequence of the tasks without an outcome, or among the outcomes.
const (
	amongTasks    = "task-"
	amongOutcomes = "outcomes"
)

// RemoveJob removes the outcomes of a job and whatever else is kept of its tasks, for removeTime. First it looks for tasks without an outcome
// and cancels them, or refuses. An outcome goes last of what is kept of its task, so that a removal that ends in the middle finds the
// task again. What is submitted for the job meanwhile stays.
func (s *Store) RemoveJob(ctx context.Context, cause api.Cause, r *api.JobRemoveRequest) (*api.JobRemoved, error) {
	resp := &api.JobRemoved{Job: r.Job}
	until := time.Now().Add(removeTime)
	if r.Next != amongOutcomes {
		next, err := s.removeQueued(ctx, cause, r, resp, until)
		if err != nil || next > 0 {
			resp.Next = amongTasks + strconv.FormatUint(next, 10)
			return resp, err
		}
	}
	for time.Now().Before(until) {
		m, err := s.read(ctx, s.results, map[string]any{"seq": 1, "next_by_subj": s.ns + ".result." + r.Job + ".*"})
		if m == nil && err == nil {
			return resp, nil
		}
		if err != nil && !errors.Is(err, errJunk) {
			return nil, err
		}
		if err := s.removeEnded(ctx, m); err != nil {
			return nil, err
		}
		resp.Tasks++
	}
	resp.Next = amongOutcomes
	return resp, nil
}

// RemoveQueue removes the places in the queue of the capability that an agent alone has, once it is gone. Tasks that wait for it stay until
// they are cancelled or their deadline. That there is none is no error.
func (s *Store) RemoveQueue(ctx context.Context, agentID string) error {
	for _, p := range []api.Priority{api.PriorityHigh, api.PriorityLow} {
		err := s.conn.JS.DeleteConsumer(ctx, s.tasks, consumerName(api.OwnCapability(agentID), p))
		if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return api.Errorf(api.Unavailable, "the queue of agent %s could not be removed: ask again: %v", agentID, err).WithReason(api.ReasonDependencyDown)
		}
	}
	return nil
}

// removeQueued looks for tasks without an outcome, and returns where to go on when its time is over; 0 when it has seen all.
func (s *Store) removeQueued(ctx context.Context, cause api.Cause, r *api.JobRemoveRequest, resp *api.JobRemoved, until time.Time) (uint64, error) {
	seq := uint64(1)
	if r.Next != "" {
		text, ok := strings.CutPrefix(r.Next, amongTasks)
		var err error
		if seq, err = strconv.ParseUint(text, 10, 64); err != nil || !ok {
			return 0, api.Errorf(api.Invalid, "next must be the next of the answer before").WithFields("next")
		}
	}
	for time.Now().Before(until) {
		m, err := s.read(ctx, s.tasks, map[string]any{"seq": seq, "next_by_subj": s.ns + ".task.*.*.*"})
		if m == nil && err == nil {
			return 0, nil
		}
		if err != nil && !errors.Is(err, errJunk) {
			return 0, err
		}
		seq = m.Seq + 1
		t, err := s.parse(m.Subject, m.header, m.Data)
		if err != nil || t.Job != r.Job { // one that cannot be read is of no job
			continue
		}
		if done, err := s.outcome(ctx, t.ID); done != nil || err != nil && !errors.Is(err, errJunk) {
			if done == nil {
				return 0, err
			}
			continue
		}
		if !r.Cancel {
			return 0, api.Errorf(api.FailedPrecondition, "task %s of job %s has no outcome yet: wait for it, or have the tasks cancelled with the removal", t.ID, r.Job).
				WithReason(api.ReasonJobHasTasks)
		}
		_, err = s.Cancel(ctx, cause, &api.TaskCancelRequest{ID: t.ID, Reason: "the job is removed"})
		switch {
		case err == nil:
			resp.Cancelled++
		case api.ReasonOf(err) != api.ReasonCannotCancel && api.ReasonOf(err) != api.ReasonTaskNotFound: // which has ended meanwhile
			return 0, err
		}
	}
	return seq, nil
}

// removeEnded removes all that is kept of a task that has ended, the outcome last. The task's own message goes first: without the outcome it would
// be run again.
func (s *Store) removeEnded(ctx context.Context, m *stored) error {
	id := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	for _, kept := range []struct{ stream, subject string }{
		{s.tasks, s.anyTask(id)},
		{s.tasks, s.ns + ".deadline.*." + id + ".*"},
		{s.parts, api.PartsSubject(s.ns, id)},
		{s.state, s.checkpointSubject(id)},
		{s.state, s.questionsSubject(id)},
	} {
		if err := s.removeAll(ctx, kept.stream, kept.subject); err != nil {
			return err
		}
	}
	if err := s.removeBody(ctx, m); err != nil {
		return err
	}
	if err := s.drop(ctx, s.results, m.Seq); err != nil {
		return away("remove task "+id, err)
	}
	return nil
}

// removeAll removes the messages of a subject with their bodies. A message goes only after its body, which nothing else names.
func (s *Store) removeAll(ctx context.Context, stream, subject string) error {
	for seq := uint64(1); ; {
		m, err := s.read(ctx, stream, map[string]any{"seq": seq, "next_by_subj": subject})
		if err != nil && !errors.Is(err, errJunk) {
			return err
		}
		if m == nil {
			if seq > 1 {
				err = s.purgeUpTo(ctx, stream, subject, seq-1)
			}
			if err != nil {
				return away("remove "+subject, err)
			}
			return nil
		}
		if err := s.removeBody(ctx, m); err != nil {
			return err
		}
		seq = m.Seq + 1
	}
}

func (s *Store) removeBody(ctx context.Context, m *stored) error {
	ref := m.header.Get(api.HeaderBlob)
	if ref == "" {
		return nil
	}
	if err := s.conn.Blobs.Delete(ctx, ref); err != nil && api.CodeOf(err) != api.Invalid { // a reference that names nothing
		return away("remove a body of "+m.Subject, err)
	}
	return nil
}
