// Package refusal tells of refusals, and of what operators have done: who was refused what, as events mabus.security.refused in the stream of
// events, and who did what, as events mabus.security.operated. Somebody who tries
// doors by the thousand must not fill the stream, so equal refusals of a second are one event with a count, and a second has MaxEvents of
// them at most: what is beyond is counted and told as left out.
package refusal

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Bounds of what one teller publishes in one second. What is beyond them is counted as left out.
const (
	MaxEvents   = 16   // events of refusals; equal ones are one event with a count
	MaxOperated = 1024 // events of what operators have done, each of which is told by itself
)

const (
	gather   = time.Second     // for which equal refusals gather
	patience = 2 * time.Second // for the events of one second to be stored
)

// Publisher stores one event, and returns when it is stored.
type Publisher func(ctx context.Context, msg *nats.Msg) error

// Teller publishes the refusals of one service. It has a goroutine only while there is something to tell. It is safe for concurrent use.
type Teller struct {
	namespace, service string
	event              string // the type of the events
	most               int    // of them in a second
	publish            Publisher
	log                zerolog.Logger

	mu      sync.Mutex
	waiting []api.Refusal
	leftOut int
	busy    bool
	closed  bool
	stop    chan struct{}
	done    sync.WaitGroup
}

// told is an event that is on its way, and stays the same however often it is sent.
type told struct {
	api.Refusal
	msg *nats.Msg
}

// New returns a teller of what a service refuses. Close must be called.
func New(namespace, service string, p Publisher, log zerolog.Logger) *Teller {
	return newTeller(namespace, service, api.EventRefused, MaxEvents, p, log)
}

// NewOperated returns a teller of what operators have done by a service: one of its own, so that no refusals leave out what was done. Each has an
// event.
func NewOperated(namespace, service string, p Publisher, log zerolog.Logger) *Teller {
	return newTeller(namespace, service, api.EventOperated, MaxOperated, p, log)
}

func newTeller(namespace, service, event string, most int, p Publisher, log zerolog.Logger) *Teller {
	return &Teller{namespace: namespace, service: service, event: event, most: most, publish: p, log: log, stop: make(chan struct{})}
}

// Add counts a refusal, whose Count is ignored. It never waits.
func (t *Teller) Add(r api.Refusal) {
	r.Count, r.LeftOut = 1, 0
	r.Principal, r.What = strings.ToValidUTF8(r.Principal, "\uFFFD"), strings.ToValidUTF8(r.What, "\uFFFD") // a subject is any bytes
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	equal := -1
	if t.event == api.EventRefused {
		equal = slices.IndexFunc(t.waiting, func(w api.Refusal) bool { w.Count, w.LeftOut = r.Count, 0; return w == r })
	}
	switch {
	case equal >= 0:
		t.waiting[equal].Count++
	case len(t.waiting) >= t.most:
		if own := slices.IndexFunc(t.waiting, func(w api.Refusal) bool { return w.Principal == r.Principal }); own >= 0 {
			t.waiting[own].LeftOut++ // one sees what this principal tried, whoever else was refused in that second
		} else {
			t.leftOut++
		}
	default:
		t.waiting = append(t.waiting, r)
	}
	if !t.busy {
		t.busy = true
		t.done.Go(t.run)
	}
}

// Lose counts refusals of which nothing is known but that there were some. The next event tells of them as left out.
func (t *Teller) Lose(n int) {
	t.mu.Lock()
	t.leftOut += n
	t.mu.Unlock()
}

// Close tells what is left, and ends.
func (t *Teller) Close() {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.stop)
	}
	t.mu.Unlock()
	t.done.Wait()
}

// run tells until there is nothing more to tell. What the store did not take is sent again, before what has come since.
func (t *Teller) run() {
	tick := time.NewTimer(gather)
	defer tick.Stop()
	var left []told
	for {
		select {
		case <-tick.C:
		case <-t.stop:
			t.lose(t.send(append(left, t.take()...)))
			return
		}
		if left = t.send(left); len(left) == 0 {
			if left = t.take(); len(left) == 0 {
				return
			}
			left = t.send(left)
		}
		tick.Reset(gather)
	}
}

// take makes events of what waits. If there is nothing, the goroutine is no longer one.
func (t *Teller) take() []told {
	t.mu.Lock()
	waiting, leftOut := t.waiting, t.leftOut
	if len(waiting) == 0 {
		t.busy = false
		t.mu.Unlock()
		return nil
	}
	t.waiting, t.leftOut = nil, 0
	t.mu.Unlock()
	return t.messages(waiting, leftOut)
}

// messages makes an event of each refusal, of which there is one at least. The last one carries how many were left out.
func (t *Teller) messages(waiting []api.Refusal, leftOut int) (all []told) {
	waiting[len(waiting)-1].LeftOut += leftOut
	for _, r := range waiting {
		msg, err := t.message(r)
		if err != nil {
			t.log.Error().Err(err).Str("event", t.event).Msg("event cannot be written")
			continue
		}
		all = append(all, told{r, msg})
	}
	return all
}

// send returns what is not known to be stored. When the store does not take one, the rest waits as well.
func (t *Teller) send(all []told) []told {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i, e := range all {
		if err := t.publish(ctx, e.msg); err != nil {
			t.log.Debug().Err(err).Str("event", t.event).Msg("the event was not stored yet")
			return all[i:]
		}
	}
	return nil
}

// lose says what is given up, at the end.
func (t *Teller) lose(all []told) {
	for _, e := range all {
		t.log.Warn().Str("principal", e.Principal).Str("what", e.What).Int("count", e.Count+e.LeftOut).Str("event", t.event).Msg("the event was not stored")
	}
}

func (t *Teller) message(r api.Refusal) (*nats.Msg, error) {
	data, err := codec.Marshal(r)
	if err != nil {
		return nil, err
	}
	subject := r.Principal
	if !api.ValidID(subject) {
		subject = "-"
	}
	about := subject
	if r.Entity != "" {
		about = r.Entity
	}
	e := api.Event{
		SpecVersion: "1.0", ID: "security-" + nuid.Next(), Source: "/" + t.namespace + "/" + t.service, Type: t.event, Subject: about,
		Time: time.Now().UTC(), DataContentType: "application/json", Data: data, Principal: r.Principal,
	}
	body, err := codec.Marshal(e)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(api.EventSubject(t.namespace, t.service, "security", subject))
	msg.Data = body
	msg.Header.Set(nats.MsgIdHdr, e.ID)
	return msg, nil
}
