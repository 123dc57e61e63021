package tasks

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// maxFollowBytes bounds the payloads of one answer; the first part comes whatever its size.
const maxFollowBytes = 4 << 20

// Follow returns what a task has said from a sequence on. With wait it waits for more.
func (s *Store) Follow(ctx context.Context, r *api.TaskFollowRequest) (*api.TaskFollowResponse, error) {
	wait := r.Wait.Std()
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-50*time.Millisecond) // leaves time for the answer
	}
	over := time.NewTimer(max(wait, 0))
	defer over.Stop()
	news, stop, err := s.listenFor(ctx, wait, api.PartsSubject(s.ns, r.ID), s.anyResult(r.ID))
	if err != nil {
		return nil, err
	}
	defer stop()
	for pause := time.Second; ; {
		resp, err := s.said(ctx, r)
		if err != nil || len(resp.Parts) > 0 || resp.Task.Status.Ended() || wait <= 0 {
			return resp, err
		}
		next := time.NewTimer(pause)
		select {
		case <-over.C:
			wait = 0
		case <-ctx.Done():
			wait = 0
		case <-news:
			pause = 2 * time.Millisecond // it may be stored only a moment after it is heard
		case <-next.C: // the signal may have been lost with the connection
			pause = min(2*pause, time.Second)
		}
		next.Stop()
		if wait == 0 {
			return resp, nil
		}
	}
}

// listenFor hears of messages on the subjects, which are published before they are stored: listening comes first and looking
// second.
func (s *Store) listenFor(ctx context.Context, wait time.Duration, subjects ...string) (news chan struct{}, stop func(), err error) {
	news = make(chan struct{}, 1)
	var subs []*nats.Subscription
	stop = func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe()
		}
	}
	if wait <= 0 {
		return news, stop, nil
	}
	for _, subject := range subjects {
		sub, err := s.conn.NC.Subscribe(subject, func(*nats.Msg) {
			select {
			case news <- struct{}{}:
			default:
			}
		})
		if err != nil {
			stop()
			return nil, nil, err
		}
		subs = append(subs, sub)
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.conn.NC.FlushWithContext(ctx); err != nil {
		stop()
		return nil, nil, away("follow a task", err)
	}
	return news, stop, nil
}

// said returns what there is now. An outcome is written when all parts before it are stored, so what is looked for after the
// outcome was seen is all that there will be.
func (s *Store) said(ctx context.Context, r *api.TaskFollowRequest) (*api.TaskFollowResponse, error) {
	resp, err := s.page(ctx, r)
	if err != nil || len(resp.Parts) > 0 {
		return resp, err
	}
	t, err := s.get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if t.Status.Ended() {
		if resp, err = s.page(ctx, r); err != nil || len(resp.Parts) > 0 {
			return resp, err
		}
	}
	t.Payload = nil
	resp.Task = t
	return resp, nil
}

// page reads parts from the stream's leader, one by one: a replica that lags would make the end of a task look like its middle.
func (s *Store) page(ctx context.Context, r *api.TaskFollowRequest) (*api.TaskFollowResponse, error) {
	limit, size := r.Limit, 0
	if limit == 0 {
		limit = api.DefaultPage
	}
	resp := &api.TaskFollowResponse{Parts: []api.TaskPart{}, Next: max(r.From, 1)}
	for len(resp.Parts) < limit && size < maxFollowBytes {
		m, err := s.read(ctx, s.parts, map[string]any{"seq": resp.Next, "next_by_subj": api.PartsSubject(s.ns, r.ID)})
		if err != nil && (m == nil || !unreadable(err)) {
			if len(resp.Parts) > 0 {
				break
			}
			return nil, err
		}
		if m == nil {
			break
		}
		resp.Next = m.Seq + 1
		if err != nil {
			continue // junk
		}
		part, err := s.part(ctx, m)
		if unreadable(err) {
			continue
		}
		if err != nil {
			if resp.Next = m.Seq; len(resp.Parts) > 0 {
				break
			}
			return nil, err
		}
		size += len(part.Payload)
		resp.Parts = append(resp.Parts, *part)
	}
	return resp, nil
}

func (s *Store) part(ctx context.Context, m *stored) (*api.TaskPart, error) {
	part := &api.TaskPart{Seq: m.Seq, Kind: api.PartKind(m.header.Get(api.HeaderKind)), Attempt: attemptOf(m.header), At: m.Time}
	if m.header.Get(api.HeaderBlob) == "" {
		part.Payload = m.Data
		return part, checkValue(part.Payload)
	}
	ctx, cancel := context.WithTimeout(ctx, bodyTimeout)
	defer cancel()
	data, err := s.conn.Body(ctx, m.header, m.Data)
	if err != nil && !unreadable(err) {
		return nil, err
	}
	part.Payload = data // nil when its time was over sooner than the part's
	return part, nil
}
