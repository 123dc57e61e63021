package replog

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

// Config says what a log is.
type Config[S any] struct {
	// Realm names the log within the namespace: the stream is <namespace>_log_<realm>.
	Realm string
	// Machine is what the log drives.
	Machine engine.Machine[S]
	// Runners carry out effects, by their kind. Effects of another kind wait until a replica comes that knows it.
	Runners map[string]Runner
	// Restored is told of a state that the reader starts from: a snapshot, or the state before the first entry. All that Applied
	// had told before is then told again, or is within that state. It runs on the reader's goroutine and must not block.
	Restored func(s S, seq uint64)
	// Applied is told of each entry, in the order of the log, on the reader's goroutine, before callers are answered. It must not
	// block, nor keep or change s. live is false while the log is replayed.
	Applied func(a *engine.Applied, s S, live bool)
	// Replicas is the number of copies of what the log stores; 1 unless given.
	Replicas int
	// MaxBytes bounds the stream; 1 GiB unless given. A full log refuses commands as overloaded.
	MaxBytes int64
	// Queue is how many commands may wait; 8192 unless given. More are refused as overloaded.
	Queue int
	// EffectsAtOnce is how many effects run at the same time; 512 unless given.
	EffectsAtOnce int
	// SnapshotEntries and SnapshotBytes say after how many entries, or bytes of them, a snapshot is due; 100,000 and 256 MiB
	// unless given.
	SnapshotEntries uint64
	SnapshotBytes   int64
	Log             zerolog.Logger
	// Metrics may be nil.
	Metrics prometheus.Registerer

	hooks hooks
}

// Runner carries out an effect, and returns what it has brought: the body of the outcome. An error means that it could not be done
// now: it is tried again, later each time, for as long as the effect is this replica's. A failure for good belongs into the
// outcome. ctx ends when the effect is no longer this replica's to run. The same effect may be run again, here or elsewhere: who
// receives it must know it by its id.
type Runner func(ctx context.Context, e engine.Effect) ([]byte, error)

// When returns a runner that waits for opened to be closed: an effect may be due before Open has returned.
func When(opened <-chan struct{}, run Runner) Runner {
	return func(ctx context.Context, e engine.Effect) ([]byte, error) {
		select {
		case <-opened:
			return run(ctx, e)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// hooks are what tests change.
type hooks struct {
	now    func() time.Duration    // time since a start, on a clock that nobody sets
	at     func(point string) bool // called at the points of the request path; false ends the replica there
	writer string                  // instead of a random name
	batch  func(*engine.Batch)     // changes a batch before it is published
}

// Points of the request path, for hooks.
const (
	pointQueued    = "queued"    // a command waits
	pointPublished = "published" // a batch is sent, and not acknowledged
	pointAcked     = "acked"     // it is acknowledged, and not applied
	pointApplied   = "applied"   // it is applied, and nobody was answered
)

const (
	defaultMaxBytes  = 1 << 30
	defaultQueue     = 8192
	defaultEffects   = 512
	snapshotEntries  = 100_000
	snapshotBytes    = 256 << 20
	maxRealm         = 64
	streamNamePrefix = "log_"
)

var began = time.Now()

func (c Config[S]) withDefaults() (Config[S], error) {
	if !api.ValidID(c.Realm) {
		return c, api.Errorf(api.Invalid, "the realm of a log must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", maxRealm).WithFields("realm")
	}
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.MaxBytes = cmp.Or(c.MaxBytes, defaultMaxBytes)
	c.Queue = cmp.Or(c.Queue, defaultQueue)
	c.EffectsAtOnce = cmp.Or(c.EffectsAtOnce, defaultEffects)
	c.SnapshotEntries = cmp.Or(c.SnapshotEntries, snapshotEntries)
	c.SnapshotBytes = cmp.Or(c.SnapshotBytes, min(snapshotBytes, c.MaxBytes/2))
	if c.Restored == nil {
		c.Restored = func(S, uint64) {}
	}
	if c.Applied == nil {
		c.Applied = func(*engine.Applied, S, bool) {}
	}
	if c.hooks.now == nil {
		c.hooks.now = func() time.Duration { return time.Since(began) }
	}
	if c.hooks.at == nil {
		c.hooks.at = func(string) bool { return true }
	}
	if c.hooks.batch == nil {
		c.hooks.batch = func(*engine.Batch) {}
	}
	return c, nil
}
