package tasks

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// verdict is an outcome that is to be written.
type verdict struct {
	task *api.Task
	ref  string // of the task's body, which nobody needs once there is an outcome
	msg  *nats.Msg
	drop func()
}

// verdict prepares the outcome that t is, at the wish of a principal if it is not simply how the task has ended. A failed task keeps its payload, so that it can be replayed; others let it go.
func (s *Store) verdict(ctx context.Context, t *api.Task, by, hash, ref string) (*verdict, error) {
	t.FinishedAt = time.Now().UTC()
	kept := *t
	if t.Status != api.TaskFailed {
		kept.Payload = nil
	}
	msg, drop, err := s.message(ctx, api.ResultSubject(s.ns, t.Job, t.ID), hash, &kept)
	if err != nil {
		return nil, err
	}
	kv.Mark(msg.Header, kv.Told{Event: string(t.Status), Principal: cmp.Or(by, t.Principal), Correlation: cmp.Or(t.Job, t.ID)})
	return &verdict{t, ref, msg, drop}, nil
}

// write stores the outcome unless the task has one, and tells whether this one counts. After an error it may be repeated.
func (s *Store) write(ctx context.Context, v *verdict) (bool, error) {
	err := s.publish(ctx, v.msg)
	counts := err == nil
	if isNotStored(err) {
		m, rerr := s.read(ctx, s.results, map[string]any{"last_by_subj": v.msg.Subject})
		switch {
		case rerr != nil && !errors.Is(rerr, errJunk):
			return false, errors.Join(err, rerr)
		case m == nil:
			return false, errors.Join(err, s.makeRoom(ctx))
		}
		// What stands may be this very outcome, stored although the server's word on it was lost.
		counts = bytes.Equal(m.Data, v.msg.Data) && m.header.Get(api.HeaderBlob) == v.msg.Header.Get(api.HeaderBlob)
		if !counts {
			v.drop()
		}
	} else if err != nil {
		s.restore(ctx, err)
		return false, err
	}
	s.forget(ctx, v.ref)
	if !v.task.Deadline.IsZero() {
		_ = s.clear(ctx, s.ns+".deadline.*."+v.task.ID+".*") // an alarm that rings all the same finds the outcome
	}
	return counts, nil
}

// finish is verdict and write in one, for a caller who repeats the whole.
func (s *Store) finish(ctx context.Context, t *api.Task, by, hash, ref string) (bool, error) {
	v, err := s.verdict(ctx, t, by, hash, ref)
	if err != nil {
		return false, err
	}
	return s.write(ctx, v)
}

// unstorable is the outcome in place of one that cannot be stored.
func unstorable(t *api.Task, why error) *api.Task {
	text := "the outcome cannot be stored: " + cut(why.Error(), maxErrorText)
	if t.Error != nil {
		text += "; it was: " + cut(t.Error.Message, maxErrorText)
	}
	t.Status, t.Error, t.Payload, t.Result = api.TaskFailed, api.Errorf(api.Invalid, "%s", text), nil, nil
	return t
}

// settle writes the outcome, trying while the store is away: the work is done, and must not be done again for want of a
// store.
func (p *Puller) settle(t *api.Task, hash, ref string) error {
	var v *verdict
	return p.insist(t.ID, func(ctx context.Context) (err error) {
		if v == nil {
			v, err = p.store.verdict(ctx, t, "", hash, ref)
			if api.CodeOf(err) == api.Invalid {
				v, err = p.store.verdict(ctx, unstorable(t, err), "", hash, ref)
			}
			if err != nil {
				return err
			}
		}
		_, err = p.store.write(ctx, v)
		return err
	})
}

// insist repeats a write until it succeeds or the host stops. Meanwhile the delivery may run out and another host may come to
// an outcome first; then that one stands.
func (p *Puller) insist(id string, write func(ctx context.Context) error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.base), p.patience())
		err := write(ctx)
		cancel()
		if err == nil || p.base.Err() != nil {
			return err
		}
		p.log.Warn().Err(err).Str("task", id).Msg("not stored yet")
		sleep(p.base, wait, nil)
	}
}

// patience is how long one write may take: a host that stops has little time.
func (p *Puller) patience() time.Duration {
	if p.base.Err() != nil {
		return 2 * time.Second
	}
	return bodyTimeout
}

// maxErrorText bounds what is kept of an agent's error, in bytes.
const maxErrorText = 4 << 10

// cut returns the start of a text, at most n bytes of it, as valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
