package events

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// pruneTries bounds how often the size is looked at again: what this replica reckons may differ from what the store counts.
const pruneTries = 16

func (s *Store) prune(ctx context.Context, r *api.EventPruneRequest) (*api.EventPruneResponse, error) {
	info, err := s.look(ctx)
	if err != nil {
		return nil, away(err)
	}
	revision := s.revision(info.State.LastSeq) // what is stored now is reckoned with
	if err := s.caughtUp(ctx, revision); err != nil {
		return nil, err
	}
	resp := &api.EventPruneResponse{}
	if !r.Before.IsZero() {
		s.view.mu.RLock()
		below := s.view.x.StoredFrom(r.Before.UnixNano())
		s.view.mu.RUnlock()
		if resp.Pruned, err = s.purge(ctx, below); err != nil {
			return nil, err
		}
	}
	if r.MaxBytes == nil {
		return resp, nil
	}
	room := *r.MaxBytes
	for range pruneTries {
		info, err := s.look(ctx)
		if err != nil {
			return nil, away(err)
		}
		over := int64(info.State.Bytes) - *r.MaxBytes
		if over <= 0 {
			return resp, nil
		}
		s.view.mu.RLock()
		below := max(s.view.x.Fitting(room), info.State.FirstSeq+1)
		s.view.mu.RUnlock()
		n, err := s.purge(ctx, below)
		if err != nil {
			return nil, err
		}
		resp.Pruned += n
		room = max(room-over, 0)
	}
	return resp, nil
}

// purge removes what is below a sequence, and tells how many messages there were.
func (s *Store) purge(ctx context.Context, below uint64) (uint64, error) {
	body, err := codec.Marshal(struct {
		Seq uint64 `json:"seq"`
	}{below})
	if err != nil {
		return 0, err
	}
	p, err := s.conn.Begin(&nats.Msg{Subject: "$JS.API.STREAM.PURGE." + s.stream, Data: body})
	if err != nil {
		return 0, away(err)
	}
	msg, err := p.Wait(ctx, apiTime)
	if err != nil {
		return 0, away(err).MaybeExecuted()
	}
	var resp struct {
		Error  *jetstream.APIError `json:"error"`
		Purged uint64              `json:"purged"`
	}
	switch err := codec.Read(msg.Data, &resp); {
	case err != nil:
		return 0, away(err).MaybeExecuted()
	case resp.Error != nil:
		return 0, away(resp.Error)
	}
	s.view.drop(below)
	return resp.Purged, nil
}
