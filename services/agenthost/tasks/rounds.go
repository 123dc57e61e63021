package tasks

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
)

// share is one in how many starts a low task gets while high ones wait.
const share = 10

// smallRound is the number of free slots up to which high tasks are asked for first and low ones only for what they leave.
// Above it, and while tasks are short, both are asked for at once, which saves a round trip.
const smallRound = 8

// rounds decides how the free slots of one capability are shared between its two queues.
type rounds struct {
	high, low *queue
	credit    int  // starts since low tasks last had their share, below share
	highBusy  bool // the last round found more high tasks than it could take
}

// run fills up to n slots and returns how many it filled. Short says that slots come free again at once, so that a high task
// which finds them taken by low ones waits for a moment only.
func (r *rounds) run(n int, short bool, each func(*nats.Msg)) (int, error) {
	if n > smallRound && short && !r.highBusy {
		return r.split(n, each)
	}
	owed := (r.credit + n) / share
	got, err := r.low.pull(owed, each)
	if err != nil {
		return got, err
	}
	rest := n - got
	high, err := r.high.pull(rest, each)
	if rest > 0 { // else nothing was learnt of high tasks
		r.highBusy = high == rest
	}
	if r.highBusy && got == owed {
		r.credit = (r.credit + n) % share
	} else {
		r.credit = 0 // nobody is kept waiting
	}
	if err != nil || high == rest {
		return got + high, err
	}
	low, err := r.low.pull(rest-high, each)
	return got + high + low, err
}

// split asks both queues at once.
func (r *rounds) split(n int, each func(*nats.Msg)) (int, error) {
	h := n/8 + 1
	if err := errors.Join(r.high.ask(h), r.low.ask(n-h)); err != nil {
		return 0, err
	}
	high, err := r.high.take(h, each)
	low, lerr := r.low.take(n-h, each)
	r.highBusy, r.credit = high == h, 0
	return high + low, errors.Join(err, lerr)
}

func (r *rounds) open(ctx context.Context) error {
	return errors.Join(r.high.open(ctx), r.low.open(ctx))
}

func (r *rounds) strays(each func(*nats.Msg)) {
	r.high.strays(each)
	r.low.strays(each)
}

func (r *rounds) close() {
	r.high.close()
	r.low.close()
}
