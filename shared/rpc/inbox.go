package rpc

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// inbox is one subscription for all answers that a connection waits for, whole ones and parts, and for what readers send to
// streams. It is made at its first use and ends with the connection. The client library has one of its own for requests;
// this one costs a third of its time per request, which is some 10 % of the throughput of small ones.
type inbox struct {
	mu      sync.Mutex
	prefix  string
	next    uint64
	waiting map[uint64]listener
}

// listener hears what comes for it. It must not block.
type listener interface{ hear(msg *nats.Msg) }

// one is a listener for one message.
type one chan *nats.Msg

func (c one) hear(msg *nats.Msg) {
	select {
	case c <- msg:
	default: // a second answer to one request
	}
}

// add returns a subject that l hears until the id is removed.
func (b *inbox) add(nc *nats.Conn, l listener) (id uint64, subject string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		prefix := nc.NewInbox() + "."
		sub, err := nc.Subscribe(prefix+"*", b.deliver)
		if err != nil {
			return 0, "", err
		}
		if err := sub.SetPendingLimits(-1, pendingBytes); err != nil {
			return 0, "", err
		}
		b.prefix, b.waiting = prefix, map[uint64]listener{}
	}
	b.next++
	b.waiting[b.next] = l
	return b.next, b.prefix + strconv.FormatUint(b.next, 36), nil
}

func (b *inbox) remove(id uint64) {
	b.mu.Lock()
	delete(b.waiting, id)
	b.mu.Unlock()
}

func (b *inbox) deliver(msg *nats.Msg) {
	id, err := strconv.ParseUint(msg.Subject[len(b.prefix):], 36, 64)
	if err != nil {
		return
	}
	b.mu.Lock()
	l := b.waiting[id]
	b.mu.Unlock()
	if l != nil {
		l.hear(msg)
	}
}

var timers = sync.Pool{New: func() any { t := time.NewTimer(time.Hour); t.Stop(); return t }}

// ask sends a request and waits for its answer.
func (b *inbox) ask(ctx context.Context, nc *nats.Conn, msg *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer := make(one, 1)
	id, subject, err := b.add(nc, answer)
	if err != nil {
		return nil, err
	}
	defer b.remove(id)
	msg.Reply = subject
	if err := nc.PublishMsg(msg); err != nil {
		return nil, err
	}
	t := timers.Get().(*time.Timer)
	defer func() { t.Stop(); timers.Put(t) }()
	t.Reset(timeout)
	select {
	case m := <-answer:
		if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
			return nil, nats.ErrNoResponders
		}
		return m, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.C:
		return nil, nats.ErrTimeout
	}
}
