package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	fewEntries = 64       // that are asked for one by one
	fetchBytes = 16 << 20 // of messages that wait here
	looksEvery = 300 * time.Millisecond
)

// chaseTime is for how long a stream is read beyond the goal in the hope of a moment in which there is nothing more.
var chaseTime = 2 * time.Second

var errSilent = errors.New("the stream delivers nothing")

// reader reads a stream from after one sequence to its end. Where messages stay what and where they are, the end is the sequence that the
// stream's leader has named as its last. Where a later message takes the place of an earlier one, that is not enough: what was overwritten
// before it was read is beyond the end. There it goes on until its leader has nothing more at one moment, and so has passed all that stood in
// the stream then. When that moment does not come it gives up, and is behind.
type reader struct {
	server   *server
	stream   string
	at, goal uint64
	queue    bool // a work queue has no reader beside its own: its leader is asked, message by message
	moves    bool // messages take the places of others
	asked    int
	done     bool
	behind   bool
	since    time.Time                 // when the goal was reached
	it       jetstream.MessagesContext // nil before the first
}

func (s *server) read(stream string, cfg settings, after, goal uint64) *reader {
	queue := cfg.Retention == "workqueue"
	return &reader{server: s, stream: stream, at: after, goal: goal, queue: queue, moves: queue || cfg.PerKey > 0 || cfg.Rollup, done: after >= goal}
}

func (r *reader) stop() {
	if r.it != nil {
		r.it.Stop()
	}
}

// next returns the next message, and nil after the last one.
func (r *reader) next(ctx context.Context) (*entry, error) {
	if r.done {
		return nil, nil
	}
	if r.at >= r.goal {
		if !r.moves {
			r.done = true
			return nil, nil
		}
		if r.since.IsZero() {
			r.since = time.Now()
		}
		if time.Since(r.since) > chaseTime {
			r.done, r.behind = true, true
			return nil, nil
		}
	}
	if r.queue || r.it == nil && (r.asked < fewEntries && r.goal <= r.at+fewEntries) {
		r.asked++
		return r.take(r.server.after(ctx, r.stream, r.at+1))
	}
	if r.it == nil {
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
	}
	return r.fetch(ctx)
}

// take takes what the leader has after the last message.
func (r *reader) take(e *entry, err error) (*entry, error) {
	if err != nil {
		return nil, err
	}
	if e == nil || e.Seq > r.goal && !r.moves {
		r.done = true
		return nil, nil
	}
	r.at = e.Seq
	return e, nil
}

func (r *reader) begin(ctx context.Context) error {
	cons, err := r.server.conn.JS.OrderedConsumer(ctx, r.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.at + 1, InactiveThreshold: time.Minute,
	})
	if err == nil {
		r.it, err = cons.Messages(jetstream.PullMaxBytes(fetchBytes))
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", r.stream, err)
	}
	return nil
}

// fetch returns the next message of the consumer. What it says of messages behind that may be too little: a copy of the stream feeds it that
// may be behind, and hears of new ones a little later. Only the leader knows.
func (r *reader) fetch(ctx context.Context) (*entry, error) {
	for since := time.Now(); ; {
		msg, err := r.it.Next(jetstream.NextMaxWait(looksEvery))
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, nats.ErrTimeout):
			if err := r.look(ctx); err != nil || r.done {
				return nil, err
			}
			if time.Since(since) > askTime {
				return nil, fmt.Errorf("read %s after message %d: %w", r.stream, r.at, errSilent)
			}
			continue
		case err != nil:
			return nil, fmt.Errorf("read %s after message %d: %w", r.stream, r.at, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", r.stream, err)
		}
		if !r.moves && meta.Sequence.Stream > r.goal {
			r.done = true
			return nil, nil
		}
		r.at = meta.Sequence.Stream
		if meta.NumPending == 0 && (r.moves || r.at < r.goal) {
			err = r.look(ctx)
		}
		return &entry{Subject: msg.Subject(), Seq: r.at, Time: meta.Timestamp.UnixNano(), Header: headerBytes(msg.Headers()), Data: msg.Data()}, err
	}
}

// look asks the leader whether there is something more to read.
func (r *reader) look(ctx context.Context) error {
	e, err := r.server.after(ctx, r.stream, r.at+1)
	if err == nil && (e == nil || e.Seq > r.goal && !r.moves) {
		r.done = true
	}
	return err
}
