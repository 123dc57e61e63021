package exec_test

import (
	"context"
	"encoding/json"
	osexec "os/exec"
	"slices"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// listener notes what it hears, and calls heard after each word.
type listener struct {
	agent.NoParts
	parts []string
	heard func()
}

func (l *listener) Chunk(_ context.Context, payload json.RawMessage) error {
	l.parts = append(l.parts, string(payload))
	l.heard()
	return nil
}

func (l *listener) Progress(_ context.Context, payload json.RawMessage) error {
	l.parts = append(l.parts, string(payload))
	return nil
}

func TestStream(t *testing.T) {
	if _, err := osexec.LookPath("python3"); err != nil {
		t.Skip("python3 is not installed here, so this example is not run")
	}
	p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a1", Command: []string{"python3", "stream.py"}}, exec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{heard: func() {}}
	got, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`{"text":"to  be"}`), Parts: l})
	if err != nil || string(got) != `{"text": "to be"}` {
		t.Fatalf("got %s, %v", got, err)
	}
	if want := []string{`"to"`, `{"done": 1, "of": 2}`, `"be"`, `{"done": 2, "of": 2}`}; !slices.Equal(l.parts, want) {
		t.Errorf("heard %q, want %q", l.parts, want)
	}

	// It takes one message at a time, so the one after a cancelled one shows that it has stopped.
	ctx, cancel := context.WithCancel(t.Context())
	_, err = p.Handle(ctx, &agent.Message{Payload: []byte(`{"text":"not to be","pause":3600}`), Parts: &listener{heard: cancel}})
	if api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v", err)
	}
	if got, err = p.Handle(t.Context(), &agent.Message{Payload: []byte(`{"text":"be"}`)}); string(got) != `{"text": "be"}` {
		t.Errorf("after a cancel: %s, %v", got, err)
	}
	if err := p.Stop(t.Context()); err != nil || p.Err() != nil {
		t.Error(err, p.Err())
	}
}
