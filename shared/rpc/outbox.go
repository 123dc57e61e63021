package rpc

import (
	"runtime"
	"sync"

	"github.com/nats-io/nats.go"
)

// outboxRoom is how many answers wait at most for whoever sends; the handler of one more sends it itself, and waits as long as the
// connection makes it wait.
const outboxRoom = DefaultLimit

// outbox sends the answers of one server. Handlers often end together, as those do whose commands went into one batch of a log: then one
// of them sends the answers of all, one right after the other, and the connection writes them at once. Each on its own would be a system
// call here, one in the server of NATS and one for whoever asked.
type outbox struct {
	publish func(*nats.Msg) error

	mu      sync.Mutex
	sending bool // a handler is about to send what waits
	waiting []*nats.Msg
	spare   []*nats.Msg
}

// send publishes a message, or leaves it to the handler that sends already, and which has not ended before it is published. What a message
// that was left to it fails with nobody is told: then the connection is gone, and with it who asked.
func (o *outbox) send(m *nats.Msg) error {
	o.mu.Lock()
	if o.sending {
		if len(o.waiting) < outboxRoom {
			o.waiting = append(o.waiting, m)
			o.mu.Unlock()
			return nil
		}
		o.mu.Unlock()
		return o.publish(m)
	}
	o.sending = true
	o.mu.Unlock()
	runtime.Gosched() // those who can run and have an answer put it beside this one
	err := o.publish(m)
	for {
		batch := o.take()
		if len(batch) == 0 {
			return err
		}
		for _, m := range batch {
			_ = o.publish(m)
		}
	}
}

// take returns what waits; when that is nothing, the handler sends no more.
func (o *outbox) take() []*nats.Msg {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.spare)
	o.spare, o.waiting = o.waiting, o.spare[:0]
	o.sending = len(o.spare) > 0
	return o.spare
}
