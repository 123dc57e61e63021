package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	queueName    = "bench-plain-queue"
	outcomesName = "bench-plain-outcomes"
)

// queue is the bare loop: a stream on disk with the retention that tasks have, and a consumer that acknowledges.
type queue struct {
	ask    jetstream.JetStream
	stream jetstream.Stream
	using  jetstream.ConsumeContext
	keep   atomic.Bool // an outcome is stored for each message before it is acknowledged
	close  func()
}

func openQueue(ctx context.Context, s *services) (*queue, error) {
	ask, err := jetstream.New(s.ask, jetstream.WithPublishAsyncMaxPending(submitters*taskBatch))
	if err != nil {
		return nil, err
	}
	say, err := jetstream.New(s.say)
	if err != nil {
		return nil, err
	}
	q := &queue{ask: ask}
	if q.stream, err = ask.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: queueName, Subjects: []string{queueName}, Retention: jetstream.WorkQueuePolicy,
	}); err != nil {
		return nil, fmt.Errorf("make the bare queue: %w", err)
	}
	cons, err := say.CreateOrUpdateConsumer(ctx, queueName, jetstream.ConsumerConfig{
		Durable: "all", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 100_000,
	})
	if err != nil {
		return nil, fmt.Errorf("make the bare consumer: %w", err)
	}
	if _, err = ask.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: outcomesName, Subjects: []string{outcomesName}, MaxMsgs: 10_000}); err != nil {
		return nil, fmt.Errorf("make the bare outcomes: %w", err)
	}
	stop := make(chan struct{})
	messages := make(chan jetstream.Msg)
	var workers sync.WaitGroup
	for range submitters { // as many as the agent has
		workers.Go(func() { storeOutcomes(ctx, say, messages, stop) })
	}
	end := func() {
		close(stop)
		workers.Wait()
	}
	q.using, err = cons.Consume(func(m jetstream.Msg) {
		if !q.keep.Load() {
			_ = m.Ack()
			return
		}
		select {
		case messages <- m:
		case <-stop:
		}
	})
	if err != nil {
		end()
		return nil, fmt.Errorf("consume: %w", err)
	}
	q.close = func() {
		q.using.Stop()
		end()
		<-q.using.Closed()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = ask.DeleteStream(ctx, queueName), ask.DeleteStream(ctx, outcomesName) // the whole server goes soon after
	}
	return q, nil
}

// storeOutcomes stores an outcome for each message and then acknowledges it, until stop is closed.
func storeOutcomes(ctx context.Context, js jetstream.JetStream, messages <-chan jetstream.Msg, stop <-chan struct{}) {
	for {
		select {
		case m := <-messages:
			if _, err := js.Publish(ctx, outcomesName, m.Data()); err == nil { // or else it is delivered again
				_ = m.Ack()
			}
		case <-stop:
			return
		}
	}
}

// publish stores one message.
func (q *queue) publish(ctx context.Context) error {
	_, err := q.ask.PublishMsg(ctx, next())
	return err
}

func next() *nats.Msg {
	return &nats.Msg{Subject: queueName, Data: payload}
}

// publishMany stores as many messages as a batch of tasks has, and then waits for all confirmations.
func (q *queue) publishMany(ctx context.Context) error {
	futures := make([]jetstream.PubAckFuture, taskBatch)
	for i := range futures {
		f, err := q.ask.PublishMsgAsync(next())
		if err != nil {
			return err
		}
		futures[i] = f
	}
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
