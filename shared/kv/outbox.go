package kv

import (
	"context"
	"errors"
	"fmt"
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

	outboxConsumer = "events"
	outboxAckWait  = 10 * time.Second
	outboxBatch    = 64 // messages that one replica holds; less than what it publishes within outboxAckWait
)

// EnsureEvents creates or updates the stream <namespace>_events, which keeps events for 7 days and at most 1 GiB, the
// oldest going first. It keeps trying until ctx ends while JetStream is not ready.
func EnsureEvents(ctx context.Context, js jetstream.JetStream, namespace string, replicas int) error {
	name := api.Bucket(namespace, "events")
	err := retry(ctx, func(ctx context.Context) error {
		_, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: []string{namespace + ".event.>"}, MaxAge: eventsAge, MaxBytes: eventsBytes,
			Discard: jetstream.DiscardOld, Replicas: orDefault(replicas, 1), Storage: jetstream.FileStorage, AllowDirect: true,
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("open stream %s: %w", name, err)
	}
	return nil
}

// Outbox publishes every change of a bucket that has an event name as an api.Event, at least once and always with the
// same event id. All replicas of a service run one and share the work, so events of one thing may come out of order:
// their revisions tell. A change is lost only if the bucket's history (16 revisions of a key unless configured) has passed
// it before any replica published it.
type Outbox struct {
	bucket        *Bucket
	service, noun string
	log           zerolog.Logger
	published     atomic.Uint64

	startStop sync.Mutex
	cancel    context.CancelFunc
	done      sync.WaitGroup
}

// NewOutbox returns the outbox of a bucket that has not been started. Events are called mabus.<noun>.<event> and go to
// api.EventSubject(namespace, service, noun, key).
func NewOutbox(b *Bucket, service, noun string, log zerolog.Logger) *Outbox {
	return &Outbox{bucket: b, service: service, noun: noun, log: log}
}

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
				o.log.Debug().Err(err).Str("bucket", o.bucket.name).Msg("outbox starts again")
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
	if _, err := o.bucket.refresh(setup); err != nil {
		return err
	}
	cons, err := o.bucket.js.CreateOrUpdateConsumer(setup, o.bucket.stream, jetstream.ConsumerConfig{
		Durable: outboxConsumer, FilterSubject: o.bucket.prefix + ">", DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: outboxAckWait, MaxDeliver: -1, MaxAckPending: 1000,
	})
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
	key := strings.TrimPrefix(msg.Subject(), o.bucket.prefix)
	e, ok := o.event(key, msg, meta)
	if !ok {
		return nil
	}
	for {
		data, err := codec.Marshal(e)
		if err != nil {
			o.log.Error().Err(err).Str("bucket", o.bucket.name).Str("key", key).Msg("event cannot be written and is dropped")
			return nil
		}
		m := nats.NewMsg(api.EventSubject(o.bucket.namespace, o.service, o.noun, key))
		m.Data = data
		err = retry(ctx, func(ctx context.Context) error {
			_, err := o.bucket.js.PublishMsg(ctx, m, jetstream.WithMsgID(e.ID))
			if errors.Is(err, nats.ErrMaxPayload) {
				return nil
			}
			return err
		})
		if len(data) > int(o.bucket.nc.MaxPayload()) && e.Data != nil {
			e.Data, e.DataContentType = nil, "" // the event and its revision still tell that there is something to read
			continue
		}
		if err == nil {
			o.published.Add(1)
		}
		return err
	}
}

// event makes the event of a message; ok is false if it has none.
func (o *Outbox) event(key string, msg jetstream.Msg, meta *jetstream.MsgMetadata) (e api.Event, ok bool) {
	h := msg.Headers()
	name := h.Get(headerEvent)
	if name == "" {
		return e, false
	}
	seq := meta.Sequence.Stream
	e = api.Event{
		SpecVersion:   "1.0",
		ID:            o.bucket.name + "-" + strconv.FormatInt(o.bucket.created.Load(), 36) + "-" + strconv.FormatUint(seq, 10),
		Source:        "/" + o.bucket.namespace + "/" + o.service,
		Type:          "mabus." + o.noun + "." + name,
		Subject:       key,
		Time:          meta.Timestamp.UTC(),
		Principal:     h.Get(headerPrincipal),
		CorrelationID: h.Get(api.HeaderRequestID),
		Traceparent:   h.Get(api.HeaderTraceparent),
		Revision:      o.bucket.Token(seq),
	}
	if !deletion(h) && codec.Valid(msg.Data()) {
		e.Data, e.DataContentType = msg.Data(), "application/json"
	}
	return e, true
}
