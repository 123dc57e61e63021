package kv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/codec"
)

const (
	pullExpiry = 30 * time.Second
	pullBatch  = 500 // messages that one request asks for at most
)

var errNoHeartbeat = errors.New("the consumer shows no sign of life")

// feed delivers the messages of a consumer.
type feed interface {
	// next returns the next message, or nats.ErrTimeout if none comes in time.
	next(wait time.Duration) (delivery, error)
	stop()
}

// delivery is a message with its place.
type delivery struct {
	subject  string
	header   nats.Header
	data     []byte
	consumer uint64 // sequence within the consumer
	stream   uint64
	pending  uint64 // messages behind it
}

// open begins to take messages from a consumer, until ctx ends.
func (m *Mirror[T]) open(ctx context.Context, cons jetstream.Consumer) (feed, error) {
	if m.opts.Gather != nil {
		return m.gathering(ctx, cons.CachedInfo().Name)
	}
	it, err := cons.Messages(jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	return prompt{it}, err
}

// prompt is told of each message at once.
type prompt struct{ it jetstream.MessagesContext }

func (p prompt) next(wait time.Duration) (delivery, error) {
	msg, err := p.it.Next(jetstream.NextMaxWait(wait))
	if err != nil {
		return delivery{}, err
	}
	meta, err := msg.Metadata()
	if err != nil {
		return delivery{}, err
	}
	return delivery{msg.Subject(), msg.Headers(), msg.Data(), meta.Sequence.Consumer, meta.Sequence.Stream, meta.NumPending}, nil
}

func (p prompt) stop() { p.it.Stop() }

// gatherer asks for messages itself, so that it can let them gather: it asks for one, then for those that have gathered behind it,
// and then pauses. It never drops a request that is open, whose messages would be missing.
type gatherer struct {
	ctx     context.Context
	bucket  *Bucket
	subject string // of requests
	sub     *nats.Subscription
	pause   func() time.Duration
	hurry   <-chan struct{}
	leader  func(context.Context) (uint64, error) // what the bucket has

	open    int    // messages that are asked for and have not come
	pending uint64 // messages behind the last, as the server counts them: it loses count when some of them are overtaken
	at      uint64 // the last that has come
	rested  bool   // nothing has come since the last pause
	hurried bool   // all that there was at the last pause is wanted
	heard   time.Time
}

func (m *Mirror[T]) gathering(ctx context.Context, consumer string) (*gatherer, error) {
	b := m.bucket
	sub, err := b.nc.SubscribeSync(b.nc.NewInbox())
	if err != nil {
		return nil, err
	}
	return &gatherer{
		ctx: ctx, bucket: b, sub: sub, subject: apiPrefix(b.js) + "CONSUMER.MSG.NEXT." + b.stream + "." + consumer, pause: m.pause,
		hurry: m.hurry, leader: m.last, rested: true,
	}, nil
}

// pause returns for how long changes may gather now.
func (m *Mirror[T]) pause() time.Duration {
	if !m.synced.Load() || m.waiting.Load() > 0 {
		return 0
	}
	return m.opts.Gather()
}

func (g *gatherer) stop() { _ = g.sub.Unsubscribe() } // fails when the connection is closed, and then there is nothing to end

func (g *gatherer) next(wait time.Duration) (delivery, error) {
	end := time.Now().Add(wait)
	for {
		if g.open <= 0 {
			if err := g.ask(); err != nil {
				return delivery{}, err
			}
		}
		msg, err := g.sub.NextMsg(max(min(time.Until(end), heartbeat), time.Microsecond))
		switch {
		case err == nil:
			g.heard = time.Now()
		case !errors.Is(err, nats.ErrTimeout):
			return delivery{}, err
		case time.Since(g.heard) > 2*heartbeat:
			return delivery{}, errNoHeartbeat
		case !time.Now().Before(end):
			return delivery{}, err
		default:
			continue
		}
		switch status := msg.Header.Get("Status"); status {
		case "":
			return g.take(msg)
		case "100": // a heartbeat
		case "408": // the request has expired
			g.open = 0
		default:
			return delivery{}, fmt.Errorf("consumer: %s %s", status, msg.Header.Get("Description"))
		}
	}
}

func (g *gatherer) take(msg *nats.Msg) (delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return delivery{}, err
	}
	g.open--
	g.pending, g.at, g.rested = meta.NumPending, meta.Sequence.Stream, false
	return delivery{msg.Subject, msg.Header, msg.Data, meta.Sequence.Consumer, meta.Sequence.Stream, meta.NumPending}, nil
}

// pullRequest is the body of a request for messages.
type pullRequest struct {
	Batch     int   `json:"batch"`
	Expires   int64 `json:"expires"`        // ns
	Heartbeat int64 `json:"idle_heartbeat"` // ns
}

// ask asks for messages, after the pause if there is to be one.
func (g *gatherer) ask() error {
	batch, pause := pullBatch, g.pause()
	switch {
	case pause <= 0:
	case g.pending > 0 && !g.rested:
		batch = int(min(g.pending, pullBatch))
	default:
		batch = 1
		if err := g.rest(pause); err != nil {
			return err
		}
	}
	body, err := codec.Marshal(pullRequest{batch, int64(pullExpiry), int64(heartbeat)})
	if err != nil {
		return err
	}
	g.open, g.heard = batch, time.Now()
	return g.bucket.nc.PublishRequest(g.subject, g.sub.Subject, body)
}

// rest lets messages gather, if any have come since it did last.
func (g *gatherer) rest(d time.Duration) error {
	if g.rested {
		return nil
	}
	if g.hurried {
		if last, err := g.leader(g.ctx); err != nil || g.at < last {
			return nil // what is still there, or may be, comes without a pause
		}
	}
	g.rested, g.hurried = true, false
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-g.hurry:
		g.hurried = true
	case <-g.ctx.Done():
		return g.ctx.Err()
	}
	return nil
}
