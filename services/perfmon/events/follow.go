package events

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/events/index"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// position returns the first sequence that is meant by what a request has: after a position, from a time, or otherwise.
func (s *Store) position(after string, from time.Time, otherwise uint64) (uint64, error) {
	switch {
	case after != "":
		return kv.ParseToken(s.stream, s.view.created.Load(), after)
	case from.IsZero():
		return otherwise, nil
	}
	s.view.mu.RLock()
	defer s.view.mu.RUnlock()
	if s.view.x.Len() == 0 {
		return s.view.applied.Load() + 1, nil
	}
	return s.view.x.StoredFrom(from.UnixNano()), nil
}

// batch is what follows a position.
type batch struct {
	events []api.Event
	seqs   []uint64 // where they are
	next   uint64   // first sequence that was not looked at
	done   bool     // there is nothing more now
}

// after returns events that meet a filter from a sequence on, in the order in which the store took them.
func (s *Store) after(ctx context.Context, f *api.EventFilter, from uint64, limit int) (b batch, err error) {
	sel := s.view.find(index.Query{Filter: f, After: &index.Place{Seq: from - 1}, Limit: limit})
	if b.next, b.done = max(sel.applied+1, from), true; len(sel.places) == limit {
		b.next, b.done = sel.places[limit-1].Seq+1, false
	}
	bytes := 0
	err = s.fetch(ctx, sel.places, func(at index.Place, e *found) bool {
		if bytes > pageBytes {
			b.next, b.done = at.Seq, false
			return false
		}
		if e != nil && f.Meets(e.event) {
			b.events, b.seqs = append(b.events, *e.event), append(b.seqs, at.Seq)
			bytes += e.bytes
		}
		return true
	})
	return b, err
}

// answerTime is how long before the caller is gone it is told how far was looked.
const answerTime = 500 * time.Millisecond

func (s *Store) follow(ctx context.Context, r *api.EventFollowRequest) (*api.EventFollowResponse, error) {
	if err := s.caughtUp(ctx, ""); err != nil {
		return nil, err
	}
	from, err := s.position(r.After, r.From, s.view.applied.Load()+1)
	if err != nil {
		return nil, err
	}
	resp := &api.EventFollowResponse{Events: []api.Event{}, Lost: r.After != "" && from < s.view.floor.Load()}
	wait := r.Wait.Std()
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		wait = min(wait, left-min(left/2, answerTime))
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for looked := 0; ; looked += pageOf(r.Limit) {
		b, err := s.after(ctx, &r.EventFilter, from, pageOf(r.Limit))
		if err != nil {
			return nil, err
		}
		from = b.next
		resp.Next = s.token(from)
		if resp.Events = append(resp.Events, b.events...); len(resp.Events) > 0 || !b.done && looked >= mostLooked {
			return resp, nil
		}
		if b.done && s.view.wait(waiting, func() bool { return s.view.applied.Load() >= from }) != nil {
			return resp, nil
		}
	}
}
