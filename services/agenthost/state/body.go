package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// body is a state that is kept in parts.
type body struct {
	ID    string `json:"id"`
	Parts int    `json:"parts"`
	Size  int    `json:"size"`
	Sum   string `json:"sha256"`
}

var errMissing = errors.New("a part of the state is missing, or is not what it was")

func partKey(agent, body string, n int) string { return fmt.Sprintf("%s.%s.%d", agent, body, n) }

// parts writes a state in parts, after the record has named them as rubbish, which they are until it points to them.
func (h *Hold) parts(ctx context.Context, data json.RawMessage, rubbish []string) (*body, error) {
	sum := sha256.Sum256(data)
	b := &body{ID: nuid.Next(), Size: len(data), Sum: hex.EncodeToString(sum[:])}
	next := *h.rec
	next.Rubbish = append(slices.Clone(rubbish), b.ID)
	if err := h.write(ctx, &next); err != nil {
		return nil, err
	}
	size := int(min(maxPart, h.store.conn.InlineLimit()))
	for part := range slices.Chunk(data, size) {
		key := partKey(h.claim.Agent, b.ID, b.Parts)
		if _, err := h.store.bucket.Write(ctx, kv.Write{Key: key, Value: part}); err != nil {
			return nil, fmt.Errorf("write a part of the state of agent %s: %w", h.claim.Agent, err)
		}
		b.Parts++
	}
	return b, h.store.step("parts")
}

// data returns the state that a record holds or points to; nothing if none was saved.
func (s *Store) data(ctx context.Context, agent string, rec *record) (json.RawMessage, error) {
	b := rec.Body
	if b == nil {
		return rec.Data, nil
	}
	if b.Size < 0 || b.Size > api.MaxPayload {
		return nil, errMissing
	}
	data := make([]byte, 0, b.Size)
	for n := range b.Parts {
		e, err := s.bucket.Get(ctx, partKey(agent, b.ID, n))
		if err != nil {
			return nil, err
		}
		if !e.Exists() || len(data)+len(e.Value) > b.Size {
			return nil, errMissing
		}
		data = append(data, e.Value...)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != b.Sum {
		return nil, errMissing
	}
	return data, nil
}

// discard removes what is left of bodies, and returns those of which it may not be all.
func (s *Store) discard(ctx context.Context, agent string, bodies []string) (left []string) {
	for n, id := range bodies {
		if api.ValidID(id) && s.purge(ctx, agent+"."+id+".>") != nil {
			return slices.Clone(bodies[n:])
		}
	}
	return nil
}

// purge removes every trace of the keys that the filter stands for.
func (s *Store) purge(ctx context.Context, filter string, opts ...jetstream.StreamPurgeOpt) error {
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	opts = append(opts, jetstream.WithPurgeSubject("$KV."+s.bucket.Name()+"."+filter))
	return s.stream.Purge(ctx, opts...)
}
