package client

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/codec"
)

// What a message of a fast batch is, see NATS ADR-50.
const (
	opStart  = ".0.$FI"
	opAppend = ".1.$FI"
	opEnd    = ".3.$FI" // which is not stored itself
)

const (
	mostFlow = 500                   // the most messages that a server lets one acknowledgement stand for
	mostIdle = 3 * time.Second       // after which a batch takes no more: the server forgets it after 10 s
	quiet    = 20 * time.Millisecond // after which a batch of which nothing is heard is ended, which has the rest of it acknowledged
)

// flows publishes messages in fast batches (NATS ADR-50): the server stores each as it comes, and acknowledges many at once.
type flows struct {
	nc      *nats.Conn
	every   int    // messages that one acknowledgement may stand for
	subject string // which all messages have
	inbox   string
	sub     *nats.Subscription
	now     *flow // the one that takes further messages; nil if there is none

	mu   sync.Mutex
	open map[string]*flow // of which something is to be heard yet
}

// flow is one fast batch. Its messages are numbered from 1.
type flow struct {
	id    string
	reply string // prefix of the subjects that its acknowledgements go to
	last  uint64
	used  time.Time
	acked atomic.Uint64 // all up to it are stored
	ended atomic.Bool   // nothing more is heard of it
	news  chan struct{}
}

// publish sends a message behind all others. The caller holds the lock of the appender.
func (f *flows) publish(msg *nats.Msg) (*flow, uint64, error) {
	op, now := opAppend, time.Now()
	if f.now != nil && now.Sub(f.now.used) > mostIdle {
		f.end()
	}
	if f.now == nil || f.now.ended.Load() {
		op = opStart
		if err := f.begin(); err != nil {
			return nil, 0, err
		}
	}
	x := f.now
	msg.Reply = x.reply + strconv.FormatUint(x.last+1, 10) + op
	if err := f.nc.PublishMsg(msg); err != nil {
		return nil, 0, err
	}
	x.last, x.used = x.last+1, now
	return x, x.last, nil
}

func (f *flows) begin() (err error) {
	if f.sub == nil {
		inbox := f.nc.NewInbox()
		if f.sub, err = f.nc.Subscribe(inbox+".>", f.hear); err != nil {
			return err
		}
		f.inbox, f.open = inbox+".", map[string]*flow{}
	}
	x := &flow{id: nuid.Next(), news: make(chan struct{}, 1)}
	x.reply = f.inbox + x.id + "." + strconv.Itoa(f.every) + ".fail."
	f.mu.Lock()
	f.open[x.id] = x
	f.mu.Unlock()
	f.now = x
	return nil
}

// end has all of the batch acknowledged that takes further messages, if any does. The caller holds the lock of the appender.
func (f *flows) end() {
	if x := f.now; x != nil {
		f.now = nil
		// A failure is heard as silence.
		_ = f.nc.PublishMsg(&nats.Msg{Subject: f.subject, Reply: x.reply + strconv.FormatUint(x.last+1, 10) + opEnd})
	}
}

func (f *flows) close() {
	if f.sub != nil {
		_ = f.sub.Unsubscribe() // fails when the connection is closed, and then there is nothing to end
	}
}

// hear takes in what the stream says of a batch: that all up to one message is stored, of the whole batch in the end, or that something is
// amiss, which ends it too.
func (f *flows) hear(msg *nats.Msg) {
	id, _, _ := strings.Cut(strings.TrimPrefix(msg.Subject, f.inbox), ".")
	f.mu.Lock()
	x := f.open[id]
	f.mu.Unlock()
	if x == nil {
		return
	}
	var said struct {
		Type     string              `json:"type"`
		Sequence uint64              `json:"seq"`
		Count    uint64              `json:"count"`
		Error    *jetstream.APIError `json:"error"`
	}
	switch err := codec.Read(msg.Data, &said); {
	case err == nil && said.Type == "ack":
		x.reach(said.Sequence)
	case err == nil && said.Type == "" && said.Error == nil && said.Count > 0: // of the whole
		x.reach(said.Count)
		f.drop(x)
	default: // a gap, an error, or that nobody listens
		f.drop(x)
	}
	select {
	case x.news <- struct{}{}:
	default:
	}
}

func (x *flow) reach(n uint64) {
	if n > x.acked.Load() {
		x.acked.Store(n)
	}
}

// drop hears no more of a batch.
func (f *flows) drop(x *flow) {
	x.ended.Store(true)
	f.mu.Lock()
	delete(f.open, x.id)
	f.mu.Unlock()
}

// stored waits until a message of a batch is stored, and tells whether it is. When nothing is heard for a moment, idle is called once.
func (f *flows) stored(ctx context.Context, x *flow, n uint64, idle func()) bool {
	if x.acked.Load() >= n {
		return true
	}
	wait := quiet
	t := time.NewTimer(wait)
	defer t.Stop()
	for x.acked.Load() < n {
		if x.ended.Load() {
			return x.acked.Load() >= n
		}
		select {
		case <-x.news:
			wait = quiet
			t.Reset(wait)
		case <-t.C:
			if wait == ackWait {
				f.drop(x)
				return false
			}
			idle()
			wait = ackWait
			t.Reset(wait)
		case <-ctx.Done():
			f.drop(x)
			return false
		}
	}
	return true
}
