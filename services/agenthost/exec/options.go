package exec

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
)

// Defaults of Options.
const (
	DefaultReadyTimeout = 10 * time.Second
	DefaultGrace        = 5 * time.Second
	DefaultHungAfter    = time.Minute
	DefaultMaxLine      = 64 << 20
)

// Options is what the host gives a worker's process. The zero value works.
type Options struct {
	// Bus carries the worker's own calls and casts; without one they are answered with unimplemented.
	Bus agent.Bus
	// Log gets the worker's standard error and log frames, with the agent's id.
	Log zerolog.Logger
	// ReadyTimeout is how long Start waits for the ready frame of a worker whose config has "wait_ready": true; 10s
	// unless given.
	ReadyTimeout time.Duration
	// Grace is how long Stop waits after the stop frame, and again after SIGTERM; 5s unless given.
	Grace time.Duration
	// HungAfter is how long a worker may keep a message that nobody waits for any more before it is killed as hung;
	// 1m unless given, never if negative.
	HungAfter time.Duration
	// MaxLine is how many bytes one line may have, in either direction; 64 MiB unless given.
	MaxLine int
}

func (o Options) withDefaults() Options {
	if o.ReadyTimeout <= 0 {
		o.ReadyTimeout = DefaultReadyTimeout
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.HungAfter == 0 {
		o.HungAfter = DefaultHungAfter
	}
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	return o
}
