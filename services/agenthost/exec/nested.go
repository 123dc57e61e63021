package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/trace"
)

// maxCallID is how many bytes the id of a call may have.
const maxCallID = 128

// takeCall asks another agent for the worker. It returns false when the worker is to be given up.
func (p *Process) takeCall(f *inbound) bool {
	if f.ID == "" || len(f.ID) > maxCallID {
		p.oddity().Msg("ignored a call of the worker whose id is missing or too long, so that it cannot be answered")
		return true
	}
	ctx, cancel, err := p.callContext(f)
	if err != nil {
		return p.refuse(reply, f.ID, err)
	}
	select {
	case p.calls <- struct{}{}:
	default:
		cancel()
		return p.refuse(reply, f.ID, api.Errorf(api.Overloaded, "%d calls are open; wait for a reply before the next call", maxCalls).WithReason(api.ReasonMailboxFull))
	}
	p.callers.Go(func() {
		defer func() { <-p.calls }()
		defer cancel()
		select {
		case p.out <- p.ask(ctx, f):
		case <-p.written: // the worker is being stopped, or is dead
		}
	})
	return true
}

// ask makes the call and returns the reply.
func (p *Process) ask(ctx context.Context, f *inbound) frame {
	var payload json.RawMessage
	var err error
	if f.Agent != "" {
		payload, err = p.opt.Bus.Call(ctx, f.Agent, body(f))
	} else {
		payload, err = p.opt.Bus.CallCapability(ctx, f.Capability, body(f))
	}
	return p.answerFrame(reply, f.ID, payload, err)
}

// answerFrame tells the worker what came of its call or question.
func (p *Process) answerFrame(kind, id string, payload json.RawMessage, err error) frame {
	if err == nil {
		payload, err = oneLine(payload)
	}
	if err == nil && len(payload) > p.opt.MaxLine {
		err = tooLarge(len(payload), p.opt.MaxLine)
	}
	if err != nil {
		return refusalFrame(kind, id, p.callError(err))
	}
	return replyFrame(kind, id, payload)
}

// takeCast sends to another agent for the worker. It runs in the reader, so that casts and calls leave in the order in
// which the worker wrote them.
func (p *Process) takeCast(f *inbound) {
	err := p.checkTarget(f)
	if err == nil && f.Agent == "" {
		err = api.Errorf(api.Invalid, "a cast goes to an agent, not to a capability").WithFields("agent")
	}
	if err == nil {
		parent, _ := p.messageContext(f.For)
		parent = trace.Remote(parent, f.Traceparent)
		// The message may have been answered: what it started goes on.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), api.DefaultTimeout.Std())
		defer cancel()
		resume := p.pause()
		err = p.opt.Bus.Cast(ctx, f.Agent, body(f))
		resume()
	}
	if err != nil {
		p.oddity().Err(err).Str("to", clip(f.Agent)).Msg("a cast of the worker failed")
	}
}

func (p *Process) checkTarget(f *inbound) error {
	if p.opt.Bus == nil {
		return api.Errorf(api.Unimplemented, "this host gives its agents no way to call others")
	}
	if (f.Agent == "") == (f.Capability == "") {
		return api.Errorf(api.Invalid, "give either agent or capability").WithFields("agent", "capability")
	}
	if err := api.CheckOptionalID("agent", f.Agent); err != nil {
		return err
	}
	return api.CheckOptionalID("capability", f.Capability)
}

// callContext checks a call and returns the context that it runs under: that of the message it is made for, with the time
// that the message has left unless the call says otherwise.
func (p *Process) callContext(f *inbound) (context.Context, context.CancelFunc, error) {
	if err := p.checkTarget(f); err != nil {
		return nil, nil, err
	}
	parent, known := p.messageContext(f.For)
	if f.For != "" && !known {
		return nil, nil, api.Errorf(api.Cancelled, "message %.20q, for which this is asked, has been answered or was never sent", f.For)
	}
	if err := parent.Err(); err != nil {
		return nil, nil, gaveUp(err, "the message for which this is asked had not been answered")
	}
	timeout := api.DefaultTimeout.Std()
	if deadline, ok := parent.Deadline(); ok {
		timeout = time.Until(deadline)
	}
	if f.Timeout != "" {
		var err error
		timeout, err = time.ParseDuration(f.Timeout)
		if err != nil || timeout <= 0 || timeout > api.MaxRequestTimeout*time.Second {
			return nil, nil, api.Errorf(api.Invalid, "timeout must be a duration such as \"2s\", at most %ds", api.MaxRequestTimeout).WithFields("timeout")
		}
	}
	ctx, cancel := context.WithTimeout(trace.Remote(parent, f.Traceparent), timeout)
	unhook := context.AfterFunc(p.base, cancel)
	return ctx, func() { unhook(); cancel() }, nil
}

// messageContext returns the context of the named message, or of the only one if none is named; failing that, it returns
// that of the process and false.
func (p *Process) messageContext(id string) (context.Context, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.pending[id]; c != nil {
		return c.asks(), true
	}
	if id == "" && len(p.pending) == 1 {
		for _, c := range p.pending {
			return c.asks(), true
		}
	}
	return p.base, false
}

// refuse answers a call or a question without passing it on. It must not wait, because the reader calls it.
func (p *Process) refuse(kind, id string, err error) bool {
	select {
	case p.out <- refusalFrame(kind, id, p.callError(err)):
		return true
	default:
		p.crash(fmt.Errorf("the program %s asks without reading the replies", p.program))
		return false
	}
}

func (p *Process) callError(err error) *api.Error {
	switch e := api.AsError(err); {
	case e != nil:
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return gaveUp(err, "there was no answer").MaybeExecuted()
	}
	p.log.Error().Err(err).Msg("a call or question of the worker failed")
	return api.Errorf(api.Internal, "the call failed; the log of the agent's host says why")
}

func body(f *inbound) json.RawMessage {
	if len(f.Payload) == 0 {
		return json.RawMessage("null")
	}
	return f.Payload
}
