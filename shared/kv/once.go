package kv

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Kept is Once for an answer that is a struct, kept as JSON.
func Kept[T any](ctx context.Context, r *Requests, service string, cause api.Cause, do func(context.Context) (*T, error)) (*T, error) {
	data, err := r.Once(ctx, service, cause, func(ctx context.Context) (json.RawMessage, error) {
		answer, err := do(ctx)
		if err != nil {
			return nil, err
		}
		return codec.Marshal(answer)
	})
	if err != nil {
		return nil, err
	}
	answer := new(T)
	return answer, codec.Read(data, answer)
}

// Once carries out a request that is more than one compare-and-set, and keeps its answer: with cause.RequestID a repetition
// gets the first answer and do is not called again. If a replica dies within do, or the same request runs on two replicas at
// the same time, do is called again, so its steps must bear that; without a request id do is simply called.
func (r *Requests) Once(ctx context.Context, service string, cause api.Cause, do func(context.Context) (json.RawMessage, error)) (json.RawMessage, error) {
	if cause.RequestID == "" {
		return do(ctx)
	}
	if err := r.checkAge(ctx, cause.RequestID); err != nil {
		return nil, err
	}
	t := &ticket{key: requestKey(service, cause), req: request{Hash: cause.BodyHash, Bucket: "-", Key: service}}
	if done, err := r.take(ctx, t); done != nil || err != nil {
		if err != nil {
			return nil, err
		}
		if done.Error != nil {
			return nil, done.Error
		}
		return done.Value, nil
	}
	value, err := do(ctx)
	a := answer{Value: value, Changed: true}
	if err != nil {
		if a.Error = lasting(err); a.Error == nil {
			return nil, err // trouble on the way is no answer: the repetition tries again
		}
		a.Value = nil
	}
	// Lost means that another replica runs the same request; its answer will be kept.
	if ferr := r.finish(context.WithoutCancel(ctx), t, a); ferr != nil && !errors.Is(ferr, ErrLost) && err == nil {
		return nil, ferr
	}
	return value, err
}
