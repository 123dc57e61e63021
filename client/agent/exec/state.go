package exec

import (
	"context"
	"encoding/json"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// saved is a state in the init frame. Without one the host keeps no states.
type saved struct {
	Version uint64          `json:"version"`
	Data    json.RawMessage `json:"data"`
}

// save is Env.Save.
func (w *worker) save(ctx context.Context, state json.RawMessage) error {
	switch {
	case !codec.Valid(state):
		return api.Errorf(api.Invalid, "a state is one JSON value").WithReason(api.ReasonMalformed)
	case !w.made.Load():
		return api.Errorf(api.FailedPrecondition, "the agent is not made yet: save from its first message on")
	case !w.keeps:
		return api.Errorf(api.Unimplemented, "this host keeps no state of its agents")
	}
	select { // one after the other, so that those who wait do not fill the host's queue
	case w.saving <- struct{}{}:
		defer func() { <-w.saving }()
	case <-ctx.Done():
		return gaveUp(ctx)
	case <-w.over:
		return stopping()
	}
	f := outbound{Type: "save", Payload: state}
	answer, forget := w.open(&f)
	defer forget()
	if err := w.send(f); err != nil {
		return err
	}
	select {
	case r := <-answer:
		_, err := r.answer()
		return err
	case <-ctx.Done():
		return maybe(gaveUp(ctx))
	case <-w.over:
		return maybe(stopping())
	}
}

// maybe says of an error that the state may be stored all the same.
func maybe(err error) error {
	if e := api.AsError(err); e != nil {
		return e.MaybeExecuted()
	}
	return err
}

// tell answers the host's question for the state, after the last message. The context ends when the host waits no longer.
func (w *worker) tell(ctx context.Context, h agent.Stateful) {
	w.handlers.Wait()
	state, err := h.State(ctx)
	f := outbound{Type: "state", Payload: state}
	if err == nil && len(state) > 0 && !codec.Valid(state) {
		err = api.Errorf(api.Invalid, "the state is no JSON value")
	}
	if err != nil {
		f.Payload, f.Error = nil, wireError(ctx, err)
	}
	_ = w.send(f) // the reader meets the broken pipe too
}
