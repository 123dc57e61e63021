package replog

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

const (
	resend     = 2 * time.Second // after which a batch that was not seen is published again
	soon       = 50 * time.Millisecond
	batchFrame = 1 << 10 // bytes of an entry that are not commands
)

// writer appends batches, one at a time: the next is made when the one before was seen in the log. What waits meanwhile goes
// together.
type writer struct {
	inbox string // of acknowledgements, with the dot
	acks  *nats.Subscription
	log   string     // the id that the log gets if nobody has begun it
	count uint64     // flights
	calls [2][]*call // taken in turn, since the calls of one batch are answered while those of the next are sent
	turn  int
	data  []byte
	batch []engine.Command

	mu     sync.Mutex
	name   string
	number uint64        // of the last batch that was carried out
	flight *flight       // what was published and not seen yet
	sent   time.Duration // when a batch was made last
	said   string        // the id under which presence was said last
}

// flight is a batch on its way.
type flight struct {
	data    []byte
	serial  uint64 // names its acknowledgements
	number  uint64
	calls   []*call
	sent    time.Duration
	settled chan verdict
	acked   chan error // an error that the stream has answered with
}

// verdict is what became of a batch.
type verdict int

const (
	carriedOut verdict = iota
	passedOver         // and no copy of it will ever be carried out: its commands may go into another
	lost               // nobody knows, or can tell any more
)

func (w *writer) init(name string) {
	if name == "" {
		name = newName()
	}
	w.name, w.log = name, newName()
}

// rename takes a new id, under which numbers begin with 1.
func (w *writer) rename() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.name, w.number = newName(), 0
}

// unsay says that presence may not have been heard.
func (w *writer) unsay() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = ""
}

// interrupt gives up what is on its way, after the log was changed under its readers.
func (w *writer) interrupt() {
	w.mu.Lock()
	f := w.flight
	w.mu.Unlock()
	w.rename()
	if f != nil {
		w.settle(f, lost)
	}
}

func (w *writer) id() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.name
}

// listen takes acknowledgements.
func (l *Log[S]) listen() error {
	inbox := l.store.nc.NewInbox() + "."
	sub, err := l.store.nc.Subscribe(inbox+"*", l.acknowledged)
	if err != nil {
		return fmt.Errorf("listen for acknowledgements: %w", err)
	}
	l.writer.inbox, l.writer.acks = inbox, sub
	return nil
}

func (w *writer) unlisten() { _ = w.acks.Unsubscribe() } // fails when the connection is closed

// ack is the stream's answer to a message.
type ack struct {
	Error    *jetstream.APIError `json:"error"`
	Sequence uint64              `json:"seq"`
}

// acknowledged takes the answer to a batch. That it was stored tells only what there is to see: the batch counts when it was read.
func (l *Log[S]) acknowledged(m *nats.Msg) {
	serial, _ := strconv.ParseUint(strings.TrimPrefix(m.Subject, l.writer.inbox), 10, 64)
	var a ack
	err := codec.Read(m.Data, &a)
	switch {
	case m.Header.Get("Status") == "503":
		err = jetstream.ErrNoStreamResponse
	case err == nil && a.Error != nil:
		err = a.Error
	}
	if err == nil {
		l.heardOf(a.Sequence)
		if !l.cfg.hooks.at(pointAcked) {
			return
		}
	}
	w, seen := &l.writer, l.seen.Load() // in this order: what was seen is not under way any more
	w.mu.Lock()
	f := w.flight
	w.mu.Unlock()
	if f == nil || f.serial != serial {
		return
	}
	if err != nil {
		select {
		case f.acked <- err:
		default:
		}
		return
	}
	if a.Sequence <= seen {
		l.endSession(errWentBack) // it has a place that another entry had
	}
}

// room is how many bytes of commands go into a batch.
func (l *Log[S]) room() int {
	most := engine.MaxEntry
	if limit := int(l.store.nc.MaxPayload()); limit > 0 {
		most = min(most, limit)
	}
	return most - batchFrame
}

// write is the writer's loop.
func (l *Log[S]) write() {
	w := &l.writer
	for l.ctx.Err() == nil {
		var ok bool
		calls := w.calls[w.turn][:0]
		if l.health.healthy() {
			runtime.Gosched() // handlers that can run put their commands in first: more go together, and fewer overtake one another
			calls, ok = l.queue.take(calls, l.room())
		}
		if !ok {
			select {
			case <-l.queue.wake:
			case <-l.ctx.Done():
			}
			continue
		}
		w.calls[w.turn] = calls
		if l.carry(calls) { // else the reader may still answer those of the batch before
			w.turn = 1 - w.turn
		}
	}
}

