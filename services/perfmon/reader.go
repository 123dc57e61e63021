package perfmon

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
)

const (
	heartbeat  = 500 * time.Millisecond // how often the server shows that the consumer is alive
	pullExpiry = 30 * time.Second
	// still is how often the stream is looked at, and how long nothing may come of a log that goes on.
	still = 2 * view.Beat
	// behind is how old the newest entry that was read may be while others wait.
	behind = 5 * time.Second
)

var errOther = errors.New("the log is not the one that was read")

// reader reads the log into the view.
type reader struct {
	s *Service

	mu   sync.RWMutex
	view *view.View

	// What the goroutine of run remembers.
	created   time.Time
	seen      uint64
	assembler journal.Assembler
	anew      bool

	caughtUp atomic.Bool
	lagging  atomic.Bool
	joined   atomic.Bool   // the replica has been in the queue group
	changes  chan struct{} // has a token when ready may have changed
	minutes  chan struct{} // has a token when a minute may have ended
}

func newReader(s *Service) *reader {
	return &reader{s: s, view: s.newView(), anew: true, changes: make(chan struct{}, 1), minutes: make(chan struct{}, 1)}
}

func (s *Service) newView() *view.View {
	return view.New(view.Config{MaxBytes: s.cfg.ViewBytes, MaxSeries: s.cfg.MaxSeries, Replica: s.id})
}

// ready tells whether the view is current.
func (r *reader) ready() bool { return r.caughtUp.Load() && !r.lagging.Load() }

func (r *reader) changed() {
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// seenDelta tells whether a delta is in the log already.
func (r *reader) seenDelta(d *journal.Delta) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.view.Seen(d)
}

// room tells whether there is a place for a series.
func (r *reader) room(s *api.Series) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.view.Room(s)
}

// placed tells whether a series has a place.
func (r *reader) placed(s *api.Series) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.view.Placed(s)
}

// run follows the log until ctx ends.
func (r *reader) run(ctx context.Context) {
	for wait := firstPause; ctx.Err() == nil; wait = min(2*wait, lastPause) {
		err := r.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errOther) {
			r.s.cfg.Log.Error().Err(err).Msg("what is known of the fleet is read anew")
			r.anew = true
			r.caughtUp.Store(false)
			r.changed()
		} else {
			r.s.cfg.Log.Debug().Err(err).Msg("the log is followed anew")
		}
		if !await.Pause(ctx, wait) {
			return
		}
	}
}

// session follows the stream until something is amiss.
func (r *reader) session(ctx context.Context) error {
	info, err := r.look(ctx)
	if err != nil {
		return err
	}
	if r.anew {
		if err := r.begin(ctx, info); err != nil {
			return err
		}
	}
	setup, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	cons, err := r.s.conn.JS.OrderedConsumer(setup, r.s.logStream(), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.seen + 1,
	})
	if err != nil {
		return fmt.Errorf("create a consumer of the log: %w", err)
	}
	it, err := cons.Messages(jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	return r.follow(ctx, it, info.State.LastSeq)
}

// look asks the stream how it is, and whether it is the one that was read.
func (r *reader) look(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	stream, err := r.s.conn.JS.Stream(ctx, r.s.logStream())
	if err != nil {
		return nil, fmt.Errorf("look at the log: %w", err)
	}
	info := stream.CachedInfo()
	switch {
	case r.anew:
	case !info.Created.Equal(r.created):
		return nil, fmt.Errorf("%w: it was made anew", errOther)
	case info.State.LastSeq < r.seen:
		return nil, fmt.Errorf("%w: it ends with entry %d, and %d was read", errOther, info.State.LastSeq, r.seen)
	}
	return info, nil
}

// begin makes an empty view, and recalls the minutes of which the log tells no more.
func (r *reader) begin(ctx context.Context, info *jetstream.StreamInfo) error {
	v := r.s.newView()
	if err := r.s.recall(ctx, v); err != nil {
		return fmt.Errorf("recall minutes: %w", err)
	}
	st := &info.State
	switch {
	case st.FirstSeq <= 1:
		v.Begin(info.Created, false) // nothing was lost yet
	case st.Msgs == 0:
		v.Begin(info.TimeStamp.Add(-logAge), true)
	default:
		v.Begin(st.FirstTime, true)
	}
	r.mu.Lock()
	r.view = v
	r.mu.Unlock()
	r.created, r.seen, r.anew, r.assembler = info.Created, max(st.FirstSeq, 1)-1, false, journal.Assembler{}
	return nil
}

// follow applies entries. It has caught up when it has applied goal. A consumer that the client makes anew goes on at its old place even in
// another stream, so the stream is looked at again and again.
func (r *reader) follow(ctx context.Context, it jetstream.MessagesContext, goal uint64) error {
	heard, looked := time.Now(), time.Now()
	for {
		if r.seen >= goal && !r.caughtUp.Load() {
			r.caughtUp.Store(true)
			r.changed()
		}
		if time.Since(looked) > still {
			info, err := r.look(ctx)
			if err != nil {
				return err
			}
			if time.Since(heard) > still && info.State.LastSeq > r.seen {
				return errors.New("the consumer does not deliver what the log has")
			}
			looked = time.Now()
		}
		msg, err := it.Next(jetstream.NextMaxWait(heartbeat))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
			continue
		case err != nil:
			return err
		}
		heard = time.Now()
		if err := r.apply(msg); err != nil {
			return err
		}
	}
}

// apply takes one entry of the log.
func (r *reader) apply(msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("read the place of an entry: %w", err)
	}
	r.seen = meta.Sequence.Stream
	if late := meta.NumPending > 0 && time.Since(meta.Timestamp) > behind; late != r.lagging.Load() {
		r.lagging.Store(late)
		r.changed()
	}
	part, err := journal.Read(msg.Data())
	if err != nil {
		r.s.cfg.Log.Warn().Err(err).Uint64("seq", r.seen).Msg("an entry of the log is left out")
		return nil
	}
	replica := strings.TrimPrefix(msg.Subject(), r.s.logPrefix())
	batch := r.assembler.Add(replica, part)
	if batch == nil {
		return nil
	}
	r.mu.Lock()
	before := r.view.LastMinute()
	r.view.Apply(replica, meta.Timestamp, batch)
	ended := r.view.LastMinute() > before
	r.mu.Unlock()
	if ended {
		select {
		case r.minutes <- struct{}{}:
		default:
		}
	}
	return nil
}
