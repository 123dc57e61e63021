package tasks

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

func (s *Store) checkpointSubject(id string) string { return s.ns + ".checkpoint." + id }

// saveCheckpoint replaces the task's checkpoint, unless a later attempt has saved one.
func (s *Store) saveCheckpoint(ctx context.Context, id, life string, attempt int, state json.RawMessage, last *uint64) error {
	msg := nats.NewMsg(s.checkpointSubject(id))
	msg.Header.Set(headerAttempt, strconv.Itoa(attempt))
	msg.Header.Set(headerLife, life)
	drop, err := s.conn.Pack(ctx, msg, state)
	if err != nil {
		return err
	}
	old := ""
	if *last > 0 || attempt > 1 {
		m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": msg.Subject})
		if err != nil {
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

// checkpoint returns what an attempt at the task saved last; nil if none has, or if it is no longer to be had: a large one
// goes by its age, and the task must not wait for it for ever.
func (s *Store) checkpoint(ctx context.Context, id, life string) (json.RawMessage, error) {
	m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": s.checkpointSubject(id)})
	if m == nil || err != nil || foreign(m, life) {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, bodyTimeout)
	defer cancel()
	state, err := s.conn.Body(ctx, m.header, m.Data)
	if unreadable(err) || err == nil && checkValue(state) != nil {
		return nil, nil
	}
	return state, err
}

// forgetState removes what is kept for further attempts at a task that has ended. What is left in trouble goes by its age.
func (s *Store) forgetState(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if m, err := s.read(ctx, s.state, map[string]any{"last_by_subj": s.checkpointSubject(id)}); err == nil && m != nil {
		s.forget(ctx, m.header.Get(api.HeaderBlob))
	}
	_ = s.purge(ctx, s.state, s.checkpointSubject(id), s.questionsSubject(id))
}
