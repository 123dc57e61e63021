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
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
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
		return nil, err
	}
	if !unique {
		if known, err := s.known(ctx, spec.ID, hash); known != nil || err != nil {
			return known, err
		}
	}
	if !spec.Deadline.IsZero() {
		if err := s.setAlarm(ctx, t); err != nil {
			return nil, err
		}
	}
	msg, drop, err := s.message(ctx, s.taskSubject(t), hash, t)
	if err != nil {
		return nil, err
	}
	return s.store(ctx, t, msg, hash, unique, drop)
}

// store publishes the task. An id that was made here cannot be taken, so it needs no guard.
func (s *Store) store(ctx context.Context, t *api.Task, msg *nats.Msg, hash string, unique bool, drop func()) (*api.Task, error) {
	if !unique {
		msg.Header.Set("Nats-Expected-Last-Subject-Sequence", "0")
		msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", s.anyTask(t.ID))
	}
	for {
		_, err := s.conn.JS.PublishMsg(ctx, msg)
		if err == nil {
			_ = s.conn.NC.Publish(s.readySubject(t.Capability), nil)
			return t, nil
		}
		if ctx.Err() != nil || unique || !isWrongLast(err) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
			drop()
			if isWrongLast(err) || ctx.Err() == nil {
				return nil, err
			}
			return nil, api.Errorf(api.Unavailable, "the task stream did not confirm task %s in time: submit it again with this id", t.ID).
				WithReason(api.ReasonDependencyDown).MaybeExecuted()
		}
		// Somebody stored it before, or this was our own write whose confirmation was lost, or an innocent race on a
		// replicated stream: look, and try again if nothing is there.
		if known, kerr := s.known(ctx, t.ID, hash); known != nil || kerr != nil {
			drop()
			return known, kerr
		}
	}
}

// known returns the task that has the id already, nil if there is none, or conflict if it is another one.
func (s *Store) known(ctx context.Context, id, hash string) (*api.Task, error) {
	for _, look := range []func(context.Context, string) (*api.Task, string, error){s.waiting, s.outcome} {
		t, have, err := look(ctx, id)
		if err != nil {
			return nil, err
		}
		if t == nil {
			continue
		}
		if have != hash {
			return nil, api.Errorf(api.Conflict, "another task has the id %s: choose a different one", id).WithReason(api.ReasonTaskExists)
		}
		return t, nil
	}
	return nil, nil
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

// admit refuses when as many tasks wait as the store takes. It looks at the stream at most once a second.
func (s *Store) admit(ctx context.Context) error {
	now, last := time.Now().UnixMilli(), s.checked.Load()
	if now-last > 1000 && s.checked.CompareAndSwap(last, now) {
		info, err := s.stream.Info(ctx)
		if err != nil {
			return err
		}
		s.full.Store(info.State.Msgs >= MaxWaiting || info.State.Bytes >= MaxWaitingBytes)
	}
	if s.full.Load() {
		return api.Errorf(api.Overloaded, "%d tasks or %d bytes wait already: submit again when some have ended", MaxWaiting, int64(MaxWaitingBytes)).WithReason(api.ReasonServerFull)
	}
	return nil
}
