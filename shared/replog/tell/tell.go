// Package tell publishes what has happened in a replicated log as events, where no store has a record of its own for it that an outbox could
// tell of. Every replica hears of the same changes in the same order, and each tells them, with the same id, so that the store of events has
// them once: what a replica that dies has not told, the others have. One that starts tells again what it reads of the last minutes, which
// is for a replica that is alone. Lost is what all replicas have applied and none has told when they die together and stay away for longer.
package tell

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	room     = 8192                   // events that wait for their turn; others are lost, and counted
	window   = 64                     // events that are on their way at once
	again    = 10 * time.Minute       // what is older was told when it happened
	ackTime  = 2 * time.Second        // one publication
	tryAgain = 200 * time.Millisecond // after one that has failed
)

// Teller tells of the changes of one log. Close must be called.
type Teller struct {
	conn    *rpc.Conn
	service string
	log     zerolog.Logger
	queue   chan event
	lost    atomic.Uint64

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Change is one thing that has happened.
type Change struct {
	Noun, ID    string // in the plural: the event is mabus.<noun>.<what>
	What        string
	Principal   string
	Correlation string
}

type event struct {
	subject string
	api.Event
}

// New returns a teller of a service, on its way.
func New(conn *rpc.Conn, service string, log zerolog.Logger) *Teller {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Teller{conn: conn, service: service, log: log, queue: make(chan event, room), cancel: cancel}
	t.done.Go(func() { t.run(ctx) })
	return t
}

// Close ends it; what waits is not told any more, here.
func (t *Teller) Close() {
	t.cancel()
	t.done.Wait()
}

// Lost returns how many events found no room.
func (t *Teller) Lost() uint64 { return t.lost.Load() }

// Tell has the changes of one entry told. It is for replog.Config.Applied, and never waits.
func (t *Teller) Tell(a *engine.Applied, live bool, changes []Change) {
	if len(changes) == 0 || !live && time.Since(a.Time) > again {
		return
	}
	place := t.service + "-" + strconv.FormatInt(a.Time.UnixNano(), 36) + "-" + strconv.FormatUint(a.Seq, 10) + "-"
	for i, c := range changes {
		e := event{api.EventSubject(t.conn.Namespace, t.service, c.Noun, c.ID), api.Event{
			SpecVersion: "1.0", ID: place + strconv.Itoa(i), Source: "/" + t.conn.Namespace + "/" + t.service, Type: "mabus." + c.Noun + "." + c.What,
			Subject: c.ID, Time: a.Time.UTC(), Principal: c.Principal, CorrelationID: c.Correlation,
		}}
		select {
		case t.queue <- e:
		default:
			if n := t.lost.Add(1); n&(n-1) == 0 { // the more there are, the more seldom it is said
				t.log.Warn().Str("service", t.service).Uint64("lost", n).Msg("events are told too slowly, and some not at all by this replica")
			}
		}
	}
}

func (t *Teller) run(ctx context.Context) {
	var batch []event
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-t.queue:
			batch = append(batch, e)
		}
		for more := true; more && len(batch) < window; {
			select {
			case e := <-t.queue:
				batch = append(batch, e)
			default:
				more = false
			}
		}
		for len(batch) > 0 && ctx.Err() == nil {
			if batch = t.publish(ctx, batch); len(batch) > 0 {
				await.Pause(ctx, tryAgain)
			}
		}
	}
}

// publish sends events and returns those that are not known to be stored.
func (t *Teller) publish(ctx context.Context, batch []event) (left []event) {
	sent, what := make([]rpc.Pending, 0, len(batch)), make([]event, 0, len(batch))
	for i := range batch {
		body, err := codec.Marshal(&batch[i].Event)
		if err != nil { // of texts that are no UTF-8, which no request has
			t.log.Error().Err(err).Str("type", batch[i].Type).Msg("event cannot be written and is dropped")
			continue
		}
		p, err := t.conn.Begin(&nats.Msg{Subject: batch[i].subject, Data: body, Header: nats.Header{jetstream.MsgIDHeader: []string{batch[i].ID}}})
		if err != nil {
			left = batch[i:]
			break
		}
		sent, what = append(sent, p), append(what, batch[i])
	}
	var again []event
	for i, p := range sent {
		if !stored(ctx, p) {
			again = append(again, what[i])
		}
	}
	return append(again, left...)
}

func stored(ctx context.Context, p rpc.Pending) bool {
	msg, err := p.Wait(ctx, ackTime)
	if err != nil {
		return false
	}
	var ack struct {
		Sequence uint64 `json:"seq"`
	}
	return codec.Read(msg.Data, &ack) == nil && ack.Sequence > 0
}
