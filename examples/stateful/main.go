// Command stateful is an agent that goes on where it stopped: it counts words, and what it has counted survives crashes, moves
// and the death of its host.
//
//	go build -o bin/stateful ./examples/stateful
//	mabus agents start tally -- $PWD/bin/stateful
//	mabus call tally '{"text":"to be or not to be"}'
//	mabus agents stop tally && mabus agents start tally
//	mabus call tally '{"text":"to be"}'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/codec"
)

// saveEvery is after how many messages the tally is saved, so that a crash loses no more than that.
const saveEvery = 10

// tally counts words. The agent's concurrency is 1, so that one message at a time changes it.
type tally struct {
	env    agent.Env
	counts map[string]int
	fresh  int // messages since the last save
}

func newTally(_ context.Context, env agent.Env) (agent.Handler, error) {
	t := &tally{env: env, counts: map[string]int{}}
	if env.State.Version > 0 {
		if err := codec.Read(env.State.Data, &t.counts); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Handle implements agent.Handler.
func (t *tally) Handle(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	var in struct {
		Text string `json:"text"`
	}
	if err := codec.Decode(m.Payload, &in); err != nil {
		return nil, err
	}
	for word := range strings.FieldsSeq(strings.ToLower(in.Text)) {
		t.counts[word]++
	}
	if t.fresh++; t.fresh >= saveEvery {
		state, err := t.State(ctx)
		if err != nil {
			return nil, err
		}
		if err := t.env.Save(ctx, state); err != nil {
			return nil, err
		}
		t.fresh = 0
	}
	return codec.Marshal(t.counts)
}

// State implements agent.Stateful: it is saved when the agent is stopped, moved or drained.
func (t *tally) State(context.Context) (json.RawMessage, error) { return codec.Marshal(t.counts) }

func main() {
	if err := exec.Serve(newTally); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
