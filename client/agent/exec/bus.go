package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/trace"
)

// bus reaches other agents through the host. A call made with a handler's context ends with that handler's message.
type bus struct{ w *worker }

// Call implements agent.Bus.
func (b bus) Call(ctx context.Context, agentID string, payload any) (json.RawMessage, error) {
	return b.call(ctx, outbound{Agent: agentID}, payload)
}

// CallCapability implements agent.Bus.
func (b bus) CallCapability(ctx context.Context, capability string, payload any) (json.RawMessage, error) {
	return b.call(ctx, outbound{Capability: capability}, payload)
}

// Cast implements agent.Bus.
func (b bus) Cast(ctx context.Context, agentID string, payload any) error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	body, err := encode(payload)
	if err != nil {
		return err
	}
	return b.w.send(outbound{Type: "cast", For: messageOf(ctx), Agent: agentID, Traceparent: trace.Parent(ctx), Payload: body})
}

func (b bus) call(ctx context.Context, f outbound, payload any) (_ json.RawMessage, err error) {
	if f.Payload, err = encode(payload); err != nil {
		return nil, err
	}
	f.Type, f.For, f.Traceparent = "call", messageOf(ctx), trace.Parent(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		f.Timeout = min(max(time.Until(deadline), time.Microsecond), api.MaxRequestTimeout*time.Second).String()
	}
	answer, forget := b.w.open(&f)
	defer forget()
	if ctx.Err() != nil {
		return nil, gaveUp(ctx)
	}
	if err := b.w.send(f); err != nil {
		return nil, err
	}
	select {
	case r := <-answer:
		return r.answer()
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	case <-b.w.over:
		return nil, stopping()
	}
}

// open gives a call its id, and returns where its reply comes.
func (w *worker) open(f *outbound) (answer <-chan inbound, forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	f.ID = "c" + strconv.FormatUint(w.next, 10)
	c, id := make(chan inbound, 1), f.ID
	w.calls[id] = c
	return c, func() {
		w.mu.Lock()
		delete(w.calls, id)
		w.mu.Unlock()
	}
}

func messageOf(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

func encode(payload any) (json.RawMessage, error) {
	switch p := payload.(type) {
	case nil:
		return json.RawMessage("null"), nil
	case json.RawMessage:
		if !codec.Valid(p) {
			return nil, api.Errorf(api.Invalid, "the payload is no JSON value").WithReason(api.ReasonMalformed)
		}
		return bytes.Clone(p), nil
	}
	body, err := codec.Marshal(payload)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the payload cannot be written as JSON: %v", err)
	}
	return body, nil
}
