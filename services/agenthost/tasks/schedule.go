package tasks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The server's own message schedules (NATS 2.12 and newer) bring back what must wait, so nothing is held in memory.
const (
	headerSchedule = "Nats-Schedule"
	headerTarget   = "Nats-Schedule-Target"
)

func at(msg *nats.Msg, t time.Time, target string) {
	// The client library's own option cuts to whole seconds; the server takes fractions.
	msg.Header.Set(headerSchedule, "@at "+t.UTC().Format(time.RFC3339Nano))
	msg.Header.Set(headerTarget, target)
}

// delivery is a task's message as a host got it.
type delivery struct {
	msg   *nats.Msg
	seq   uint64    // in the stream
	begun int       // attempts before this one, by the message and by the server's count of deliveries
	lost  int       // of these, deliveries of this very message, of whose end nobody has heard
	used  api.Usage // by all attempts, once this one has ended
}

func newDelivery(msg *nats.Msg) (delivery, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return delivery{}, err
	}
	d := delivery{msg: msg, seq: meta.Sequence.Stream, begun: int(meta.NumDelivered) - 1, lost: int(meta.NumDelivered) - 1}
	if n, err := strconv.Atoi(msg.Header.Get(headerAttempts)); err == nil && n > 0 && n <= api.MaxAttempts {
		d.begun += n
	}
	return d, nil
}

// again returns the task's message for the subject, with another count of attempts begun and the error of the last one.
func (d delivery) again(subject string, begun int, e *api.Error) *nats.Msg {
	msg := nats.NewMsg(subject)
	msg.Data = d.msg.Data
	keep(msg.Header, d.msg.Header)
	if !d.used.IsZero() {
		if text, err := codec.Marshal(&d.used); err == nil {
			msg.Header.Set(headerUsed, string(text))
		}
	}
	msg.Header.Set(headerAttempts, strconv.Itoa(begun))
	if e != nil {
		msg.Header.Set(headerError, inHeader(e))
	}
	return msg
}

// keep carries over what stays with a task from message to message.
func keep(to, from nats.Header) {
	for _, h := range []string{headerHash, headerNamed, api.HeaderBlob, headerError, headerUsed, api.HeaderTraceparent} {
		if v := from.Get(h); v != "" {
			to.Set(h, v)
		}
	}
}

func seqText(seq uint64) string { return strconv.FormatUint(seq, 10) }

// maxErrorHeader is how many bytes of a header an error may take; the room for headers has 8 KiB.
const maxErrorHeader = 4 << 10

func inHeader(e *api.Error) string {
	short := *e
	for {
		body, err := codec.Marshal(&short)
		if err == nil && len(body) <= maxErrorHeader {
			return string(body)
		}
		if err != nil || len(short.Message) < 256 { // its details do not fit
			short.Details = api.Details{Reason: e.Details.Reason[:min(len(e.Details.Reason), 64)], MaybeExecuted: e.Details.MaybeExecuted}
		}
		short.Message = cut(short.Message, len(short.Message)/2)
		if short.Message == "" {
			return ""
		}
	}
}

// retry puts a task aside until its next attempt, in place of the delivery.
func (s *Store) retry(ctx context.Context, d delivery, begun int, e *api.Error, when time.Time) error {
	t := bare(d.msg.Subject)
	msg := d.again(s.laterSubject(t), begun, e)
	at(msg, when, d.msg.Subject)
	return s.replace(ctx, msg, d)
}

// handBack puts a task back into the queue as if this delivery had not been.
func (s *Store) handBack(ctx context.Context, d delivery) error {
	if err := s.replace(ctx, d.again(d.msg.Subject, d.begun, nil), d); err != nil {
		return err
	}
	return s.conn.NC.Publish(s.readySubject(bare(d.msg.Subject).Capability), nil)
}

