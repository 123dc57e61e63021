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

// Pending is a request that was sent and whose answer has not been taken yet.
type Pending struct {
	box    *inbox
	id     uint64
	answer one
}

// Begin sends a message as it is and returns at once; Wait must be called. It is for what speaks to NATS itself: Request
// is for methods and agents.
func (c *Conn) Begin(msg *nats.Msg) (Pending, error) { return c.state.inbox.begin(c.NC, msg) }

func (b *inbox) begin(nc *nats.Conn, msg *nats.Msg) (Pending, error) {
	p := Pending{box: b, answer: make(one, 1)}
	id, subject, err := b.add(nc, p.answer)
	if err != nil {
		return p, err
	}
	p.id, msg.Reply = id, subject
	if err := nc.PublishMsg(msg); err != nil {
		b.remove(id)
		return p, err
	}
	return p, nil
}

// Wait returns the answer. Its errors are those of the client library: nats.ErrNoResponders, nats.ErrTimeout, and ctx's own.
func (p Pending) Wait(ctx context.Context, timeout time.Duration) (*nats.Msg, error) {
	defer p.box.remove(p.id)
	t := timers.Get().(*time.Timer)
	defer func() { t.Stop(); timers.Put(t) }()
	t.Reset(timeout)
	select {
	case m := <-p.answer:
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

// ask sends a request and waits for its answer.
func (b *inbox) ask(ctx context.Context, nc *nats.Conn, msg *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := b.begin(nc, msg)
	if err != nil {
		return nil, err
	}
	return p.Wait(ctx, timeout)
}
