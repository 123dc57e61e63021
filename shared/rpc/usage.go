package rpc

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

type usageKey struct{}

// WithUsage returns a context whose calls hand what their answers have cost to take, errors among them, each before the call
// returns. Streams do so with their end.
func WithUsage(ctx context.Context, take func(api.Usage)) context.Context {
	return context.WithValue(ctx, usageKey{}, take)
}

func collectUsage(ctx context.Context, h nats.Header) {
	text := h.Get(api.HeaderUsage)
	if text == "" {
		return
	}
	take, _ := ctx.Value(usageKey{}).(func(api.Usage))
	u := new(api.Usage)
	if take != nil && codec.Read([]byte(text), u) == nil && u.Validate() == nil {
		take(*u)
	}
}

// usageHeader returns what an answer has cost as its header; nil if nothing.
func usageHeader(u api.Usage) nats.Header {
	if u.IsZero() {
		return nil
	}
	text, err := codec.Marshal(&u)
	if err != nil {
		return nil
	}
	return nats.Header{api.HeaderUsage: []string{string(text)}}
}
