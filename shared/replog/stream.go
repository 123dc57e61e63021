package replog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Error codes of the server that nats.go has no names for.
const (
	codeNoCluster   = 10074 // replicas on a server that is not in a cluster
	codeStoreFull   = 10077
	codeAccountFull = 10047
	codeMemoryFull  = 10028
)

// store is the stream of one log.
type store struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  string
	subject string
}

// bounds are what is asked of a stream.
type bounds struct {
	replicas int
	maxBytes int64
}

// open creates the stream or sets its bound, and keeps trying until ctx ends while JetStream is not ready.
func (s *store) open(ctx context.Context, b bounds) error {
	err := s.retry(ctx, func(ctx context.Context) error {
		have, err := s.js.Stream(ctx, s.stream)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			_, err = s.js.CreateStream(ctx, s.config(b))
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				return nil // another replica was quicker
			}
			return err
		case err != nil:
			return err
		}
		cfg := have.CachedInfo().Config
		if cfg.Replicas != b.replicas {
			return api.Errorf(api.FailedPrecondition, "stream %s has %d copies and this process wants %d: start every process with --replicas %d, or change the streams of the namespace first",
				s.stream, cfg.Replicas, b.replicas, cfg.Replicas)
		}
		if cfg.MaxBytes != b.maxBytes {
			_, err = s.js.UpdateStream(ctx, s.config(b))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("open log %s: %w", s.stream, err)
	}
	return nil
}

func (s *store) config(b bounds) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: s.stream, Subjects: []string{s.subject}, Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxBytes: b.maxBytes, Replicas: b.replicas, Duplicates: 100 * time.Millisecond, // the least that a server takes
	}
}

const (
	tryTimeout   = 2 * time.Second // one request to the store
	purgeTimeout = 30 * time.Second
)

func (s *store) retry(ctx context.Context, f func(context.Context) error) error {
	for try := 0; ; try++ {
		c, cancel := context.WithTimeout(ctx, tryTimeout)
		err := f(c)
		cancel()
		if err == nil || final(err) {
			return err
		}
		if !pause(ctx, delay(try)) {
			return fmt.Errorf("gave up: %w", err)
		}
	}
}

// final tells whether another try of the same request cannot succeed.
func final(err error) bool {
	var e *jetstream.APIError
	return errors.Is(err, nats.ErrConnectionClosed) || api.CodeOf(err) == api.FailedPrecondition || errors.As(err, &e) && e.ErrorCode == codeNoCluster
}

// info asks the stream's leader what it holds.
func (s *store) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	st, err := s.js.Stream(ctx, s.stream)
	if err != nil {
		return nil, fmt.Errorf("look up log %s: %w", s.stream, err)
	}
	return st.CachedInfo(), nil
}

// mark is what is remembered of the entry that was applied last, to know it again. The zero mark is of none.
type mark = engine.Entry

// holds tells whether the stream still has the marked entry as it was. One that has been purged cannot be told from it.
func (s *store) holds(ctx context.Context, m mark) (bool, error) {
	if m.Seq == 0 {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	st, err := s.js.Stream(ctx, s.stream)
	if err != nil {
		return false, fmt.Errorf("look up log %s: %w", s.stream, err)
	}
	if m.Seq < st.CachedInfo().State.FirstSeq {
		return true, nil
	}
	msg, err := st.GetMsg(ctx, m.Seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read entry %d of log %s: %w", m.Seq, s.stream, err)
	}
	return msg.Time.Equal(m.Time) && bytes.Equal(msg.Data, m.Data), nil
}

// purge removes the entries before one.
func (s *store) purge(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, purgeTimeout)
	defer cancel()
	st, err := s.js.Stream(ctx, s.stream)
	if err == nil {
		err = st.Purge(ctx, jetstream.WithPurgeSequence(seq))
	}
	if err != nil {
		return fmt.Errorf("purge log %s below entry %d: %w", s.stream, seq, err)
	}
	return nil
}

// delay is how long to wait before another try: longer each time, with jitter.
func delay(try int) time.Duration {
	most := 2 * time.Millisecond << min(try, 6)
	return most/2 + rand.N(most)
}

// pause waits, and tells whether ctx lives.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
