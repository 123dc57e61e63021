package alerts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/perfmon/alerts/episode"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	ruleBytes   = 16 << 20
	alertBytes  = 64 << 20
	letterBytes = 16 << 20
	letterAge   = 7 * 24 * time.Hour
	history     = 64 // revisions of an alert from which events are made
	seeded      = "defaults.made"
)

// DefaultAckWait is after how long another replica takes up a delivery.
const DefaultAckWait = 30 * time.Second

// Config describes one replica.
type Config struct {
	// Replicas is the number of copies of the buckets in a cluster; that of the connection unless given.
	Replicas int
	// Look lets f see the view of the replica, to which nothing is added meanwhile. It must not wait. Required.
	Look func(f func(v *view.View))
	// Current tells whether the view has all of the log. Required.
	Current func() bool
	// Every is how often a rule is applied at most; 1s unless given.
	Every time.Duration
	// Damping says what flapping is; episode.DefaultDamping unless given.
	Damping episode.Damping
	// GiveUp is for how long the delivery of an event is tried; 1h unless given. Pause is the first pause between two tries, which
	// doubles up to a minute; 1s unless given.
	GiveUp, Pause time.Duration
	// AckWait is after how long another replica takes up what one has begun to deliver; DefaultAckWait unless given.
	AckWait time.Duration
	Log     zerolog.Logger
	Metrics prometheus.Registerer
}

func (c Config) withDefaults(conn *rpc.Conn) Config {
	if c.Replicas == 0 {
		c.Replicas = conn.Replicas
	}
	if c.Every <= 0 {
		c.Every = time.Second
	}
	if c.Damping == (episode.Damping{}) {
		c.Damping = episode.DefaultDamping
	}
	if c.GiveUp <= 0 {
		c.GiveUp = time.Hour
	}
	if c.AckWait <= 0 {
		c.AckWait = DefaultAckWait
	}
	if c.Pause <= 0 {
		c.Pause = time.Second
	}
	return c
}

// Store is one replica of the alerts.
type Store struct {
	conn *rpc.Conn
	cfg  Config

	ruleBucket, alertBucket, letterBucket *kv.Bucket
	ruleTable                             *kv.Table[api.AlertRule]
	alertTable                            *kv.Table[api.Alert]
	rules                                 *kv.Mirror[api.AlertRule]
	alerts                                *kv.Mirror[api.Alert]
	letters                               *kv.Mirror[api.UndeliveredAlert]

	applied    applied
	hooks      hooks
	delivered  atomic.Uint64
	given      atomic.Uint64 // up
	suppressed atomic.Uint64
	collectors []prometheus.Collector

	pace, patience atomic.Int64 // Every and GiveUp, as durations: they may be changed
	cancel         context.CancelFunc
	work           sync.WaitGroup
	cleanups       []func()
	stopOnce       sync.Once
}

// Open opens the buckets, makes the first rules if there never were any, and begins to apply rules and to deliver alerts. It keeps trying while
// JetStream is not ready, until ctx ends.
func Open(ctx context.Context, conn *rpc.Conn, cfg Config) (*Store, error) {
	s := &Store{conn: conn, cfg: cfg.withDefaults(conn)}
	s.Tune(s.cfg.Every, s.cfg.GiveUp)
	s.applied.by = map[string]*application{}
	s.hooks.open(s.cfg.Log)
	s.cleanups = append(s.cleanups, s.hooks.close)
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if err := s.open(ctx); err != nil {
		s.cleanUp()
		return nil, fmt.Errorf("alerts: %w", err)
	}
	s.register()
	s.work.Go(func() { s.evaluate(base) })
	s.work.Go(func() { s.tidy(base) })
	s.deliver(base)
	return s, nil
}

// Tune changes how often a rule is applied at most, and for how long the delivery of an event is tried.
func (s *Store) Tune(every, giveUp time.Duration) {
	s.pace.Store(int64(every))
	s.patience.Store(int64(giveUp))
}

func (s *Store) every() time.Duration { return time.Duration(s.pace.Load()) }

