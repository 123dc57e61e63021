package guard

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/kv"
)

const (
	limitsMaxBytes = 64 << 20
	limitsMaxValue = 4 << 10
	limitsHistory  = 8
	// limitsTTL drops the limits that nobody uses any more. It is longer than any debt or pause can last.
	limitsTTL = 72 * time.Hour

	// storeTimeout is how long a call waits for a store that does not answer, when it may not wait longer for its turn.
	storeTimeout = 2 * time.Second
)

// Limits keeps the cluster-wide limits of a namespace, in the bucket <namespace>_limits: a key for each, changed by
// compare-and-set. One serves all guards of a process; it is safe for concurrent use.
type Limits struct {
	bucket *kv.Bucket
	base   context.Context // ends with Close
	stop   context.CancelFunc
	run    sync.WaitGroup

	mu   sync.Mutex
	keys map[string]*shared // nil when closed
}

// OpenLimits opens the bucket of limits, and keeps trying until ctx ends while JetStream is not ready. Replicas is the number
// of copies in a cluster. Close it after the guards that use it.
func OpenLimits(ctx context.Context, js jetstream.JetStream, namespace string, replicas int) (*Limits, error) {
	b, err := kv.Open(ctx, js, kv.Config{
		Namespace: namespace, Name: "limits", Replicas: replicas, History: limitsHistory,
		MaxBytes: limitsMaxBytes, MaxValueSize: limitsMaxValue, TTL: limitsTTL,
	})
	if err != nil {
		return nil, err
	}
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	return &Limits{bucket: b, base: base, stop: stop, keys: map[string]*shared{}}, nil
}

// Close ends the work on limits; calls that wait for one are unavailable. What calls would have given back is lost.
func (l *Limits) Close() {
	l.mu.Lock()
	keys := l.keys
	l.keys = nil
	l.mu.Unlock()
	l.stop()
	for _, s := range keys {
		s.fail(errClosed)
	}
	l.run.Wait()
}

// join returns the limit of a key, which all guards of the process share.
func (l *Limits) join(key string) *shared {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.keys[key]
	if s == nil {
		s = &shared{limits: l, key: key, kick: make(chan struct{}, 1)}
		if l.keys != nil {
			l.keys[key] = s
		}
	}
	s.guards++
	return s
}

// leave forgets a limit that no guard of the process uses any more.
func (l *Limits) leave(s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.guards--; s.guards == 0 && l.keys[s.key] == s {
		delete(l.keys, s.key)
	}
}

// start runs f until it ends, unless Limits is closed.
func (l *Limits) start(f func(context.Context)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		return false
	}
	l.run.Go(func() { f(l.base) })
	return true
}
