package replog

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	heartbeat     = 500 * time.Millisecond // how often the server shows that a consumer is alive
	silence       = 3 * heartbeat          // after which it is not
	consumerLife  = 30 * time.Second       // of a consumer that nobody listens to
	pendingCount  = 1 << 20                // messages that may wait in this process; flow control stops the server long before
	pendingSize   = 512 << 20
	consumerTries = 5 * time.Second
)

var (
	errSilent = errors.New("the consumer shows no sign of life")
	errGap    = errors.New("the consumer skipped an entry")
	errEnded  = errors.New("the connection changed")
)

// feed delivers the entries of a stream, in order and without gaps, or an error. It is a push consumer on a plain subscription:
// that is the shortest way from the stream to here, and what is missing is found by the sequences.
type feed struct {
	js       jetstream.JetStream
	nc       *nats.Conn
	sub      *nats.Subscription
	stream   string
	consumer string
	seq      uint64 // of the last entry
	count    uint64 // of the last message of the consumer
	pending  uint64 // entries behind the last
	heard    time.Time
}

// follow opens a feed of what comes after an entry.
func (s *store) follow(ctx context.Context, after uint64) (*feed, error) {
	ctx, cancel := context.WithTimeout(ctx, consumerTries)
	defer cancel()
	sub, err := s.nc.SubscribeSync(s.nc.NewInbox())
	if err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	f := &feed{js: s.js, nc: s.nc, sub: sub, stream: s.stream, seq: after, heard: time.Now()}
	if err := sub.SetPendingLimits(pendingCount, pendingSize); err != nil {
		f.stop()
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	cons, err := s.js.CreatePushConsumer(ctx, s.stream, jetstream.ConsumerConfig{
		DeliverSubject: sub.Subject, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1, AckPolicy: jetstream.AckNonePolicy,
		FlowControl: true, IdleHeartbeat: heartbeat, InactiveThreshold: consumerLife, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		f.stop()
		return nil, fmt.Errorf("create consumer: %w", err)
	}
	f.consumer = cons.CachedInfo().Name
	return f, nil
}

// next returns the next entry, or nats.ErrTimeout when none comes in time.
func (f *feed) next(wait time.Duration) (engine.Entry, error) {
	for end := time.Now().Add(wait); ; {
		msg, err := f.sub.NextMsg(max(time.Until(end), time.Microsecond))
		if err != nil {
			if errors.Is(err, nats.ErrTimeout) && time.Since(f.heard) > silence {
				return engine.Entry{}, errSilent
			}
			return engine.Entry{}, err
		}
		f.heard = time.Now()
		if len(msg.Header) == 0 || msg.Header.Get("Status") == "" {
			return f.take(msg)
		}
		if err := f.control(msg); err != nil {
			return engine.Entry{}, err
		}
	}
}

func (f *feed) take(msg *nats.Msg) (engine.Entry, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return engine.Entry{}, fmt.Errorf("read the place of an entry: %w", err)
	}
	if meta.Sequence.Consumer != f.count+1 || meta.Sequence.Stream != f.seq+1 {
		return engine.Entry{}, fmt.Errorf("%w: %d came after %d", errGap, meta.Sequence.Stream, f.seq)
	}
	f.count, f.seq, f.pending = meta.Sequence.Consumer, meta.Sequence.Stream, meta.NumPending
	return engine.Entry{Seq: f.seq, Time: meta.Timestamp, Data: msg.Data}, nil
}

// control answers flow control, and looks whether a heartbeat tells of messages that did not come.
func (f *feed) control(msg *nats.Msg) error {
	if status := msg.Header.Get("Status"); status != "100" {
		return fmt.Errorf("consumer: %s %s", status, msg.Header.Get("Description"))
	}
	if last := msg.Header.Get("Nats-Last-Consumer"); last != "" && last != strconv.FormatUint(f.count, 10) {
		return fmt.Errorf("%w: it has delivered %s messages, and %d came", errGap, last, f.count)
	}
	reply := msg.Reply
	if reply == "" {
		reply = msg.Header.Get("Nats-Consumer-Stalled")
	}
	if reply == "" {
		return nil
	}
	return f.nc.Publish(reply, nil)
}

// stop ends the feed; next then returns an error.
func (f *feed) stop() { _ = f.sub.Unsubscribe() } // fails when the connection is closed, and then there is nothing to end

// drop stops the feed and lets the server remove its consumer. When that does not hear it, it does so after consumerLife.
func (f *feed) drop() {
	f.stop()
	if f.consumer != "" && f.nc.IsConnected() {
		_ = f.nc.Publish(apiPrefix(f.js)+"CONSUMER.DELETE."+f.stream+"."+f.consumer, nil)
	}
}

// apiPrefix is where the server listens for requests to JetStream.
func apiPrefix(js jetstream.JetStream) string {
	o := js.Options()
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API."
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "."
	}
	return jetstream.DefaultAPIPrefix
}
