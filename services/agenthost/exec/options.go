package exec

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/secret"
)

// Defaults of Options.
const (
	DefaultReadyTimeout = 10 * time.Second
	DefaultGrace        = 5 * time.Second
	DefaultMaxLine      = 64 << 20
)

// Options is what the host gives a worker's process. The zero value works.
type Options struct {
	// Bus carries the worker's own calls and casts; without one they are answered with unimplemented.
	Bus agent.Bus
	// State is what the agent saved last.
	State agent.State
	// Save keeps a state and returns its version; without it the worker's saves are answered with unimplemented. An error with
	// the code fenced or failed_precondition says that this process can save no more, and ends it with that error.
	Save func(ctx context.Context, data json.RawMessage) (version uint64, err error)
	// Secrets are put into the program's environment; for a name that ends in _FILE, the path of a file with the value. They are taken
	// out of all that the worker says. Start does not change them.
	Secrets map[string]*secret.Value
	// Log gets the worker's standard error and log frames, with the agent's id.
	Log zerolog.Logger
	// ReadyTimeout is how long Start waits for the ready frame of a worker whose config has "wait_ready": true; 10s
	// unless given.
	ReadyTimeout time.Duration
	// Grace is how long Stop waits after the stop frame, and again after SIGTERM; 5s unless given.
	Grace time.Duration
	// CancelGrace is how long a worker may keep a message after its cancel frame. Then it is ended as hung: SIGTERM, and
	// Grace later SIGKILL. As long as Grace unless given, never if negative.
	CancelGrace time.Duration
	// MaxLine is how many bytes one line may have, in either direction; 64 MiB unless given.
	MaxLine int
}

// saved returns what the worker is told of its state, or nil if it cannot save any.
func (o *Options) saved() *agent.State {
	if o.Save == nil {
		return nil
	}
	return &o.State
}

func (o Options) withDefaults() Options {
	if o.ReadyTimeout <= 0 {
		o.ReadyTimeout = DefaultReadyTimeout
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.CancelGrace == 0 {
		o.CancelGrace = o.Grace
	}
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	return o
}