// replace writes the message if the delivery is still the newest word on the task, wherever it stands: it may have been put aside by a host
// that could not acknowledge that. If not, somebody else has gone on with it and nothing is done.
func (s *Store) replace(ctx context.Context, msg *nats.Msg, d delivery) error {
	all := s.anyTask(bare(d.msg.Subject).ID)
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence", seqText(d.seq))
	msg.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", all)
	for {
		err := s.publish(ctx, msg)
		if !isWrongLast(err) {
			return err
		}
		m, rerr := s.read(ctx, s.tasks, map[string]any{"last_by_subj": all})
		if rerr != nil && !errors.Is(rerr, errJunk) {
			return errors.Join(err, rerr)
		}
		if m == nil || m.Seq != d.seq {
			return nil
		}
		sleep(ctx, 10*time.Millisecond, nil) // an innocent race on a replicated stream
	}
}

// An alarm has the specification's hash in its subject: two submissions of one id, of which one is refused, do not touch each
// other's alarms.
func (s *Store) alarmSubject(kind, id, hash string) string {
	return s.ns + ".deadline." + kind + "." + id + "." + hash
}

const due = "due"

// setAlarm has the server ring at the task's deadline, whether or not anybody has pulled it by then.
func (s *Store) setAlarm(ctx context.Context, t *api.Task, hash string) error {
	msg := nats.NewMsg(s.alarmSubject(later, t.ID, hash))
	msg.Data = []byte("{}")
	at(msg, t.Deadline, s.alarmSubject(due, t.ID, hash))
	if err := s.publish(ctx, msg); err != nil {
		return away("set the alarm of task "+t.ID, err)
	}
	return nil
}

// takeOut removes whatever of a task still stands in the queue; what is gone already is no error. It is no purge, since a host may have it in
// hand: that of one subject moves the floor of the consumer (nats-server 2.15.2, consumer.purge) beyond older tasks which other hosts have in
// hand, and if those do not come back, nobody gets them again.
func (s *Store) takeOut(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for {
		m, err := s.read(ctx, s.tasks, map[string]any{"last_by_subj": s.anyTask(id)})
		if m == nil {
			return err
		}
		// Perhaps it has gone meanwhile, or moved, which the next look shows.
		if err := s.drop(ctx, s.tasks, m.Seq); err != nil && (ctx.Err() != nil || !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful)) {
			return err
		}
	}
}

// drop removes one message.
func (s *Store) drop(ctx context.Context, name string, seq uint64) error {
	stream, err := s.opened(ctx, name)
	if err == nil {
		err = stream.DeleteMsg(ctx, seq)
	}
	if err != nil {
		return fmt.Errorf("remove message %d of %s: %w", seq, name, err)
	}
	return nil
}

// opened returns a stream of the store.
func (s *Store) opened(ctx context.Context, name string) (jetstream.Stream, error) {
	if name == s.tasks {
		return s.stream, nil
	}
	return s.conn.JS.Stream(ctx, name)
}

// clear removes alarms.
func (s *Store) clear(ctx context.Context, subjects ...string) error {
	return s.purge(ctx, s.tasks, subjects...)
}

func (s *Store) purge(ctx context.Context, name string, subjects ...string) error {
	for _, subject := range subjects {
		if err := s.purgeUpTo(ctx, name, subject, 0); err != nil {
			return err
		}
	}
	return nil
}

// purgeUpTo removes what stands on a subject up to a sequence, and not what comes there meanwhile; with 0 all of it.
func (s *Store) purgeUpTo(ctx context.Context, name, subject string, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	stream, err := s.opened(ctx, name)
	if err != nil {
		return fmt.Errorf("remove from %s: %w", name, err)
	}
	what := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(subject)}
	if seq > 0 {
		what = append(what, jetstream.WithPurgeSequence(seq+1))
	}
	if err := stream.Purge(ctx, what...); err != nil {
		return fmt.Errorf("remove %s: %w", subject, err)
	}
	return nil
}

// backoff is the wait before the attempt after the given one: doubling, up to api.DefaultMaxBackoff, or the task's own
// backoff if that is longer.
func backoff(t *api.Task, attempt int) time.Duration {
	d, limit := t.Backoff.Std(), max(api.DefaultMaxBackoff.Std(), t.Backoff.Std())
	for i := 1; i < attempt && d < limit; i++ {
		d *= 2
	}
	return min(d, limit)
}
