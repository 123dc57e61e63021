package run

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

// maxJudging bounds the calls of Valid at one time: the one that matters, and those that have not returned yet although what
// they judge was given up.
const maxJudging = 4

// judge asks the application about proposals, one after the other: a new question makes the ones before it pointless.
type judge struct {
	valid   func(ctx context.Context, value []byte) (bool, error)
	pause   time.Duration      // before a question is put again
	forget  context.CancelFunc // ends the question before
	slots   chan struct{}
	answers chan answer
	wg      sync.WaitGroup
}

type answer struct {
	pbft.Question
	ok bool
}

func newJudge(o Options) *judge {
	j := &judge{valid: o.Valid, pause: o.Timeout / 4, forget: func() {}, slots: make(chan struct{}, maxJudging), answers: make(chan answer)}
	if o.Timeout == 0 {
		j.pause = pbft.DefaultTimeout / 4
	}
	return j
}

// ask starts the question, which ends with ctx.
func (j *judge) ask(ctx context.Context, q pbft.Question) {
	j.forget()
	ctx, j.forget = context.WithCancel(ctx)
	j.wg.Go(func() { j.answer(ctx, q) })
}

func (j *judge) answer(ctx context.Context, q pbft.Question) {
	select {
	case j.slots <- struct{}{}:
		defer func() { <-j.slots }()
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		ok, err := j.valid(ctx, q.Proposal)
		if err == nil {
			select {
			case j.answers <- answer{Question: q, ok: ok}:
			case <-ctx.Done():
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(j.pause):
		}
	}
}

// wait ends the last question and waits for Valid to return.
func (j *judge) wait() {
	j.forget()
	j.wg.Wait()
}
