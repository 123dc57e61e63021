package agenthost

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Bounds of what sessions ask the agents of one host.
const (
	maxAsks        = 256 << 10 // questions that are known
	maxAnswerBytes = 64 << 20  // of answers that are kept for a repetition, or wait to be sent
	maxSenders     = 256       // answers on their way at once

	// settledFor is how long a question is known after its answer has arrived. A replica that asks again, because another has died
	// in the middle of asking, does so within engine.Claim of the log and the time to take it over.
	settledFor = 8 * time.Second
)

// askKey names a question: whoever asks it again means the same.
type askKey struct {
	agent, session string
	round          int
}

// ask is the question of a session to an agent of this host. It is kept until its deadline, or for a while after its answer has
// arrived, so that it is answered once.
type ask struct {
	askKey
	parent string // the traceparent of the agent's work, for its answer; set before there is one

	// These are guarded by the books' lock.
	until  time.Time // the deadline; a guess until the body has been read
	acked  bool      // whoever asked knows that it is here: from then on only an answer helps
	answer *api.SessionAnswerRequest
	sends  bool // the answer is on its way, or in the queue
	expiry *time.Timer
}

// asks is the host's books of questions, and the queue of answers.
type asks struct {
	send func(*ask, *api.SessionAnswerRequest) // runs on a goroutine of the pool

	mu      sync.Mutex
	known   map[askKey]*ask
	bytes   int
	queue   []*ask
	senders int
	closed  bool
	quiet   chan struct{} // closed when no sender is left; nil unless somebody waits for it
}

func newAsks(send func(*ask, *api.SessionAnswerRequest)) *asks {
	return &asks{send: send, known: map[askKey]*ask{}}
}

// enter notes a question. It returns the earlier one if it has been asked before, and an overloaded error if there is no room.
func (b *asks) enter(q *ask) (earlier *ask, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if earlier = b.known[q.askKey]; earlier != nil {
		if time.Now().Before(earlier.until) {
			return earlier, nil
		}
		b.remove(earlier) // its timer is late
	}
	if len(b.known) >= maxAsks {
		return nil, api.Errorf(api.Overloaded, "the agents of this host are asked %d questions of sessions already: try again later", maxAsks).WithReason(api.ReasonServerFull)
	}
	b.known[q.askKey] = q
	b.expire(q)
	return nil, nil
}

// expire forgets the question at its deadline. The caller holds the lock.
func (b *asks) expire(q *ask) {
	if q.expiry != nil {
		q.expiry.Stop()
	}
	q.expiry = time.AfterFunc(time.Until(q.until), func() { b.forget(q) })
}

// forget lets a question be asked anew.
func (b *asks) forget(q *ask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[q.askKey] == q {
		b.remove(q)
	}
}

// remove takes a question out of the books. The caller holds the lock.
func (b *asks) remove(q *ask) {
	delete(b.known, q.askKey)
	q.expiry.Stop()
	if !q.sends {
		b.drop(q)
	}
}

// drop forgets an answer. The caller holds the lock.
func (b *asks) drop(q *ask) {
	if q.answer != nil {
		b.bytes -= len(q.answer.Answer) + len(q.answer.Error)
		q.answer = nil
	}
}

// due sets the deadline, once it is known.
func (b *asks) due(q *ask, deadline time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.until = deadline; b.known[q.askKey] == q {
		b.expire(q)
	}
}

func (b *asks) deadline(q *ask) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return q.until
}

// ack notes that the question was acknowledged, and tells whether it had been before.
func (b *asks) ack(q *ask) (before bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before, q.acked = q.acked, true
	return before
}

func (b *asks) acked(q *ask) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return q.acked
}

// answered queues the answer for sending, unless the question's time is over. It is refused as overloaded when too many wait.
func (b *asks) answered(q *ask, answer *api.SessionAnswerRequest) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[q.askKey] != q {
		return nil
	}
	size := len(answer.Answer) + len(answer.Error)
	if b.bytes+size > maxAnswerBytes {
		for _, other := range b.known { // an answer that has arrived is kept only in case that somebody asks again
			if !other.sends {
				b.drop(other)
			}
		}
	}
	if b.bytes+size > maxAnswerBytes {
		return api.Errorf(api.Overloaded, "answers of %d bytes wait to be sent already", b.bytes).WithReason(api.ReasonServerFull)
	}
	b.drop(q)
	q.answer, b.bytes = answer, b.bytes+size
	b.push(q)
	return nil
}

// again sends the answer once more, if it is known and not on its way.
func (b *asks) again(q *ask) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if q.answer != nil && !q.sends {
		b.push(q)
	}
}

// push queues an answer. A sender lives while there is something to send. The caller holds the lock.
func (b *asks) push(q *ask) {
	if b.closed {
		return
	}
	q.sends = true
	b.queue = append(b.queue, q)
	if b.senders < maxSenders {
		b.senders++
		go b.work() // ends when the queue is empty; wait waits for it
	}
}

func (b *asks) work() {
	for {
		b.mu.Lock()
		if len(b.queue) == 0 {
			if b.senders--; b.senders == 0 && b.quiet != nil {
				close(b.quiet)
				b.quiet = nil
			}
			b.mu.Unlock()
			return
		}
		q := b.queue[0]
		b.queue[0] = nil
		b.queue = b.queue[1:]
		answer := q.answer
		b.mu.Unlock()
		b.send(q, answer)
		b.mu.Lock()
		if q.sends = false; b.known[q.askKey] != q {
			b.drop(q)
		} else if settled := time.Now().Add(settledFor); settled.Before(q.until) {
			q.until = settled
			b.expire(q)
		}
		b.mu.Unlock()
	}
}

// wait waits until all answers are sent, or ctx ends. Two may not wait at once.
func (b *asks) wait(ctx context.Context) error {
	b.mu.Lock()
	if b.senders == 0 {
		b.mu.Unlock()
		return nil
	}
	quiet := make(chan struct{})
	b.quiet = quiet
	b.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close queues no further answers and forgets all questions.
func (b *asks) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, q := range b.known {
		q.expiry.Stop()
	}
	clear(b.known)
}
