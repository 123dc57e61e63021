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

// queue pulls from one consumer. The client library makes a subscription for each fetch; this keeps one, which is worth
// some 5 % of the throughput of small tasks.
type queue struct {
	s        *Store
	consumer jetstream.ConsumerConfig
	subject  string
	inbox    string
	sub      *nats.Subscription
	ch       chan *nats.Msg
}

func (s *Store) newQueue(name, filter string) *queue {
	return &queue{
		s: s, subject: "$JS.API.CONSUMER.MSG.NEXT." + s.tasks + "." + name,
		consumer: jetstream.ConsumerConfig{
			Durable: name, FilterSubject: filter, AckPolicy: jetstream.AckExplicitPolicy, AckWait: AckWait,
			MaxDeliver: -1, MaxAckPending: 100_000, Replicas: s.conn.Replicas,
		},
	}
}

// open creates the consumer if need be and listens for what it delivers.
func (q *queue) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := q.s.conn.JS.CreateOrUpdateConsumer(ctx, q.s.tasks, q.consumer); err != nil {
		return fmt.Errorf("open queue %s: %w", q.consumer.Durable, err)
	}
	return q.listen()
}

func (q *queue) listen() error {
	q.close()
	q.inbox, q.ch = q.s.conn.NC.NewInbox(), make(chan *nats.Msg, maxPull+8)
	sub, err := q.s.conn.NC.ChanSubscribe(q.inbox, q.ch)
	if err != nil {
		return fmt.Errorf("listen for tasks: %w", err)
	}
	q.sub = sub
	return nil
}

func (q *queue) close() {
	if q.sub != nil {
		_ = q.sub.Unsubscribe()
		q.sub = nil
	}
}

// ask requests up to n tasks that are there now.
func (q *queue) ask(n int) error {
	return q.s.conn.NC.PublishRequest(q.subject, q.inbox, []byte(`{"batch":`+strconv.Itoa(n)+`,"no_wait":true}`))
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
			status := ""
			if len(msg.Data) == 0 {
				status = msg.Header.Get("Status")
			}
			switch status {
			case "":
				got++
				each(msg)
			case "100": // idle heartbeat
			case "503":
				return got, errNoQueue
			case "409":
				return got, fmt.Errorf("%w: %s", errNoQueue, msg.Header.Get("Description"))
			default: // 404 and 408: there is no more
				return got, nil
			}
		case <-timeout.C:
			// A late answer must not be taken for that of the next request.
			return got, errors.Join(fmt.Errorf("no answer from queue %s", q.consumer.Durable), q.listen())
		}
	}
}
