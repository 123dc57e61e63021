package state

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Hold is what one instance of an agent has on the agent's state. It is safe for concurrent use.
type Hold struct {
	store    *Store
	claim    Claim
	instance string
	closed   atomic.Bool

	turn      chan struct{} // one entry while a save is under way, which guards what follows
	rec       *record       // as this instance has written it last, without Data; nil when that is not known
	rev       uint64
	saves     uint64
	confirmed bool // a later claim cannot have overlooked the record
}

// Save stores a state, and returns its version when it is stored. Saves come one after the other.
//
// Errors: invalid (malformed, payload_too_large); fenced (stale_state) when the agent has been started elsewhere since, or
// Close was called: nothing was saved, and the instance is to stop; failed_precondition when an earlier instance has saved a
// state that this one was not given: the agent is to be started again; overloaded when the bucket is full; unavailable when
// ctx ends first, with maybe_executed if the state may be stored all the same, and for the first save of all when the
// registry does not answer.
func (h *Hold) Save(ctx context.Context, data json.RawMessage) (version uint64, err error) {
	switch {
	case !codec.Valid(data):
		return 0, api.Errorf(api.Invalid, "a state is one JSON value").WithReason(api.ReasonMalformed)
	case len(data) > api.MaxPayload:
		return 0, api.Errorf(api.Invalid, "the state has %d bytes, at most %d are allowed", len(data), api.MaxPayload).WithReason(api.ReasonPayloadTooLarge)
	}
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return 0, api.Errorf(api.Unavailable, "an earlier save of agent %s was not over in time: try again", h.claim.Agent).WithReason(api.ReasonDependencyDown)
	}
	if h.closed.Load() {
		return 0, h.stale()
	}
	for h.saves++; ; {
		version, err := h.save(ctx, data)
		if err == nil {
			return version, nil
		}
		e := api.AsError(err)
		if ctx.Err() != nil || !lost(err) && (e == nil || !e.Details.MaybeExecuted) {
			return 0, err
		}
		// Another write came first, be it one of this instance that was given up, or nobody knows. The record does.
		if err := h.own(ctx); err != nil {
			return 0, err
		}
		if h.rec.Save == h.saves {
			return h.rec.Version, nil
		}
	}
}

// save is one try of Save. It fails with kv.ErrLost when the record is not what this instance took it for.
func (h *Hold) save(ctx context.Context, data json.RawMessage) (version uint64, err error) {
	if h.rec == nil || !h.confirmed || len(data) > maxInline {
		if err := h.own(ctx); err != nil {
			return 0, err
		}
	}
	next := *h.rec
	next.Version++
	next.Save = h.saves
	next.Data, next.Body, next.Rubbish = data, nil, h.store.discard(ctx, h.claim.Agent, h.rec.Rubbish)
	if len(data) > maxInline {
		next.Data = nil
		if next.Body, err = h.parts(ctx, data, next.Rubbish); err != nil {
			return 0, err
		}
	}
	if old := h.rec.Body; old != nil {
		next.Rubbish = append(next.Rubbish, old.ID)
	}
	if err := h.write(ctx, &next); err != nil {
		if next.Body != nil && lost(err) {
			h.store.discard(ctx, h.claim.Agent, []string{next.Body.ID})
		}
		return 0, err
	}
	h.rec.Data, h.rec.Rubbish = nil, h.store.discard(ctx, h.claim.Agent, next.Rubbish)
	return next.Version, nil
}

// Close refuses all further saves. One that is under way may still come to its end, unless it is the first of the agent.
func (h *Hold) Close() { h.closed.Store(true) }

// own sees to it that the record is this instance's, and knows what it holds.
func (h *Hold) own(ctx context.Context) error {
	for try := 0; ; try++ {
		rec, rev, err := h.store.read(ctx, h.claim.Agent)
		switch {
		case err != nil:
			return err
		case rec != nil && rec.Instance == h.instance:
			h.rec, h.rev = rec, rev
			return h.confirm(ctx)
		case h.confirmed, rec != nil && rec.later(h.claim):
			return h.stale()
		case rec != nil && rec.unseen(h.claim):
			return api.Errorf(api.FailedPrecondition, "an earlier instance of agent %s has saved a state that this one was not given: start the agent again", h.claim.Agent)
		}
		switch err := h.take(ctx, rec, rev); {
		case again(ctx, err, try):
		case err != nil:
			return err
		default:
			return h.confirm(ctx)
		}
	}
}

// take makes the record this instance's.
func (h *Hold) take(ctx context.Context, rec *record, rev uint64) error {
	next := rec.taken(h.claim, h.instance)
	rev, err := h.store.write(ctx, h.claim.Agent, next, rev)
	if err != nil {
		return err
	}
	h.rec, h.rev = next, rev
	return h.store.step("taken")
}

// confirm makes sure, after the record has become this instance's, that no later claim and no later instance has looked for
// one before.
func (h *Hold) confirm(ctx context.Context) error {
	if h.confirmed {
		return nil
	}
	if h.closed.Load() {
		return h.stale()
	}
	// An update of nothing is answered with what the leader of the registry's store has.
	now, err := rpc.Call(ctx, h.store.conn, api.AgentsUpdate, &api.AgentUpdateRequest{ID: h.claim.Agent})
	if api.CodeOf(err) == api.NotFound || err == nil && (now.Epoch != h.claim.Epoch || !now.RegisteredAt.Equal(h.claim.Registered)) {
		return h.stale()
	}
	h.confirmed = err == nil
	return errors.Join(err, h.store.step("confirmed"))
}

// write replaces the record that this instance has written last.
func (h *Hold) write(ctx context.Context, next *record) error {
	rev, err := h.store.write(ctx, h.claim.Agent, next, h.rev)
	if err == nil {
		h.rec, h.rev = next, rev
		return h.store.step("written")
	}
	h.rec = nil // it may be stored all the same
	return err
}

func (h *Hold) stale() error {
	return api.Errorf(api.Fenced, "agent %s has been started anew since this instance of it: stop it", h.claim.Agent).WithReason(api.ReasonStaleState)
}

func lost(err error) bool { return errors.Is(err, kv.ErrLost) }
