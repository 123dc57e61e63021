package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
)

// call is a message that the worker has not answered.
type call struct {
	id     string
	ctx    context.Context // ends with Handle: the worker's own calls for this message inherit it
	answer chan answer     // room for one
	gone   bool            // nobody waits any more

	overdue *time.Timer   // runs while the worker keeps a message that nobody waits for
	stalled time.Duration // how much of the time since its cancel the host did not read

	reader agent.Parts   // nil unless the caller reads parts
	more   chan struct{} // nil without a reader; room for one: there is something in queue
	queue  []part
	endAsk context.CancelFunc // ends the open question, if there is one
}

type answer struct {
	payload json.RawMessage
	err     error
	used    api.Usage
}

// Handle sends the message to the worker and waits for its answer. At most spec.Concurrency messages are with the worker
// at once; further ones wait their turn, spec.Mailbox of them at most. A message counts as with the worker until it is
// answered, also when its context has ended. What the worker says before its answer goes to m.Parts, in order and from
// this goroutine.
//
// Errors: what the worker answered; overloaded (mailbox_full); invalid (payload_too_large, malformed); deadline_exceeded
// (timeout) and cancelled when the context ends; unavailable (agent_crashed) when the program ends first, or (draining)
// when it is being stopped; that of m.Parts when it fails, which cancels the message. maybe_executed is set if the message
// was passed on.
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
	c := &call{answer: make(chan answer, 1)}
	var end context.CancelFunc
	c.ctx, end = context.WithCancel(ctx)
	defer end()
	if c.reader = reader(m); c.reader != nil {
		c.more = make(chan struct{}, 1)
		defer p.forget(c)
	}
	if err := p.send(c, m, state, payload); err != nil {
		<-p.slots
		return nil, p.last(ctx, err)
	}
	a, err := p.await(c)
	m.Spend(a.used)
	if err == nil {
		return a.payload, a.err
	}
	p.abandon(c)
	if ctx.Err() == nil {
		return nil, fmt.Errorf("hand on a part of the answer: %w", err)
	}
	return nil, gaveUp(ctx.Err(), "agent %q had not answered", p.id).MaybeExecuted()
}

// await hands on the parts of the answer as they come, and returns the end of it.
func (p *Process) await(c *call) (answer, error) {
	for {
		select {
		case <-c.more:
			if err := p.deliver(c); err != nil {
				return answer{}, err
			}
		case a := <-c.answer:
			return a, p.deliver(c)
		case <-c.ctx.Done():
			if p.abandon(c) {
				return answer{}, c.ctx.Err()
			}
			return <-c.answer, p.deliver(c) // it came in the same moment
		}
	}
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
	case p.out <- messageFrame(c.id, m, c.reader != nil, deadline, state, payload):
		p.pending[c.id] = c
		return nil
	default:
		return p.full()
	}
}

// answered matches an answer with its message. It returns false if there is no such message.
func (p *Process) answered(id string, a answer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.pending[id]
	if c == nil {
		return false
	}
	delete(p.pending, id)
	<-p.slots
	if c.overdue != nil {
		c.overdue.Stop()
	}
	if c.gone {
		p.log.Debug().Str("message", id).Msg("the answer came after its caller had gone")
		return true
	}
	c.settle(a)
	return true
}

// settle gives the caller its answer, once. The process' lock is held.
func (c *call) settle(a answer) {
	c.answer <- a
	if c.endAsk != nil {
		c.endAsk() // the agent goes on without the input that it asked for
	}
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
