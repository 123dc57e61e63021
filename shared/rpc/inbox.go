package rpc

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
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
	waiting map[uint64]waiter
	closed  error // why nothing is heard any more; nil while something is
}

// waiter is a listener with the subject that it hears, and the one that was asked.
type waiter struct {
	listener
	reply, asked string
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

// listen returns a subject that l hears until the id is removed. Asked is the subject, if any, that the answer is expected from: when the
// server refuses what is published there, l hears of it.
func (c *Conn) listen(l listener, asked string) (id uint64, subject string, err error) {
	b := &c.state.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.open(c.NC, c.inboxPrefix); err != nil {
		return 0, "", err
	}
	last := ""
	if c.Kind() != "" { // any agent may publish there, so nobody else must be able to tell where
		last = "-" + rand.Text()
	}
	id, subject = b.add(l, asked, c.inboxLabel(), last)
	return id, subject, nil
}

// open subscribes if that has not been done. The lock is held.
func (b *inbox) open(nc *nats.Conn, prefix func() string) error {
	if b.closed != nil || b.waiting != nil {
		return b.closed
	}
	at := prefix()
	sub, err := nc.Subscribe(at+".>", b.deliver)
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, pendingBytes); err != nil {
		return err
	}
	b.prefix, b.waiting = at, map[uint64]waiter{}
	return nil
}

// add makes a place for an answer. The lock is held.
func (b *inbox) add(l listener, asked, label, last string) (id uint64, subject string) {
	b.next++
	subject = b.prefix + label + "." + strconv.FormatUint(b.next, 36) + last
	b.waiting[b.next] = waiter{l, subject, asked}
	return b.next, subject
}

func (b *inbox) remove(id uint64) {
	b.mu.Lock()
	delete(b.waiting, id)
	b.mu.Unlock()
}

func (b *inbox) deliver(msg *nats.Msg) {
	number, _, _ := strings.Cut(msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:], "-")
	id, err := strconv.ParseUint(number, 36, 64)
	if err != nil {
		return
	}
	b.mu.Lock()
	w := b.waiting[id]
	b.mu.Unlock()
	if w.listener != nil && w.reply == msg.Subject { // and not a guess
		w.hear(msg)
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
func (c *Conn) Begin(msg *nats.Msg) (Pending, error) {
	p := Pending{box: &c.state.inbox, answer: make(one, 1)}
	id, subject, err := c.listen(p.answer, msg.Subject)
	if err != nil {
		return p, err
	}
	return p.send(c.NC, msg, id, subject)
}

// BeginStore is Begin for what is sent to JetStream, to its API or to a subject that a stream records: that of a host has another connection.
func (c *Conn) BeginStore(msg *nats.Msg) (Pending, error) {
	stores := c.JS.Conn()
	if stores == c.NC {
		return c.Begin(msg)
	}
	p := Pending{box: &c.state.stores, answer: make(one, 1)}
	p.box.mu.Lock()
	err := p.box.open(stores, stores.NewInbox)
	if err != nil {
		p.box.mu.Unlock()
		return p, err
	}
	id, subject := p.box.add(p.answer, msg.Subject, "", "")
	p.box.mu.Unlock()
	return p.send(stores, msg, id, subject)
}

func (p Pending) send(nc *nats.Conn, msg *nats.Msg, id uint64, reply string) (Pending, error) {
	p.id, msg.Reply = id, reply
	if err := nc.PublishMsg(msg); err != nil {
		p.box.remove(id)
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
func (c *Conn) ask(ctx context.Context, msg *nats.Msg, timeout time.Duration) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := c.Begin(msg)
	if err != nil {
		return nil, err
	}
	return p.Wait(ctx, timeout)
}
