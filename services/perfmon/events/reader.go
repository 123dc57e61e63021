package events

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
)

const (
	probe     = time.Second // how often the stream is asked what it has
	readBytes = 8 << 20     // of messages that are on their way; more where one message may be larger
	retryTime = 200 * time.Millisecond
)

var (
	errBehind = errors.New("the consumer does not deliver what the stream has")
	errGap    = errors.New("the consumer skipped a message")
	errOther  = errors.New("the stream is another one, or has gone back")
)

// read keeps the view up to date until ctx ends.
func (s *Store) read(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.session(ctx)
		s.view.setSynced(false)
		if ctx.Err() != nil {
			return
		}
		s.cfg.Log.Debug().Err(err).Msg("event store reads anew")
		await.Pause(ctx, retryTime/2+rand.N(retryTime))
	}
}

// session follows the stream with one consumer.
func (s *Store) session(ctx context.Context) error {
	info, err := s.look(ctx)
	if errors.Is(err, jetstream.ErrStreamNotFound) { // somebody has removed it
		err = s.create(ctx)
	}
	if err != nil {
		return err
	}
	if info == nil {
		return errOther
	}
	v := s.view
	if created := info.Created.UnixNano(); created != v.created.Load() || info.State.LastSeq < v.applied.Load() {
		v.reset(created)
	}
	v.drop(info.State.FirstSeq)
	setup, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	cons, err := s.conn.JS.CreateConsumer(setup, s.stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: v.applied.Load() + 1, AckPolicy: jetstream.AckNonePolicy,
		InactiveThreshold: 30 * time.Second, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	defer func() {
		over, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTime)
		defer cancel()
		if s.conn.NC.IsConnected() {
			_ = s.conn.JS.DeleteConsumer(over, s.stream, cons.CachedInfo().Name) // or its threshold removes it
		}
	}()
	if cons.CachedInfo().NumPending == 0 {
		v.advance(info.State.LastSeq) // the last ones were erased one by one
	}
	p, err := newPuller(s.conn.NC, s.stream, cons.CachedInfo().Name, max(readBytes, 2*int(s.conn.NC.MaxPayload())))
	if err != nil {
		return err
	}
	defer p.close()
	return s.consume(ctx, p, info.State.LastSeq)
}

// consume takes messages up. The view is synced once it has what the stream had at the beginning.
func (s *Store) consume(ctx context.Context, p *puller, goal uint64) error {
	v, next, at := s.view, uint64(0), time.Now()
	before, stalled := v.applied.Load(), 0
	var scratch api.Event
	for {
		if v.applied.Load() >= goal && !v.synced.Load() {
			v.setSynced(true)
		}
		msg, err := p.next(ctx, probe)
		switch {
		case err == nil:
			meta, err := msg.Metadata()
			if err != nil {
				return err
			}
			if next++; meta.Sequence.Consumer != next {
				return errGap
			}
			row, ok := s.row(&scratch, msg.Subject, msg.Data)
			row.Seq, row.Stored, row.Size = meta.Sequence.Stream, meta.Timestamp.UnixNano(), sizeOf(msg)
			v.add(row.Seq, row, ok)
		case !errors.Is(err, nats.ErrTimeout):
			return err
		}
		if time.Since(at) < probe {
			continue
		}
		at = time.Now()
		info, err := s.look(ctx)
		if err != nil {
			return err
		}
		if info.Created.UnixNano() != v.created.Load() || info.State.LastSeq < before {
			return errOther
		}
		v.drop(info.State.FirstSeq)
		if stalled++; v.applied.Load() != before || before >= info.State.LastSeq {
			stalled = 0
		}
		if before = v.applied.Load(); stalled > 1 {
			return errBehind
		}
	}
}

// look asks what the stream has.
func (s *Store) look(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	stream, err := s.conn.JS.Stream(ctx, s.stream)
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}

// create makes the stream again.
func (s *Store) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	return kv.EnsureEvents(ctx, s.conn.JS, s.conn.Namespace, s.cfg.Replicas)
}

// sizeOf is what the file store takes for a message: its parts, and 30 bytes, and 4 more with headers.
func sizeOf(msg *nats.Msg) uint32 {
	n := 30 + len(msg.Subject) + len(msg.Data)
	if h := msg.Header; len(h) > 0 {
		n += 4 + len("NATS/1.0\r\n\r\n")
		for k, values := range h {
			for _, v := range values {
				n += len(k) + len(v) + len(": \r\n")
			}
		}
	}
	return uint32(n)
}
