package tasks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	maxPull     = 256             // tasks asked for at once
	pullTimeout = 2 * time.Second // after which an unanswered pull is given up
)

// Acknowledgements of a delivery.
const (
	ackDone  = "+ACK"
	ackAlive = "+WPI"
	ackLater = `-NAK {"delay":1000000000}`
)

// queue pulls from one consumer. The client library makes a subscription for each fetch; this keeps one, which is worth
// some 5 % of the throughput of small tasks.
type queue struct {
	s        *Store
	consumer jetstream.ConsumerConfig
	subject  string
	inbox    string
	asked    int    // requests so far
	reply    string // where the answer to the last one comes
	sub      *nats.Subscription
	ch       chan *nats.Msg
}

func (s *Store) newQueue(name, filter string) *queue {
	inbox := s.conn.JS.Conn().NewInbox()
	return &queue{
		s: s, subject: "$JS.API.CONSUMER.MSG.NEXT." + s.tasks + "." + name, inbox: inbox,
		consumer: jetstream.ConsumerConfig{
			Durable: name, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.bounds.ackWait,
			MaxDeliver: -1, MaxAckPending: -1, Replicas: s.conn.Replicas, // the hosts' slots are the bound
			InactiveThreshold: s.bounds.idleQueue, // the server counts from when the last delivery was to be acknowledged
		},
	}
}

// open creates the consumer if need be and listens for what it delivers.
func (q *queue) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := q.s.conn.JS.CreateOrUpdateConsumer(ctx, q.s.tasks, q.consumer); err != nil {
		q.s.restore(ctx, err)
		return fmt.Errorf("open queue %s: %w", q.consumer.Durable, err)
	}
	if q.sub != nil {
		return nil
	}
	ch := make(chan *nats.Msg, 4*maxPull)
	sub, err := q.s.conn.JS.Conn().ChanSubscribe(q.inbox+".*", ch)
	if err != nil {
		return fmt.Errorf("listen for tasks: %w", err)
	}
	q.sub, q.ch = sub, ch
	return nil
}

func (q *queue) close() {
	if q.sub != nil {
		_ = q.sub.Unsubscribe()
		q.sub = nil
	}
}

// ask requests up to n tasks that are there now. Each request has its own place for the answer, so that the late end of one
// that was given up is not taken for that of the next.
func (q *queue) ask(n int) error {
	q.asked++
	q.reply = q.inbox + "." + strconv.Itoa(q.asked)
	return q.s.conn.JS.Conn().PublishRequest(q.subject, q.reply, []byte(`{"batch":`+strconv.Itoa(n)+`,"no_wait":true}`))
}

// errNoQueue says that the consumer is gone, so that it has to be opened again.
var errNoQueue = errors.New("the queue is gone")

// take hands over what was asked for, and returns how many tasks came. It is not cut short: the server answers at once, and
// what it has delivered must not be left lying.
func (q *queue) take(n int, each func(*nats.Msg)) (int, error) {
	timeout := time.NewTimer(pullTimeout)
	defer timeout.Stop()
	for got := 0; ; {
		if got == n {
			return got, nil
		}
		select {
		case msg := <-q.ch:
			if msg.Reply != "" { // a task, perhaps one of an earlier request: it counts all the same
				got++
				each(msg)
				continue
			}
			status := msg.Header.Get("Status")
			switch {
			case msg.Subject != q.reply || status == "100": // of an earlier request, or an idle heartbeat
			case status == "503":
				return got, errNoQueue
			case status == "409":
				return got, fmt.Errorf("%w: %s", errNoQueue, msg.Header.Get("Description"))
			default: // 404 and 408: there is no more
				return got, nil
			}
		case <-timeout.C:
			return got, fmt.Errorf("no answer from queue %s", q.consumer.Durable)
		}
	}
}

// pull is ask and take.
func (q *queue) pull(n int, each func(*nats.Msg)) (int, error) {
	if n <= 0 {
		return 0, nil
	}
	if err := q.ask(n); err != nil {
		return 0, err
	}
	return q.take(n, each)
}

// strays hands over tasks that came after their request was given up.
func (q *queue) strays(each func(*nats.Msg)) {
	for {
		select {
		case msg := <-q.ch:
			if msg.Reply != "" {
				each(msg)
			}
		default:
			return
		}
	}
}
