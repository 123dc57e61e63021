package canary_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/client/agent/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// dieEnv has a worker fail at its start.
const dieEnv = "MABUS_CANARY_DIE"

// dump is all that a worker knows: its environment, and what the files that it was given hold.
func dump() string {
	all := os.Environ()
	for _, v := range os.Environ() {
		if name, path, _ := strings.Cut(v, "="); strings.HasSuffix(name, "_FILE") {
			data, _ := os.ReadFile(path)
			all = append(all, name+" holds "+string(data))
		}
	}
	return strings.Join(all, " ")
}

// worker is an exec agent that tells all that it knows, in the way that a message names.
func worker() error {
	known := dump() // the files can be read once
	if os.Getenv(dieEnv) != "" {
		return errors.New("cannot start with " + known)
	}
	return exec.Serve(func(_ context.Context, env agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
			return tell(ctx, env, m, known)
		}), nil
	})
}

// order is what a message says.
type order struct {
	Do string `json:"do"`
}

func tell(ctx context.Context, env agent.Env, m *agent.Message, known string) (json.RawMessage, error) {
	said, err := codec.Marshal(known)
	if err != nil {
		return nil, err
	}
	if q, ok := m.Question(); ok { // of a session
		fmt.Fprintln(os.Stderr, "asked", q.Session, known)
		return codec.Marshal(api.BallotAnswer{Choice: "yes", Reason: known})
	}
	var o order
	if err := codec.Read(m.Payload, &o); err != nil {
		return nil, err
	}
	switch o.Do {
	case "error":
		return nil, errors.New(known)
	case "parts":
		if err := errors.Join(m.Parts.Chunk(ctx, said), m.Parts.Progress(ctx, said), m.Parts.Checkpoint(ctx, said)); err != nil {
			return nil, err
		}
	case "pieces":
		for len(known) > 0 {
			n := min(9, len(known))
			piece, err := codec.Marshal(map[string]string{"text": known[:n]})
			if err == nil {
				err = m.Parts.Chunk(ctx, piece)
			}
			if err != nil {
				return nil, err
			}
			known = known[n:]
		}
		return nil, nil
	case "save":
		return nil, env.Save(ctx, said)
	case "call":
		return env.Bus.Call(ctx, "echo", known)
	case "log":
		env.Logf("%s", known)
		fmt.Fprintln(os.Stderr, known)
		fmt.Println(known)
		return nil, nil
	case "panic":
		panic(known)
	}
	return said, nil
}
