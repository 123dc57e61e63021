package tasks

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
)

// headerWaits is present on a task that is put aside, and says for what.
const headerWaits = "Mabus-Waits"

const (
	waitsInput  = "input"
	waitsBudget = "budget"
)

// recheck is when a task that is put aside is looked at again even if nobody lets it go on: whoever was about to may have died. It
// stands as a schedule, like one that waits for its next attempt.
const recheck = 10 * time.Minute

// putAside lets go of a delivery without an attempt being counted, until goOn.
func (s *Store) putAside(ctx context.Context, d delivery, waits string, why *api.Error) error {
	t := bare(d.msg.Subject)
	msg := d.again(s.laterSubject(t), d.begun, why)
	msg.Header.Set(headerWaits, waits)
	at(msg, time.Now().Add(s.bounds.recheck), d.msg.Subject)
	if err := s.replace(ctx, msg, d); err != nil {
		return err
	}
	s.renew(ctx, t.ID, msg.Header.Get(api.HeaderBlob))
	if waits != waitsInput {
		return nil
	}
	// The answer may have come before the task was aside, when there was nothing to let go on.
	known, err := s.questions(ctx, t.ID)
	if err != nil || known.open() != nil {
		return err
	}
	return s.goOn(ctx, t.ID)
}

// renew keeps large bodies of a task that waits for longer than the object store keeps them. What fails is tried again at the next
// look, long before it matters.
func (s *Store) renew(ctx context.Context, id, body string) {
	refs := []string{body}
	if m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": s.checkpointSubject(id)}); err == nil && m != nil {
		refs = append(refs, m.header.Get(api.HeaderBlob))
	}
	for _, ref := range refs {
		if ref != "" {
			_ = s.conn.Blobs.Renew(ctx, ref, blob.MaxAge/2)
		}
	}
}

// goOn puts a task that is aside back into the queue. One that is not is left alone: whoever has it looks for the answer itself. So is one
// that waits for another answer: somebody else may have let it go on meanwhile, and it has asked its next question since.
func (s *Store) goOn(ctx context.Context, id string) error {
	for {
		m, err := s.read(ctx, s.tasks, map[string]any{"last_by_subj": s.anyTask(id)})
		if err != nil {
			return err
		}
		if m == nil || m.header.Get(headerWaits) == "" || bare(m.Subject).Priority != later {
			return nil
		}
		if m.header.Get(headerWaits) == waitsInput { // after its place was read: if it has moved since, requeue finds that
			known, err := s.questions(ctx, id)
			if err != nil || known.open() != nil {
				return err
			}
		}
		err = s.requeue(ctx, m)
		if !isWrongLast(err) {
			return err
		}
		sleep(ctx, 5*time.Millisecond, nil)
	}
}

// resumed is the message of a task that goes on. With it goes the schedule: left behind, that would come into the queue once more after its
// time, in place of the message with which a host is at work, and the task would be run by two.
func (s *Store) resumed(m *stored) *nats.Msg {
	msg := nats.NewMsg(m.header.Get(headerTarget))
	msg.Data = m.Data
	keep(msg.Header, m.header)
	msg.Header.Set(headerAttempts, m.header.Get(headerAttempts))
	msg.Header.Set(jetstream.ScheduleNextHeader, "purge")
	msg.Header.Set(jetstream.SchedulerHeader, m.Subject)
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence", seqText(m.Seq))
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", s.anyTask(bare(m.Subject).ID))
	return msg
}

func (s *Store) requeue(ctx context.Context, m *stored) error {
	if err := s.publish(ctx, s.resumed(m)); err != nil {
		if isWrongLast(err) {
			return err
		}
		return away("let task "+bare(m.Subject).ID+" go on", err).MaybeExecuted()
	}
	s.signal(bare(m.Subject).Capability, 1)
	return nil
}

// GoOn lets the tasks go on that wait because a cap on spending was reached: those of the job, or all with "".
func (s *Store) GoOn(ctx context.Context, job string) error {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return away("let tasks go on", err)
	}
	for seq, end := uint64(1), info.State.LastSeq; seq <= end; { // those that are put aside again meanwhile have been tried
		m, err := s.read(ctx, s.tasks, map[string]any{"seq": seq, "next_by_subj": s.ns + ".task.*." + later + ".*"})
		if m == nil || err != nil && !errors.Is(err, errJunk) {
			return err
		}
		seq = m.Seq + 1 // junk is for whoever pulls it
		if m.header.Get(headerWaits) != waitsBudget {
			continue
		}
		t, err := s.parse(m.Subject, m.header, m.Data)
		if err != nil || job != "" && t.Job != job {
			continue
		}
		if err := s.requeue(ctx, m); err != nil && !isWrongLast(err) {
			return err
		}
	}
	return nil
}

// stillWaits returns the question that a task which has come back waits for: it was aside, or its host died when it had asked.
// It is nil if there is none.
func (s *Store) stillWaits(ctx context.Context, d delivery, t *api.Task) (*question, error) {
	if d.msg.Header.Get(headerWaits) != waitsInput && d.lost == 0 {
		return nil, nil
	}
	known, err := s.questions(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	return known.of(lifeOf(t)).open(), nil
}

// moved tells whether a delivery that came before has been put aside or off, and only the word of that was lost.
func (s *Store) moved(ctx context.Context, d delivery) (bool, error) {
	if d.lost == 0 {
		return false, nil
	}
	m, err := s.read(ctx, s.tasks, map[string]any{"last_by_subj": s.laterSubject(bare(d.msg.Subject))})
	return err == nil && m != nil && m.Seq > d.seq, err
}

// statusOf is the status of a stored task without an outcome. One that is looked at again after recheck has the header still.
func statusOf(subject string, h nats.Header) api.TaskStatus {
	switch h.Get(headerWaits) {
	case waitsInput:
		return api.TaskWaiting
	case waitsBudget:
		if bare(subject).Priority == later {
			return api.TaskUnpaid
		}
	}
	return api.TaskQueued
}
