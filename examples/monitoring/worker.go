package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// settings are the configuration of a worker.
type settings struct {
	// Takes is how long one message takes.
	Takes api.Duration `json:"takes"`
	// Broken has it fail at once instead, until it is mended.
	Broken bool `json:"broken,omitempty"`
}

// order is what a worker is asked for: some work, or to be mended.
type order struct {
	Mend bool `json:"mend,omitempty"`
}

// worker is the kind of agent that is watched.
var worker = agent.Module{
	Name: "thumbnailer",
	Doc:  "Works for as long as its configuration says, or fails.",
	New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var s settings
		if err := codec.Decode(env.Spec.Config, &s); err != nil {
			return nil, err
		}
		broken := atomic.Bool{}
		broken.Store(s.Broken)
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			var o order
			if err := codec.Decode(m.Payload, &o); err != nil {
				return nil, err
			}
			if o.Mend {
				broken.Store(false)
				return json.RawMessage(`{}`), nil
			}
			return work(ctx, s, &broken)
		}), nil
	},
}

func work(ctx context.Context, s settings, broken *atomic.Bool) (json.RawMessage, error) {
	if broken.Load() {
		return nil, errors.New("the disk is full")
	}
	select {
	case <-time.After(s.Takes.Std()):
		return json.RawMessage(`{}`), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// member is one agent of the fleet.
type member struct {
	name string
	settings
}

const (
	brokenOne = "broken"
	quick     = api.Duration(2 * time.Millisecond)
)

// members are four agents that do well, one that is slow, and one that fails.
var members = []member{
	{"ann", settings{Takes: quick}},
	{"bob", settings{Takes: quick}},
	{"cleo", settings{Takes: quick}},
	{"dan", settings{Takes: quick}},
	{"slow", settings{Takes: 20 * quick}},
	{brokenOne, settings{Takes: quick, Broken: true}},
}
