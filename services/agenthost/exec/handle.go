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
	ctx    context.Context // that of Handle: the worker's own calls for this message inherit it
	answer chan answer     // room for one
	gone   bool            // nobody waits any more
	hung   *time.Timer     // runs while the worker keeps a message that nobody waits for
}

type answer struct {
	payload json.RawMessage
	err     error
}

// Handle sends the message to the worker and waits for its answer. At most spec.Concurrency messages are with the worker
// at once; further ones wait their turn, spec.Mailbox of them at most. A message counts as with the worker until it is
// answered, also when its context has ended.
//
// Errors: what the worker answered; overloaded (mailbox_full); invalid (payload_too_large, malformed); deadline_exceeded
// (timeout) and cancelled when the context ends; unavailable (agent_crashed) when the program ends first, or (draining)
// when it is being stopped. maybe_executed is set if the message was passed on.
func (p *Process) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	payload, err := oneLine(m.Payload)
	if err != nil {
		return nil, err
	}
	if len(payload) > p.opt.MaxLine {
		return nil, tooLarge(len(payload), p.opt.MaxLine)
	}
	if err := p.acquire(ctx); err != nil {
		return nil, err
	}
	c := &call{ctx: ctx, answer: make(chan answer, 1)}
	id, err := p.send(c, m, payload)
	if err != nil {
		<-p.slots
		return nil, err
	}
	select {
	case a := <-c.answer:
		return a.payload, a.err
	case <-ctx.Done():
	}
	if p.abandon(id, c) {
		return nil, gaveUp(ctx.Err(), "agent %q had not answered", p.id).MaybeExecuted()
	}
	a := <-c.answer // it came in the same moment
	return a.payload, a.err
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
func (p *Process) send(c *call, m *agent.Message, payload []byte) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended || p.reaped || p.fault != nil:
		return "", crashed(p.id, errors.New("it did not get the message"))
	case p.stopped:
		return "", p.draining()
	}
	p.lastID++
	id := strconv.FormatUint(p.lastID, 10)
	deadline, _ := c.ctx.Deadline()
	select {
	case p.out <- messageFrame(id, m, deadline, payload):
		p.pending[id] = c
		return id, nil
	default:
		return "", p.full()
	}
}

// abandon leaves the message with the worker and asks it to stop working on it. It returns false if the answer is there.
func (p *Process) abandon(id string, c *call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[id] != c {
		return false
	}
	c.gone = true
	if p.opt.HungAfter > 0 {
		c.hung = time.AfterFunc(p.opt.HungAfter, func() {
			p.crash(fmt.Errorf("the program %s did not answer message %s, which was cancelled %s ago", p.program, id, p.opt.HungAfter))
		})
	}
	if !p.stopped {
		select {
		case p.out <- cancelFrame(id):
		default: // the worker does not read anyway
		}
	}
	return true
}

// answered matches an answer with its message. It returns false if there is no such message.
func (p *Process) answered(id string, a answer) bool {
	p.mu.Lock()
	c := p.pending[id]
	delete(p.pending, id)
	p.mu.Unlock()
	if c == nil {
		return false
	}
	<-p.slots
	if c.hung != nil {
		c.hung.Stop()
	}
	if c.gone {
		p.log.Debug().Str("message", id).Msg("the answer came after its caller had gone")
		return true
	}
	c.answer <- a
	return true
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
