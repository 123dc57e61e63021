package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// Handle sends the message to the worker and waits for its answer. At most spec.Concurrency messages are with the worker
// at once; further ones wait their turn, spec.Mailbox of them at most. A message counts as with the worker until it is
// answered, also when its context has ended. What the worker says before its answer goes to m.Parts, in order and from
// this goroutine.
//
// Errors: what the worker answered; overloaded (mailbox_full); invalid (payload_too_large, malformed); deadline_exceeded
// (timeout) and cancelled when the context ends; unavailable (agent_crashed) when the program ends first, or (draining)
// when it is being stopped; that of m.Parts when it fails, which cancels the message. maybe_executed is set if the message
// was passed on. ErrNoEnd is in the chain of an error if the worker has the message and did not say what came of it.
//
// For an agent that states what an answer may cost, Handle returns only when the worker has given the message up, so that its cost
// is known: at the latest when the program is ended for not doing so.
func (p *Process) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	payload, err := oneLine(m.Payload)
	if err != nil {
		return nil, err
	}
	if len(payload) > p.opt.MaxLine {
		return nil, tooLarge(len(payload), p.opt.MaxLine)
	}
	var state []byte
	if len(m.Checkpoint) > 0 {
		if state, err = oneLine(m.Checkpoint); err != nil {
			return nil, err
		}
	}
	if err := p.acquire(ctx); err != nil {
		return nil, p.last(ctx, err)
	}
	c := &call{ctx: ctx, answered: make(chan struct{})}
	if p.maxCost > 0 {
		c.late = make(chan answer, 1)
	}
	if c.reader = reader(m); c.reader != nil {
		c.more = make(chan struct{}, 1)
		defer p.forget(c)
	}
	if err := p.send(c, m, state, payload); err != nil {
		<-p.slots
		return nil, p.last(ctx, err)
	}
	a, err := p.await(c)
	if err != nil {
		p.abandon(c)
		if c.reader != nil {
			p.forget(c) // now: what it holds back may stand before the worker's last word
		}
	}
	used, known := p.cost(c)
	m.Spend(used)
	switch {
	case err == nil:
		return a.payload, a.err
	case ctx.Err() == nil:
		err = fmt.Errorf("hand on a part of the answer: %w", err)
	default:
		err = gaveUp(ctx.Err(), "agent %q had not answered", p.id).MaybeExecuted()
	}
	if !known {
		err = NoEnd(err)
	}
	return nil, err
}

// cost returns what a message has cost that is answered or abandoned, and whether the worker has said so.
func (p *Process) cost(c *call) (used api.Usage, known bool) {
	p.mu.Lock()
	gone := c.gone
	p.mu.Unlock()
	switch {
	case !gone:
		<-c.answered
		return c.answer.used, c.answer.given
	case c.late == nil:
		return used, false
	}
	select {
	case a := <-c.late:
		return a.used, a.given
	case <-p.done:
	}
	select {
	case a := <-c.late: // the last that the program said
		return a.used, a.given
	default:
		return used, false
	}
}

// ErrNoEnd says that nobody knows what came of a message, nor what it has cost.
var ErrNoEnd = errors.New("the end of the message is not known")

// NoEnd puts ErrNoEnd into the chain of an error without changing its text.
func NoEnd(err error) error { return &noEnd{err} }

type noEnd struct{ error }

func (e *noEnd) Unwrap() []error { return []error{e.error, ErrNoEnd} }

// await hands on the parts of the answer as they come, and returns the end of it.
func (p *Process) await(c *call) (answer, error) {
	for {
		select {
		case <-c.more:
			if err := p.deliver(c); err != nil {
				return answer{}, err
			}
		case <-c.answered:
			return p.whole(c)
		case <-c.ctx.Done():
			if p.abandon(c) {
				return answer{}, c.ctx.Err()
			}
			<-c.answered // it came in the same moment
			return p.whole(c)
		}
	}
}

// whole hands on the last parts of a message that is answered, and returns its answer unless others of its parts are missing.
func (p *Process) whole(c *call) (answer, error) {
	if err := p.deliver(c); err != nil || !c.holed { // nobody changes that once it is answered
		return c.answer, err
	}
	return answer{}, c.ctx.Err()
}

// last lets an error say that the program has ended only when it has, so that the message can go to the next at once.
func (p *Process) last(ctx context.Context, err error) error {
	if api.ReasonOf(err) != api.ReasonAgentCrashed {
		return err
	}
	select {
	case <-p.done:
		return err
	case <-ctx.Done():
		return gaveUp(ctx.Err(), "agent %q was ending and did not get the message", p.id)
	}
}

// acquire takes one of the worker's slots.
func (p *Process) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return gaveUp(err, "the message was not sent to agent %q", p.id)
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > p.mailbox {
		return p.full()
	}
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return gaveUp(ctx.Err(), "agent %q was busy and did not get the message", p.id)
	case <-p.stopping:
		return p.draining()
	case <-p.exited:
		return crashed(p.id, errors.New("it did not get the message"))
	}
}

// send gives the message an id and hands it to the writer, in one step with the check that the stop frame has not gone.
func (p *Process) send(c *call, m *agent.Message, state, payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended || p.reaped || p.fault != nil:
		return crashed(p.id, errors.New("it did not get the message"))
	case p.stopped:
		return p.draining()
	}
	p.lastID++
	c.id = strconv.FormatUint(p.lastID, 10)
	deadline, _ := c.ctx.Deadline()
	select {
	case p.out <- messageFrame(c.id, m, c.reader != nil, deadline, trace.Parent(c.ctx), state, payload):
		p.pending[c.id] = c
		return nil
	default:
		return p.full()
	}
}

// answered matches an answer with its message. It returns false if there is no such message.
func (p *Process) answered(id string, a answer) bool {
	a.given = true
	c, gone := p.remove(id)
	if c == nil {
		return false
	}
	<-p.slots
	if gone {
		if c.late != nil {
			c.late <- a
		}
		p.log.Debug().Str("message", id).Msg("the answer came after its caller had gone")
		return true
	}
	c.give(a) // without the lock, which the caller soon needs for its next message
	return true
}

// remove takes a message off the worker's hands, and says whether its caller has gone. It returns nil if there is no such
// message.
func (p *Process) remove(id string) (c *call, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c = p.pending[id]; c == nil {
		return nil, false
	}
	delete(p.pending, id)
	if c.overdue != nil {
		c.overdue.Stop()
	}
	if !c.gone {
		c.end()
	}
	return c, c.gone
}

func (p *Process) full() *api.Error {
	return api.Errorf(api.Overloaded, "agent %q has as many messages as it may have; try again later", p.id).WithReason(api.ReasonMailboxFull)
}

func (p *Process) draining() *api.Error {
	return api.Errorf(api.Unavailable, "agent %q is being stopped and did not get the message", p.id).WithReason(api.ReasonDraining)
}

func crashed(id string, why error) *api.Error {
	return api.Errorf(api.Unavailable, "agent %q has ended: %v", id, why).WithReason(api.ReasonAgentCrashed)
}

func gaveUp(err error, format string, args ...any) *api.Error {
	what := fmt.Sprintf(format, args...)
	if errors.Is(err, context.DeadlineExceeded) {
		return api.Errorf(api.DeadlineExceeded, "%s when the time ran out", what).WithReason(api.ReasonTimeout)
	}
	return api.Errorf(api.Cancelled, "%s when the caller gave up", what)
}

func tooLarge(have, most int) *api.Error {
	return api.Errorf(api.Invalid, "the payload has %d bytes, an exec agent takes at most %d", have, most).WithReason(api.ReasonPayloadTooLarge)
}
