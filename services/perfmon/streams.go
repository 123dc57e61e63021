package perfmon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/kv"
)

// Ages of the streams.
const (
	logAge    = time.Hour
	minuteAge = 24 * time.Hour
)

const (
	tryTimeout = 2 * time.Second        // one request to the store
	firstPause = 50 * time.Millisecond  // before it is repeated
	lastPause  = 500 * time.Millisecond // the longest
	noCluster  = 10074                  // the server's code for replicas without a cluster
)

func (s *Service) logStream() string    { return api.Bucket(s.conn.Namespace, "perf") }
func (s *Service) minuteStream() string { return api.Bucket(s.conn.Namespace, "perf_minutes") }

// Subjects of the log, one for each replica.
func (s *Service) logPrefix() string { return s.conn.Namespace + ".perf." }

// Subjects of the minutes.
func (s *Service) minutePrefix() string { return s.conn.Namespace + ".perf_minutes." }

// openStreams creates the streams or sets their bounds, and keeps trying until ctx ends.
func (s *Service) openStreams(ctx context.Context) error {
	for _, cfg := range []jetstream.StreamConfig{
		{Name: s.logStream(), Subjects: []string{s.logPrefix() + ">"}, MaxAge: logAge, MaxBytes: s.cfg.LogBytes},
		{Name: s.minuteStream(), Subjects: []string{s.minutePrefix() + ">"}, MaxAge: minuteAge, MaxBytes: s.cfg.MinuteBytes},
	} {
		cfg.Storage, cfg.Discard, cfg.Replicas, cfg.AllowDirect = jetstream.FileStorage, jetstream.DiscardOld, s.cfg.Replicas, true
		cfg.Duplicates = 100 * time.Millisecond // the least that a server takes: batches are numbered
		if _, err := kv.EnsureStream(ctx, s.conn.JS, cfg); err != nil {
			return err
		}
	}
	return nil
}

// retry repeats a request to the store until it succeeds, cannot succeed, or ctx ends.
func retry(ctx context.Context, f func(context.Context) error) error {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		err := f(try)
		cancel()
		if err == nil || final(err) {
			return err
		}
		if !await.Pause(ctx, wait) {
			return fmt.Errorf("gave up: %w", err)
		}
	}
}

// final tells whether another try cannot succeed.
func final(err error) bool {
	var e *jetstream.APIError
	return errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload) ||
		errors.As(err, &e) && (e.ErrorCode == noCluster || e.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence)
}
