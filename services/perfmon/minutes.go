package perfmon

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/services/perfmon/journal"
	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/await"
)

// turn is for how long a replica waits at most before it writes a minute: mostly another one has done so by then.
const turn = 5 * time.Second

// keepMinutes writes minutes that have ended where they outlive the replicas, as long as nobody else has.
func (s *Service) keepMinutes(ctx context.Context) {
	written := int64(0)
	for {
		select {
		case <-s.log.minutes:
		case <-ctx.Done():
			return
		}
		if !await.Pause(ctx, rand.N(turn)) {
			return
		}
		s.log.mu.RLock()
		last := s.log.view.LastMinute()
		s.log.mu.RUnlock()
		if written == 0 || written < last-60 {
			written = last - 60 // the log is not longer
		}
		for ; written < last; written++ {
			if err := s.keepMinute(ctx, written+1); err != nil {
				if ctx.Err() == nil {
					s.cfg.Log.Warn().Err(err).Int64("minute", written+1).Msg("a minute is not kept yet")
				}
				break // it is tried again with the next one
			}
		}
	}
}

// keepMinute writes one minute, unless it is there.
func (s *Service) keepMinute(ctx context.Context, minute int64) error {
	s.log.mu.RLock()
	m := s.log.view.Minute(minute)
	s.log.mu.RUnlock()
	if m == nil || m.Len() == 0 {
		return nil
	}
	subject := s.minutePrefix() + strconv.FormatInt(minute, 10)
	var there bool
	err := retry(ctx, func(ctx context.Context) error {
		stream, err := s.conn.JS.Stream(ctx, s.minuteStream())
		if err != nil {
			return err
		}
		_, err = stream.GetLastMsgForSubject(ctx, subject)
		there = err == nil
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		return err
	})
	if err != nil || there {
		return err
	}
	number := rand.Uint64N(1 << 62)
	parts := m.Write(number, s.partBytes())
	for i := len(parts) - 1; i >= 0; i-- { // the first completes it
		to, opts := fmt.Sprintf("%s.%d.%d", subject, number, i), []jetstream.PublishOpt(nil)
		if i == 0 {
			to, opts = subject, append(opts, jetstream.WithExpectLastSequencePerSubject(0))
		}
		err := retry(ctx, func(ctx context.Context) error {
			_, err := s.conn.JS.Publish(ctx, to, parts[i], opts...)
			return err
		})
		var refused *jetstream.APIError
		if errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
			return nil // somebody else was first
		}
		if err != nil {
			return fmt.Errorf("write a minute: %w", err)
		}
	}
	return nil
}

// recall reads the minutes that were kept into a view.
func (s *Service) recall(ctx context.Context, v *view.View) error {
	setup, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	stream, err := s.conn.JS.Stream(setup, s.minuteStream())
	if err != nil {
		return err
	}
	goal := stream.CachedInfo().State
	if goal.Msgs == 0 {
		return nil
	}
	cons, err := stream.OrderedConsumer(setup, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
	if err != nil {
		return err
	}
	it, err := cons.Messages(jetstream.PullHeartbeat(heartbeat), jetstream.PullExpiry(pullExpiry), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer it.Stop()
	defer context.AfterFunc(ctx, it.Stop)()
	var assembler journal.Assembler
	for seq := uint64(0); seq < goal.LastSeq; {
		msg, err := it.Next(jetstream.NextMaxWait(tryTimeout))
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		seq = meta.Sequence.Stream
		part, err := journal.Read(msg.Data())
		if err != nil || part.Minute == 0 {
			s.cfg.Log.Warn().Err(err).Uint64("seq", seq).Msg("a part of a minute is left out")
			continue
		}
		if minute := assembler.Add(strconv.FormatUint(part.Number, 10), part); minute != nil {
			v.Recall(minute)
		}
	}
	return nil
}
