package replog

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Answer is what a machine has answered to a command.
type Answer struct {
	// Body is a JSON value; it must not be changed.
	Body []byte
	// Revision is a token for Read: what it shows has the command in it.
	Revision string
	// Seq is the entry in which the command was carried out; of a repeated one, that of the repetition.
	Seq uint64
	// Repeated says that this is the answer to the first command with the same id.
	Repeated bool
}

// call is a command that somebody waits for.
type call struct {
	command engine.Command
	arrived uint64 // see rpc.Arrival
	parent  string // the traceparent of whoever asks, if that trace is kept
	state   atomic.Int32
	done    chan result // has room for the one result
}

type result struct {
	answer Answer
	err    error
}

// States of a call.
const (
	callWaits   int32 = iota
	callTaken         // it is in a batch
	callGivenUp       // whoever asked is gone
)

// calls that are done with, to be used again.
var calls = sync.Pool{New: func() any { return &call{done: make(chan result, 1)} }}

func newCall(c engine.Command, arrived uint64) *call {
	n := calls.Get().(*call)
	n.command, n.arrived = c, arrived
	n.state.Store(callWaits)
	return n
}

// free gives back a call that was answered and that nobody else holds.
func (c *call) free() {
	c.command, c.parent = engine.Command{}, ""
	calls.Put(c)
}

// answer answers a call, which whoever holds it does once.
func (c *call) answer(a Answer, err error) { c.done <- result{a, err} }

// queue holds the commands that wait for a batch. Those of the log itself come first, and are bounded by who makes them.
type queue struct {
	room int
	wake chan struct{} // has a token when there may be something to do

	mu     sync.Mutex
	own    []*call
	calls  []*call
	tick   bool
	last   *call // after all others
	closed bool  // nothing is taken in any more
}

func newQueue(room int) *queue { return &queue{room: room, wake: make(chan struct{}, 1)} }

// put adds a caller's command.
func (q *queue) put(c *call) error {
	q.mu.Lock()
	switch {
	case q.closed:
		q.mu.Unlock()
		return errClosed()
	case len(q.calls) >= q.room:
		q.mu.Unlock()
		return api.Errorf(api.Overloaded, "%d commands wait already: try again later", q.room).WithReason(api.ReasonServerFull)
	}
	q.calls = append(q.calls, c)
	first := len(q.calls) == 1
	q.mu.Unlock()
	if first {
		q.poke()
	}
	return nil
}

// putOwn adds a command of the log itself.
func (q *queue) putOwn(c *call) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return errClosed()
	}
	q.own = append(q.own, c)
	q.mu.Unlock()
	q.poke()
	return nil
}

// ask asks for a batch even if nothing waits.
func (q *queue) ask() {
	q.mu.Lock()
	q.tick = true
	q.mu.Unlock()
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.calls) + len(q.own)
}

// take appends to batch what waits and has room, in order. ok is false when there is nothing to send.
func (q *queue) take(batch []*call, size int) (_ []*call, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.own, size = fill(batch, q.own, size)
	if len(q.own) == 0 {
		// Handlers overtake one another on their way to here; of those that wait, the first to come is the first served.
		slices.SortStableFunc(q.calls, func(a, b *call) int { return cmp.Compare(a.arrived, b.arrived) })
		batch, q.calls, _ = fill(batch, q.calls, size)
	}
	if len(batch) == 0 && q.last != nil {
		batch, q.last = append(batch, q.last), nil
	}
	ok = len(batch) > 0 || q.tick && !q.closed
	q.tick = false
	return batch, ok
}

// fill moves calls into the batch while there is room, and leaves out those that nobody waits for any more.
func fill(batch, calls []*call, size int) (_, left []*call, _ int) {
	for i, c := range calls {
		need := c.command.Size()
		if len(batch) == 0 && need > size { // there was more room when it came
			if c.state.CompareAndSwap(callWaits, callTaken) {
				c.answer(Answer{}, errTooLarge(size))
			}
			continue
		}
		if len(batch) >= engine.MaxCommands || need > size {
			left = append(calls[:0], calls[i:]...)
			clear(calls[len(left):])
			return batch, left, size
		}
		if c.state.CompareAndSwap(callWaits, callTaken) {
			batch = append(batch, c)
			size -= need
		}
	}
	clear(calls)
	return batch, calls[:0], size
}

// end refuses what is to come, and puts a command after all that waits.
func (q *queue) end(c *call) {
	q.mu.Lock()
	q.closed = true
	c.state.Store(callTaken)
	q.last = c
	q.mu.Unlock()
	q.poke()
}

// close refuses what is to come, and returns what waits.
func (q *queue) close() []*call {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	left := append(q.own, q.calls...)
	q.own, q.calls = nil, nil
	return left
}

func errClosed() error {
	return api.Errorf(api.Unavailable, "this replica is stopping: ask again").WithReason(api.ReasonDraining)
}
