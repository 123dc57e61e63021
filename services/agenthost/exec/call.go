package exec

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
)

// call is a message that the worker has not answered.
type call struct {
	id       string
	ctx      context.Context // of Handle's caller
	answer   answer          // once it is answered
	answered chan struct{}   // closed then
	gone     bool            // nobody waits any more
	late     chan answer     // what it has cost all the same, once it is answered; nil unless the agent has a price

	calls    context.Context // what the worker asks of others for the message inherits it; nil until it asks
	endCalls context.CancelFunc

	overdue *time.Timer   // runs while the worker keeps a message that nobody waits for
	stalled time.Duration // how much of the time since its cancel the host did not read

	reader agent.Parts   // nil unless the caller reads parts
	more   chan struct{} // nil without a reader; room for one: there is something in queue
	queue  []part
	holed  bool               // a part was dropped because its caller had gone: what answers the message is not the whole answer
	endAsk context.CancelFunc // ends the open question, if there is one
	text   chunks             // of stdout's reader
}

type answer struct {
	payload json.RawMessage
	err     error
	used    api.Usage
	given   bool // by the worker
}

// settle is the end of a message whose caller still waits. The process' lock is held.
func (c *call) settle(a answer) {
	c.end()
	c.give(a)
}

// give wakes the caller with its answer. That is done once, by whoever took the message off the worker or sets gone.
func (c *call) give(a answer) {
	c.answer = a
	close(c.answered)
}

// end ends what goes on for the message. The process' lock is held.
func (c *call) end() {
	if c.endAsk != nil {
		c.endAsk() // the agent goes on without the input that it asked for
	}
	if c.endCalls != nil && c.ctx.Err() == nil { // else they end by themselves, and for the reason that it gives
		c.endCalls()
	}
}

// asks returns the context of what the worker asks of others for the message. The process' lock is held.
func (c *call) asks() context.Context {
	if c.calls == nil {
		c.calls, c.endCalls = context.WithCancel(c.ctx)
		if c.gone {
			c.endCalls()
		}
	}
	return c.calls
}
