package alerts

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	workers    = 8                // deliveries at once
	tryTime    = 10 * time.Second // for one try: with as long a wait for its turn, less than DefaultAckWait
	lastPause  = time.Minute
	setupTime  = 2 * time.Second
	setupPause = 500 * time.Millisecond
	heartbeat  = 5 * time.Second
	pullExpiry = 30 * time.Second
	maxPending = 20_000 // events that wait for another try
)

// carrier delivers events by one kind of route.
type carrier struct {
	consumer string
	// to names where the route goes; "" if it does not go this way.
	to   func(r *api.AlertRoute) string
	send func(ctx context.Context, r *api.AlertRoute, e *api.Event, body []byte) error
}

// deliver begins to send events where the rules say. The kinds of routes do not wait for each other.
func (s *Store) deliver(ctx context.Context) {
	for _, c := range []carrier{
		{"alert_subjects", func(r *api.AlertRoute) string { return r.Subject }, s.publish},
		{"alert_webhooks", func(r *api.AlertRoute) string {
			if r.Webhook == nil {
				return ""
			}
			return hostOf(r.Webhook)
		}, s.post},
	} {
		s.work.Go(func() {
			for ctx.Err() == nil {
				if err := s.carry(ctx, &c); ctx.Err() == nil {
					s.cfg.Log.Debug().Err(err).Str("consumer", c.consumer).Msg("alerts are delivered again soon")
					await.Pause(ctx, setupPause)
				}
			}
		})
	}
}

// carry takes events from the consumer that all replicas share, until something is amiss, and waits for what it has begun.
func (s *Store) carry(ctx context.Context, c *carrier) error {
	setup, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	cons, err := s.conn.JS.CreateOrUpdateConsumer(setup, api.Bucket(s.conn.Namespace, "events"), jetstream.ConsumerConfig{
		Durable: c.consumer, FilterSubject: api.EventSubject(s.conn.Namespace, "perfmon", "alerts", "*"), DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.cfg.AckWait, MaxDeliver: -1, MaxAckPending: maxPending,
	})
	if err != nil {
		return fmt.Errorf("create a consumer of events: %w", err)
	}
	it, err := cons.Messages(jetstream.PullMaxMessages(workers), jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	var under sync.WaitGroup
	defer under.Wait()
	slots := make(chan struct{}, workers)
	for {
		msg, err := it.Next()
		if err != nil {
			return err
		}
		slots <- struct{}{}
		under.Go(func() {
			defer func() { <-slots }()
			if err := s.handle(ctx, c, msg); err != nil && ctx.Err() == nil {
				s.cfg.Log.Debug().Err(err).Str("consumer", c.consumer).Msg("an event comes again")
			}
		})
	}
}

// handle sends one event, or has it come again later, or gives it up.
func (s *Store) handle(ctx context.Context, c *carrier, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	var e api.Event
	var a api.Alert
	if codec.Read(msg.Data(), &e) != nil || codec.Read(e.Data, &a) != nil || !routed(e.Type) {
		return msg.Ack()
	}
	route := s.routeOf(&a)
	if route == nil || c.to(route) == "" {
		return msg.Ack()
	}
	try, cancel := context.WithTimeout(ctx, tryTime)
	err = c.send(try, route, &e, msg.Data())
	cancel()
	switch {
	case err == nil:
		s.delivered.Add(1)
		return msg.Ack()
	case ctx.Err() != nil:
		return msg.Nak() // another replica sends it
	case time.Since(e.Time) < time.Duration(s.patience.Load()):
		s.cfg.Log.Debug().Err(err).Str("alert", a.ID).Str("to", c.to(route)).Msg("an event is delivered later")
		return msg.NakWithDelay(min(s.cfg.Pause<<min(meta.NumDelivered-1, 16), lastPause))
	}
	if err := s.giveUp(ctx, c, &e, &a, c.to(route), err, meta.NumDelivered); err != nil {
		return err
	}
	return msg.Ack()
}

// routed tells whether an event of the type is for routes.
func routed(kind string) bool {
	switch strings.TrimPrefix(kind, "mabus.alerts.") {
	case episode.Raised, episode.Flapping, episode.Cleared:
		return true
	}
	return false
}

// routeOf is where the rule has its alerts sent now, or had when the alert was raised if there is no such rule any more.
func (s *Store) routeOf(a *api.Alert) *api.AlertRoute {
	if r, _, ok := s.rules.Get(a.Rule); ok {
		return r.Route
	}
	return a.Route
}

// publish sends an event to a subject. Whether anybody listens there is not known.
func (s *Store) publish(ctx context.Context, r *api.AlertRoute, _ *api.Event, body []byte) error {
	if err := s.conn.NC.Publish(api.AlertSubject(s.conn.Namespace, r.Subject), body); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return s.conn.NC.FlushWithContext(ctx)
}
