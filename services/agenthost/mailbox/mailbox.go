// Package mailbox holds the messages that wait for one agent and decides which may start. It is pure rules over a lock: no
// I/O, no clock, and no goroutine of its own.
//
// Messages start in the order in which they came, at most Concurrency at once. A cast holds back everything behind it until
// it is done, so that casts of one sender take effect in order, and a call that follows a cast sees what the cast did.
package mailbox

import "sync"

// Outcome says whether a message was taken.
type Outcome int

// The outcomes of Put.
const (
	Taken  Outcome = iota
	Full           // as many messages wait as the limit allows
	Closed         // the agent has ended
)

// Box is the mailbox of one agent. T is a message.
type Box[T any] struct {
	start  func(T) bool // hands a message to a worker; false when there is none to be had
	refuse func(T)      // gets a message that start did not take

	mu          sync.Mutex
	queue       []entry[T]
	head        int
	limit       int
	concurrency int
	active      int
	gate        bool // a cast is under way
	paused      bool
	closed      bool
	drained     chan struct{}
	quiet       chan struct{} // closed when nothing is under way; nil unless somebody waits for it
}

type entry[T any] struct {
	item T
	cast bool
}

// New returns an open box. Start is called, outside the box's lock, for each message whose turn has come; it must soon lead
// to one call of Done for it. When start returns false, refuse gets the message instead.
func New[T any](limit, concurrency int, start func(T) bool, refuse func(T)) *Box[T] {
	return &Box[T]{start: start, refuse: refuse, limit: max(limit, 1), concurrency: max(concurrency, 1), drained: make(chan struct{})}
}

// Put adds a message, and starts it if its turn has come already.
func (b *Box[T]) Put(item T, cast bool) Outcome {
	b.mu.Lock()
	switch {
	case b.closed:
		b.mu.Unlock()
		return Closed
	case b.waiting() >= b.limit:
		b.mu.Unlock()
		return Full
	}
	b.queue = append(b.queue, entry[T]{item, cast})
	b.advance()
	return Taken
}

// Done tells that a message, or a reserved slot, is finished; cast is what Put was told of it. It starts what may start now.
func (b *Box[T]) Done(cast bool) {
	b.mu.Lock()
	b.finish(cast)
	b.advance()
}

// Reserve takes a slot for work that comes from elsewhere, if one is free and no message waits for it. Give it back by Done.
func (b *Box[T]) Reserve() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.paused || b.gate || b.waiting() > 0 || b.active >= b.concurrency {
		return false
	}
	b.active++
	return true
}

// Pause starts nothing further until Resume, as while the agent is being restarted.
func (b *Box[T]) Pause() {
	b.mu.Lock()
	b.paused = true
	b.mu.Unlock()
}

// Halt is Pause, and returns a channel that is closed once nothing is under way.
func (b *Box[T]) Halt() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = true
	if b.quiet == nil {
		b.quiet = make(chan struct{})
		if b.active == 0 {
			close(b.quiet)
		}
	}
	return b.quiet
}

// Resume undoes Pause and Halt.
func (b *Box[T]) Resume() {
	b.mu.Lock()
	b.paused, b.quiet = false, nil
	b.advance()
}

// Close takes no further messages and returns those that have not started.
func (b *Box[T]) Close() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed && b.active == 0 {
		close(b.drained)
	}
	b.closed = true
	var left []T
	for _, e := range b.queue[b.head:] {
		left = append(left, e.item)
	}
	b.queue, b.head = nil, 0
	return left
}

// Drained is closed once the box is closed and nothing that it started is under way.
func (b *Box[T]) Drained() <-chan struct{} { return b.drained }

// Load returns how many messages wait and how many are being handled.
func (b *Box[T]) Load() (waiting, active int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting(), b.active
}

func (b *Box[T]) waiting() int { return len(b.queue) - b.head }

// advance starts all that may start. The caller holds the lock, which is given up. It is a loop and no recursion, so that a
// long queue of messages that nobody takes needs no deep stack.
func (b *Box[T]) advance() {
	for {
		e, ok := b.next()
		b.mu.Unlock()
		if !ok {
			return
		}
		started := b.start(e.item)
		if !started {
			b.refuse(e.item)
		}
		b.mu.Lock()
		if !started {
			b.finish(e.cast)
		}
	}
}

// finish counts a message, or a slot, as done. The caller holds the lock.
func (b *Box[T]) finish(cast bool) {
	b.active--
	if cast {
		b.gate = false
	}
	if b.closed && b.active == 0 {
		close(b.drained)
	}
	if b.quiet != nil && b.active == 0 && b.paused {
		select {
		case <-b.quiet:
		default:
			close(b.quiet)
		}
	}
}

// next takes the first message out if it may start. The caller holds the lock.
func (b *Box[T]) next() (e entry[T], ok bool) {
	if b.waiting() == 0 || b.paused || b.gate || b.active >= b.concurrency {
		return e, false
	}
	e = b.queue[b.head]
	b.queue[b.head] = entry[T]{} // lets the message go
	b.head++
	switch {
	case b.head == len(b.queue):
		b.queue, b.head = b.queue[:0], 0
	case b.head > 1024 && b.head > len(b.queue)/2:
		b.queue, b.head = append([]entry[T](nil), b.queue[b.head:]...), 0
	}
	b.active++
	b.gate = e.cast
	return e, true
}
