package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func (s *Store) checkpointSubject(id string) string { return s.ns + ".checkpoint." + id }

// headerAsked is on a checkpoint: how often each question had been asked by then. A handler that begins there asks the next time
// what it asks, so that an old answer cannot stand for a new one.
const headerAsked = "Mabus-Asked"

// saved is a checkpoint, and the questions that were asked before it.
type saved struct {
	state json.RawMessage
	asked map[string]int
}

// saveCheckpoint replaces the task's checkpoint, unless a later attempt has saved one.
func (s *Store) saveCheckpoint(ctx context.Context, id, life string, attempt int, c saved, last *uint64) error {
	msg := nats.NewMsg(s.checkpointSubject(id))
	msg.Header.Set(headerAttempt, strconv.Itoa(attempt))
	msg.Header.Set(headerLife, life)
	if len(c.asked) > 0 {
		text, err := codec.Marshal(c.asked)
		if err != nil {
			return err
		}
		msg.Header.Set(headerAsked, string(text))
	}
	drop, err := s.conn.Pack(ctx, msg, c.state)
	if err != nil {
		return err
	}
	old := ""
	if *last > 0 || attempt > 1 {
		m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": msg.Subject})
		if err != nil && !errors.Is(err, errJunk) {
			drop()
			return err
		}
		if m != nil {
			old = m.header.Get(api.HeaderBlob)
		}
	}
	if err := s.put(ctx, s.state, msg, last, superseded(attempt, life)); err != nil {
		if ctx.Err() == nil { // otherwise it may be stored for all we know, and its body is then needed
			drop()
		}
		return err
	}
	s.forget(ctx, old)
	return nil
}

// checkpoint returns what an attempt at the task saved last; nothing if none has, or if it is no longer to be had: a large one
// goes by its age, and the task must not wait for it for ever.
func (s *Store) checkpoint(ctx context.Context, id, life string) (c saved, err error) {
	ctx, cancel := context.WithTimeout(ctx, bodyTimeout)
	defer cancel()
	var m *stored
	var state []byte
	for missed := uint64(0); ; missed = m.Seq {
		m, err = s.read(ctx, s.state, map[string]any{"last_by_subj": s.checkpointSubject(id)})
		if errors.Is(err, errJunk) {
			return c, nil
		}
		if m == nil || err != nil || foreign(m, life) {
			return c, err
		}
		state, err = s.conn.Body(ctx, m.header, m.Data)
		if !unreadable(err) || m.Seq == missed { // else a late attempt may just have put another in its place
			break
		}
	}
	if unreadable(err) || err == nil && checkValue(state) != nil {
		return c, nil
	}
	if text := m.header.Get(headerAsked); text != "" && codec.Read([]byte(text), &c.asked) != nil {
		c.asked = nil
	}
	c.state = state
	return c, err
}

// forgetEnded is forgetState after an attempt that has left its task to the next, if there will be none: whoever gave the task an outcome
// meanwhile may have forgotten its state before the attempt saved the last of it.
func (s *Store) forgetEnded(ctx context.Context, id string) {
	ctx = context.WithoutCancel(ctx)
	if m, _ := s.read(ctx, s.results, map[string]any{"last_by_subj": s.anyResult(id)}); m != nil {
		s.forgetState(ctx, id)
	}
}

// forgetState removes what is kept for further attempts at a task that has ended, even while the host stops. What is left in trouble goes
// by its age.
func (s *Store) forgetState(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	if m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": s.checkpointSubject(id)}); err == nil && m != nil {
		s.forget(ctx, m.header.Get(api.HeaderBlob))
	}
	_ = s.purge(ctx, s.state, s.checkpointSubject(id), s.questionsSubject(id))
}