func (s *Store) open(ctx context.Context) (err error) {
	js, ns := s.conn.JS, s.conn.Namespace
	if err := kv.EnsureEvents(ctx, js, ns, s.cfg.Replicas); err != nil {
		return fmt.Errorf("open the events stream: %w", err)
	}
	requests, err := kv.OpenRequests(ctx, js, ns, s.cfg.Replicas, 0)
	if err != nil {
		return fmt.Errorf("open the requests: %w", err)
	}
	bucket := func(to **kv.Bucket, name string, bytes int64, revisions int, ttl time.Duration) {
		if err == nil {
			*to, err = kv.Open(ctx, js, kv.Config{Namespace: ns, Name: name, Replicas: s.cfg.Replicas, MaxBytes: bytes, History: revisions, TTL: ttl})
		}
	}
	bucket(&s.ruleBucket, "alert_rules", ruleBytes, 0, 0)
	bucket(&s.alertBucket, "alerts", alertBytes, history, 0)
	bucket(&s.letterBucket, "alert_letters", letterBytes, 1, letterAge)
	if err != nil {
		return err
	}
	if err := s.seed(ctx); err != nil {
		return fmt.Errorf("make the first rules: %w", err)
	}
	s.ruleTable, s.alertTable = kv.NewTable[api.AlertRule](s.ruleBucket, "perfmon", requests), kv.NewTable[api.Alert](s.alertBucket, "perfmon", requests)
	s.rules = kv.NewMirror(s.ruleBucket, kv.MirrorOptions[api.AlertRule]{Filter: "*", Keep: soundRule, Log: s.cfg.Log})
	s.alerts = kv.NewMirror(s.alertBucket, kv.MirrorOptions[api.Alert]{Keep: soundAlert, Log: s.cfg.Log})
	s.letters = kv.NewMirror(s.letterBucket, kv.MirrorOptions[api.UndeliveredAlert]{Log: s.cfg.Log})
	type part interface {
		Start()
		Stop()
	}
	for _, p := range []part{s.rules, s.alerts, s.letters, kv.NewOutbox(s.ruleBucket, "perfmon", "alert_rules", s.cfg.Log), kv.NewOutbox(s.alertBucket, "perfmon", "alerts", s.cfg.Log)} {
		p.Start()
		s.cleanups = append(s.cleanups, p.Stop)
	}
	for _, ready := range []<-chan struct{}{s.rules.Ready(), s.alerts.Ready(), s.letters.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			return fmt.Errorf("load rules and alerts: %w", ctx.Err())
		}
	}
	return nil
}

// soundRule tells whether what is stored is a rule that can be applied: somebody may write into the bucket by other means.
func soundRule(r *api.AlertRule) bool {
	rule := *r
	rule.Version, rule.ChangedAt, rule.ChangedBy, rule.Revision = 0, time.Time{}, "", ""
	return rule.Validate() == nil
}

func soundAlert(a *api.Alert) bool {
	return api.ValidID(a.ID) && api.ValidID(a.Rule) && slices.Contains(api.AlertStatuses, a.Status)
}

// seed makes the first rules, once in the life of a namespace: one that was removed since does not come back.
func (s *Store) seed(ctx context.Context) error {
	made, err := s.ruleBucket.Get(ctx, seeded)
	if err != nil || made.Exists() {
		return err
	}
	for _, r := range episode.Defaults() {
		r.Version, r.ChangedAt = 1, time.Now().UTC()
		body, err := codec.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := s.ruleBucket.Write(ctx, kv.Write{Key: r.ID, Value: body}); err != nil && !errors.Is(err, kv.ErrLost) {
			return err
		}
	}
	if _, err = s.ruleBucket.Write(ctx, kv.Write{Key: seeded, Value: []byte("{}")}); errors.Is(err, kv.ErrLost) {
		return nil
	}
	return err
}

// Ready tells whether the replica knows all rules and alerts now.
func (s *Store) Ready() bool { return s.rules.Synced() && s.alerts.Synced() }

// Stop ends everything, and waits for it.
func (s *Store) Stop(context.Context) error {
	s.stopOnce.Do(s.cleanUp)
	return nil
}

func (s *Store) cleanUp() {
	s.cancel()
	s.work.Wait()
	for _, f := range slices.Backward(s.cleanups) {
		f()
	}
	for _, m := range s.collectors {
		s.cfg.Metrics.Unregister(m)
	}
}

// register shows figures of this replica to Prometheus.
func (s *Store) register() {
	if s.cfg.Metrics == nil {
		return
	}
	for _, c := range []struct {
		name, help string
		v          *atomic.Uint64
	}{
		{"alerts_delivered_total", "Events that this replica has delivered to routes.", &s.delivered},
		{"alerts_undelivered_total", "Events that this replica has given up.", &s.given},
		{"alerts_suppressed_total", "Alerts that this replica did not raise because there were too many.", &s.suppressed},
	} {
		s.collectors = append(s.collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mabus_perfmon_" + c.name, Help: c.help}, func() float64 { return float64(c.v.Load()) }))
	}
	s.collectors = append(s.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mabus_perfmon_alerts_active", Help: "Alerts that stand."}, func() float64 { return float64(s.Counts().Active) }))
	for _, m := range s.collectors {
		_ = s.cfg.Metrics.Register(m) // a process with two replicas shows the first
	}
}
