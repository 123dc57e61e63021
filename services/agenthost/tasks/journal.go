package tasks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
)

// Headers of what is kept beside a task.
const (
	headerWrite   = "Mabus-Write"   // one per write, to know it again when the server's word on it was lost
	headerAttempt = "Mabus-Attempt" // which attempt at the task wrote it
	headerLife    = "Mabus-Life"    // of the task: see lifeOf
)

// put stores a message as the next one on its subject. last is the sequence of the one before, as far as the caller knows; it is
// set to that of this one. If something else stands there, admit is asked with it (nil for nothing) and may refuse. Put tries
// until the message is stored, once, or ctx ends.
func (s *Store) put(ctx context.Context, stream string, msg *nats.Msg, last *uint64, admit func(*stored) error) error {
	write := nuid.Next()
	msg.Header.Set(headerWrite, write)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(*last, 10))
		seq, err := s.sequence(ctx, msg)
		if err == nil {
			*last = seq
			return nil
		}
		var refused *jetstream.APIError
		if errors.As(err, &refused) && !isWrongLast(err) && !errors.Is(err, jetstream.ErrStreamNotFound) {
			if refused.ErrorCode == codeStoreFailed {
				return api.Errorf(api.Overloaded, "%s is full: tasks that end make room", stream).WithReason(api.ReasonServerFull)
			}
			return away("write to "+stream, err)
		}
		s.restore(ctx, err)
		// Somebody else has written, or nobody knows whether this write is stored.
		m, rerr := s.read(ctx, stream, map[string]any{"last_by_subj": msg.Subject})
		switch {
		case rerr != nil && !errors.Is(rerr, errJunk):
		case m != nil && m.header.Get(headerWrite) == write:
			*last = m.Seq
			return nil
		default:
			if err := admit(m); err != nil {
				return err
			}
			if *last = 0; m != nil {
				*last = m.Seq
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("write to %s: %w", stream, ctx.Err())
		}
		sleep(ctx, pause, nil)
	}
}

// lifeOf tells a task from one that had its id before, whose outcome is gone and of which something was left.
func lifeOf(t *api.Task) string { return strconv.FormatInt(t.SubmittedAt.UnixNano(), 36) }

// foreign tells whether a message was written for a task that had the id before.
func foreign(m *stored, life string) bool {
	was := m.header.Get(headerLife)
	return was != "" && was != life
}

// superseded refuses what an attempt writes after a later one has written.
func superseded(attempt int, life string) func(*stored) error {
	return func(m *stored) error {
		if m != nil && attemptOf(m.header) > attempt && !foreign(m, life) {
			return outrun(attempt, attemptOf(m.header))
		}
		return nil
	}
}

func attemptOf(h nats.Header) int {
	n, err := strconv.Atoi(h.Get(headerAttempt))
	if err != nil || n < 0 || n > api.MaxAttempts {
		return 0
	}
	return n
}

func outrun(attempt, by int) error {
	return api.Errorf(api.Fenced, "attempt %d at the task has begun, and this is attempt %d: stop", by, attempt).WithReason(api.ReasonCheckpointFenced)
}
