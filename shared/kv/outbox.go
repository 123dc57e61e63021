package kv

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	eventsAge   = 7 * 24 * time.Hour
	eventsBytes = 1 << 30

	outboxAckWait = 10 * time.Second
	outboxBatch   = 64 // messages that one replica holds; less than what it publishes within outboxAckWait
)

// EnsureEvents creates or updates the stream <namespace>_events, which keeps events for 7 days, and at most 1 GiB and
// api.MaxEvents of them, the oldest going first. It keeps trying until ctx ends while JetStream is not ready.
func EnsureEvents(ctx context.Context, js jetstream.JetStream, namespace string, replicas int) error {
	_, err := EnsureStream(ctx, js, jetstream.StreamConfig{
		Name: api.Bucket(namespace, "events"), Subjects: []string{namespace + ".event.>"}, MaxAge: eventsAge, MaxBytes: eventsBytes, MaxMsgs: api.MaxEvents,
		AllowAtomicPublish: true, AllowBatchPublish: true, Discard: jetstream.DiscardOld, Replicas: orDefault(replicas, 1),
		Storage: jetstream.FileStorage, AllowDirect: true,
	})
	return err
}

// Outbox publishes every change of a bucket, or every message of a stream, that has an event name as an api.Event, at least once and
// always with the same event id. All replicas of a service run one and share the work, so events of one thing may come out of order:
// their revisions tell. A change is lost only if the bucket's history (16 revisions of a key unless configured), or what bounds the
// stream, has passed it before any replica published it.
type Outbox struct {
	js        jetstream.JetStream
	nc        *nats.Conn
	namespace string
	service   string
	consumer  jetstream.ConsumerConfig
	stream    string // that is read
	from      string // the bucket's name, or the stream's
	prepare   func(context.Context) error
	event     func(jetstream.Msg, *jetstream.MsgMetadata) (noun string, e api.Event, ok bool)
	shorten   func(data []byte) []byte // nil if events have the whole record
	log       zerolog.Logger
	published atomic.Uint64

	startStop sync.Mutex
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// NewOutbox returns the outbox of a bucket that has not been started. Events are called mabus.<noun>.<event> and go to
// api.EventSubject(namespace, service, noun, key).
func NewOutbox(b *Bucket, service, noun string, log zerolog.Logger) *Outbox {
	o := &Outbox{
		js: b.js, nc: b.nc, namespace: b.namespace, service: service, stream: b.stream, from: b.name, log: log,
		consumer: jetstream.ConsumerConfig{FilterSubject: b.prefix + ">"},
		prepare:  func(ctx context.Context) error { _, err := b.refresh(ctx); return err },
	}
	o.event = func(msg jetstream.Msg, meta *jetstream.MsgMetadata) (string, api.Event, bool) {
		e, ok := o.ofBucket(b, noun, msg, meta)
		return noun, e, ok
	}
	return o
}

// Shorten has events carry what f makes of a record, which it must not change; nil for no data. Call it before Start.
func (o *Outbox) Shorten(f func(data []byte) []byte) { o.shorten = f }

// Start begins to publish. It returns at once and keeps trying while the store is away.
func (o *Outbox) Start() {
	o.startStop.Lock()
	defer o.startStop.Unlock()
	if o.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel = cancel
	o.done.Go(func() {
		for try := 0; ctx.Err() == nil; try++ {
			before := o.published.Load()
			err := o.run(ctx)
			if o.published.Load() > before {
				try = 0
			}
			if ctx.Err() == nil {
				o.log.Debug().Err(err).Str("bucket", o.from).Msg("outbox starts again")
			}
			_ = pause(ctx, try+4)
		}
	})
}

// Stop ends what Start began, and waits for it.
func (o *Outbox) Stop() {
	o.startStop.Lock()
	defer o.startStop.Unlock()
	if o.cancel != nil {
		o.cancel()
		o.done.Wait()
		o.cancel = nil
	}
}

// Published returns how many events this replica has published.
func (o *Outbox) Published() uint64 { return o.published.Load() }

func (o *Outbox) run(ctx context.Context) error {
	setup, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	if err := o.prepare(setup); err != nil {
		return err
	}
	cfg := o.consumer
	cfg.Durable, cfg.DeliverPolicy, cfg.AckPolicy = api.OutboxConsumer, jetstream.DeliverAllPolicy, jetstream.AckExplicitPolicy
	cfg.AckWait, cfg.MaxDeliver, cfg.MaxAckPending = outboxAckWait, -1, 1000
	cons, err := o.js.CreateOrUpdateConsumer(setup, o.stream, cfg)
	if err != nil {
		return err
	}
	it, err := cons.Messages(jetstream.PullMaxMessages(outboxBatch), jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(30*time.Second),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	for {
		msg, err := it.Next()
		if err != nil {
			return err
		}
		if err := o.publish(ctx, msg); err != nil {
			return err
		}
		if err := msg.Ack(); err != nil {
			return err
		}
	}
}

// publish sends the event of one change, until the events stream has it or ctx ends.
func (o *Outbox) publish(ctx context.Context, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	noun, e, ok := o.event(msg, meta)
	if !ok {
		return nil
	}
	for {
		data, err := codec.Marshal(e)
		if err != nil {
			o.log.Error().Err(err).Str("bucket", o.from).Str("key", e.Subject).Msg("event cannot be written and is dropped")
			return nil
		}
		m := nats.NewMsg(api.EventSubject(o.namespace, o.service, noun, e.Subject))
		m.Data = data
		err = Retry(ctx, func(ctx context.Context) error {
			_, err := o.js.PublishMsg(ctx, m, jetstream.WithMsgID(e.ID))
			if errors.Is(err, nats.ErrMaxPayload) {
				return nil
			}
			return err
		})
		if len(data) > int(o.nc.MaxPayload()) && e.Data != nil {
			e.Data, e.DataContentType = nil, "" // the event and its revision still tell that there is something to read
			continue
		}
		if err == nil {
			o.published.Add(1)
		}
		return err
	}
}

// ofBucket makes the event of a change; ok is false if it has none.
func (o *Outbox) ofBucket(b *Bucket, noun string, msg jetstream.Msg, meta *jetstream.MsgMetadata) (e api.Event, ok bool) {
	seq := meta.Sequence.Stream
	if e, ok = o.marked(msg, meta, noun, strconv.FormatInt(b.created.Load(), 36)+"-"+strconv.FormatUint(seq, 10)); !ok {
		return e, false
	}
	e.Subject, e.Revision = strings.TrimPrefix(msg.Subject(), b.prefix), b.Token(seq)
	if data := msg.Data(); !deletion(msg.Headers()) && codec.Valid(data) {
		if o.shorten != nil {
			if data = o.shorten(data); data == nil {
				return e, true
			}
		}
		e.Data, e.DataContentType = data, "application/json"
	}
	return e, true
}

// marked makes the event of what Mark has put into a message's headers.
func (o *Outbox) marked(msg jetstream.Msg, meta *jetstream.MsgMetadata, noun, id string) (e api.Event, ok bool) {
	h := msg.Headers()
	name := h.Get(headerEvent)
	if name == "" {
		return e, false
	}
	return api.Event{
		SpecVersion:   "1.0",
		ID:            o.from + "-" + id,
		Source:        "/" + o.namespace + "/" + o.service,
		Type:          "mabus." + noun + "." + name,
		Time:          meta.Timestamp.UTC(),
		Principal:     h.Get(headerPrincipal),
		CorrelationID: h.Get(api.HeaderRequestID),
		CausationID:   h.Get(api.HeaderCausation),
		Traceparent:   h.Get(api.HeaderTraceparent),
	}, true
}
