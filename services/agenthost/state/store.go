package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Bounds of the bucket, in bytes.
const (
	maxBytes  = 1 << 30
	maxInline = 64 << 10  // a larger state is kept in parts
	maxPart   = 512 << 10 // of one part, unless the server takes less in one message
	history   = 2
)

// purgeTimeout is for a purge whose answer may be lost: the rubbish is named until it is known to be gone.
const purgeTimeout = 2 * time.Second

// Store is the saved states of a namespace. It is safe for concurrent use, and starts no goroutine.
type Store struct {
	conn   *rpc.Conn
	bucket *kv.Bucket
	stream jetstream.Stream
	// step is called after each step of a save; tests end it there with an error.
	step func(name string) error
}

// Open opens the bucket, or makes it, trying until JetStream is ready or ctx ends.
func Open(ctx context.Context, conn *rpc.Conn) (*Store, error) {
	bucket, err := kv.Open(ctx, conn.JS, kv.Config{
		Namespace: conn.Namespace, Name: "state", Replicas: conn.Replicas, History: history, MaxBytes: maxBytes,
	})
	if err != nil {
		return nil, err
	}
	stream, err := lookUp(ctx, conn.JS, "KV_"+bucket.Name())
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket.Name(), err)
	}
	return &Store{conn: conn, bucket: bucket, stream: stream, step: func(string) error { return nil }}, nil
}

// lookUp tries until ctx ends: a busy server may leave one request without an answer, which must not end a host.
func lookUp(ctx context.Context, js jetstream.JetStream, name string) (jetstream.Stream, error) {
	for {
		stream, err := js.Stream(ctx, name)
		if err == nil {
			return stream, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Load takes the agent's state over for a new instance of the claim, and returns it. From then on no earlier instance can
// save. It is fenced (stale_state) when a later claim has taken the state over, and unavailable when ctx ends before the
// store has answered.
func (s *Store) Load(ctx context.Context, c Claim) (*Hold, agent.State, error) {
	if err := api.CheckID("agent", c.Agent); err != nil {
		return nil, agent.State{}, err
	}
	h := &Hold{store: s, claim: c, instance: nuid.Next(), turn: make(chan struct{}, 1)}
	for try := 0; ; try++ {
		rec, rev, err := s.read(ctx, c.Agent)
		switch {
		case err != nil:
			return nil, agent.State{}, err
		case rec == nil:
			return h, agent.State{}, nil
		case rec.later(c) || rec.Instance != h.instance && h.rec != nil:
			return nil, agent.State{}, h.stale()
		}
		if err := h.take(ctx, rec, rev); err != nil {
			if again(ctx, err, try) {
				continue
			}
			return nil, agent.State{}, err
		}
		data, err := s.data(ctx, c.Agent, h.rec)
		if errors.Is(err, errMissing) && try < 3 { // it has been taken over from this one, perhaps
			continue
		}
		if err != nil {
			return nil, agent.State{}, fmt.Errorf("read the saved state of agent %s: %w", c.Agent, err)
		}
		h.confirmed = true                     // whoever comes later takes the record over
		s.discard(ctx, c.Agent, h.rec.Rubbish) // and once more with the next save: its former owner may just have been at it
		st := agent.State{Version: h.rec.Version, Data: data}
		h.rec.Data = nil
		return h, st, nil
	}
}

// read returns the agent's record and the revision that the next write must expect; no record if there is none.
func (s *Store) read(ctx context.Context, id string) (*record, uint64, error) {
	e, err := s.bucket.Get(ctx, id)
	if err != nil || !e.Exists() {
		return nil, e.Revision, err
	}
	rec := new(record)
	if err := codec.Read(e.Value, rec); err != nil {
		return nil, 0, fmt.Errorf("read the saved state of agent %s: %w", id, err)
	}
	return rec, e.Revision, nil
}

func (s *Store) write(ctx context.Context, id string, rec *record, expect uint64) (uint64, error) {
	value, err := codec.Marshal(rec)
	if err != nil {
		return 0, fmt.Errorf("write the state of agent %s: %w", id, err)
	}
	return s.bucket.Write(ctx, kv.Write{Key: id, Value: value, Expect: expect})
}

// again tells whether to try once more after a lost race, and waits a little before.
func again(ctx context.Context, err error, try int) bool {
	if !lost(err) {
		return false
	}
	t := time.NewTimer(time.Millisecond << min(try, 6))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