// carry appends commands until it is known what became of them, and tells whether the reader answers them.
func (l *Log[S]) carry(calls []*call) bool {
	v, err := passedOver, error(nil)
	span := l.span(calls)
	defer func() { span.End(err) }()
	for v == passedOver && err == nil {
		if l.health.isTroubled() {
			err = l.notReady() // and nothing was done
			break
		}
		v, err = l.fly(l.launch(calls))
	}
	if v == lost && err == nil {
		err = errMaybe("the log was interrupted")
	}
	if err != nil {
		for _, c := range calls {
			if c.command.Kind == engine.KindPresent {
				l.writer.unsay()
			}
			c.answer(Answer{}, err)
		}
	}
	return v == carriedOut
}

// launch makes a batch of commands.
func (l *Log[S]) launch(calls []*call) *flight {
	w := &l.writer
	w.batch = w.batch[:0]
	for _, c := range calls {
		w.batch = append(w.batch, c.command)
	}
	b := engine.Batch{Machine: l.cfg.Machine.Name, Log: w.log, Commands: w.batch}
	l.mu.RLock()
	if id := l.engine.Log(); id != "" {
		b.Log = id
	}
	b.Version, b.Applied, b.Claim, b.AppliedTime = l.engine.Version(), l.engine.Seq(), l.engine.Hash(), l.engine.Time()
	l.mu.RUnlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	b.Writer, b.Number = w.name, w.number+1
	l.cfg.hooks.batch(&b)
	w.data = b.Append(w.data[:0])
	w.count++
	f := &flight{
		data: w.data, serial: w.count, number: b.Number, calls: calls, sent: l.cfg.hooks.now(), settled: make(chan verdict, 1), acked: make(chan error, 1),
	}
	w.flight, w.sent = f, f.sent
	l.metrics.batches.Observe(float64(len(calls)))
	return f
}

// fly publishes a batch until it was seen in the log. An error means that it was not stored and that nothing else of it is under
// way.
func (l *Log[S]) fly(f *flight) (verdict, error) {
	published := 0
	again := time.NewTimer(resend)
	defer again.Stop()
	for {
		wait := resend
		switch {
		case published == 0 && l.health.isTroubled(): // it says what is to be doubted now
			l.writer.settle(f, passedOver)
			return <-f.settled, nil
		case l.health.isTroubled(): // the reader may not see it for long, and it may be in what that reads meanwhile
			wait = soon
		case l.store.nc.IsConnected(): // what the client kept for later might come to a server that takes less, or has another log
			if err := l.store.nc.PublishRequest(l.store.subject, l.writer.inbox+strconv.FormatUint(f.serial, 10), f.data); err == nil {
				published++
			} else if errors.Is(err, nats.ErrMaxPayload) { // the server takes less than when it was made
				return l.tooLarge(f, published)
			} else {
				wait = soon
			}
		default:
			wait = soon
		}
		l.cfg.hooks.at(pointPublished)
		again.Reset(wait)
		select {
		case v := <-f.settled:
			return v, nil
		case err := <-f.acked:
			if refused := l.refused(err); refused != nil && published == 1 {
				if l.writer.settle(f, lost) {
					return lost, refused
				}
				return <-f.settled, nil // it was seen all the same
			}
			if published == 1 {
				l.log.Warn().Err(err).Msg("a batch was not stored: it is published again until it is")
			}
			pause(l.ctx, soon)
		case <-again.C:
		case <-l.ctx.Done():
			l.writer.settle(f, lost)
			return <-f.settled, nil
		}
	}
}

// tooLarge gives up a batch that the server takes no more.
func (l *Log[S]) tooLarge(f *flight, published int) (verdict, error) {
	if published > 0 {
		l.writer.interrupt() // it may be in the log, or on its way there
		return <-f.settled, nil
	}
	l.writer.settle(f, lost)
	return <-f.settled, api.Errorf(api.Unavailable, "the server takes less at once than it did: ask again").WithReason(api.ReasonNotReady)
}

// refused returns the error for a batch that the stream refuses for good, or nil.
func (l *Log[S]) refused(err error) error {
	var e *jetstream.APIError
	if !errors.As(err, &e) {
		return nil
	}
	switch e.ErrorCode {
	case codeStoreFull, codeAccountFull, codeMemoryFull:
		l.health.setFull(true)
		return l.errFull()
	}
	return nil
}

func (l *Log[S]) errFull() error {
	return api.Errorf(api.Overloaded, "log %s is full: wait for a snapshot, or raise its limit", l.cfg.Realm).WithReason(api.ReasonServerFull)
}

// match returns the flight whose bytes these are.
func (w *writer) match(data []byte) *flight {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flight != nil && bytes.Equal(w.flight.data, data) {
		return w.flight
	}
	return nil
}

// settle says what became of a batch, unless that was said before.
func (w *writer) settle(f *flight, v verdict) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.flight != f {
		return false
	}
	w.flight = nil
	if v == carriedOut {
		w.number = f.number
	}
	f.settled <- v
	return true
}
