package tasks

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
)

// The server's own message schedules (NATS 2.12 and newer) bring back what must wait, so nothing is held in memory.
const (
	headerSchedule = "Nats-Schedule"
	headerTarget   = "Nats-Schedule-Target"
)

func at(msg *nats.Msg, t time.Time, target string) {
	// The client library's own option cuts to whole seconds; the server takes fractions.
	msg.Header.Set(headerSchedule, "@at "+t.UTC().Format(time.RFC3339Nano))
	msg.Header.Set(headerTarget, target)
}

// retry puts a task aside until its next attempt, in place of the delivery with the given stream sequence. When that
// delivery is no longer the newest word on the task, somebody else has gone on with it and nothing is done.
func (s *Store) retry(ctx context.Context, t *api.Task, hash string, seq uint64, when time.Time) error {
	msg, drop, err := s.message(ctx, s.laterSubject(t), hash, t)
	if err != nil {
		return err
	}
	at(msg, when, s.taskSubject(t))
	return s.replace(ctx, msg, s.taskSubject(t), seq, drop)
}

// handBack puts a task back into the queue as if this delivery had not been, for a host that stops.
func (s *Store) handBack(ctx context.Context, t *api.Task, hash string, seq uint64) error {
	msg, drop, err := s.message(ctx, s.taskSubject(t), hash, t)
	if err != nil {
		return err
	}
	if err := s.replace(ctx, msg, s.taskSubject(t), seq, drop); err != nil {
		return err
	}
	return s.conn.NC.Publish(s.readySubject(t.Capability), nil)
}

func (s *Store) replace(ctx context.Context, msg *nats.Msg, subject string, seq uint64, drop func()) error {
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence", strconv.FormatUint(seq, 10))
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", subject)
	_, err := s.conn.JS.PublishMsg(ctx, msg)
	if isWrongLast(err) {
		drop()
		return nil
	}
	return err
}

// setAlarm has the server ring at the task's deadline, whether or not anybody has pulled it by then.
func (s *Store) setAlarm(ctx context.Context, t *api.Task) error {
	msg := nats.NewMsg(s.ns + ".deadline." + later + "." + t.ID)
	msg.Data = []byte("{}")
	at(msg, t.Deadline, s.ns+".deadline.due."+t.ID)
	if _, err := s.conn.JS.PublishMsg(ctx, msg); err != nil {
		return fmt.Errorf("set the alarm of task %s: %w", t.ID, err)
	}
	return nil
}

// clear removes whatever of a task still stands in the queue; what is gone already is no error.
func (s *Store) clear(ctx context.Context, subjects ...string) error {
	for _, subject := range subjects {
		if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return fmt.Errorf("remove %s: %w", subject, err)
		}
	}
	return nil
}

// backoff is the wait before the attempt after the given one: doubling, up to api.DefaultMaxBackoff, or the task's own
// backoff if that is longer.
func backoff(t *api.Task, attempt int) time.Duration {
	d, limit := t.Backoff.Std(), max(api.DefaultMaxBackoff.Std(), t.Backoff.Std())
	for i := 1; i < attempt && d < limit; i++ {
		d *= 2
	}
	return min(d, limit)
}
