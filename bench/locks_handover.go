package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/lock"
)

const (
	lockCallers = 64
	lockEnds    = 2
)

func closedSide(callers int, op func(ctx context.Context, caller int) error) func(context.Context, time.Duration) (load, error) {
	return func(ctx context.Context, d time.Duration) (load, error) { return closed(ctx, callers, d, op) }
}

func (r *run) dialAt(at lockPlace) (*nats.Conn, error) {
	nc, err := nats.Connect(at.url, nats.Name("mabus bench plain"))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return nc, nil
}

// handover is one lock that goes from caller to caller.
type handover struct {
	ends     []*lockEnd
	began    time.Time
	released atomic.Int64 // when the last holder began to release, since began
	token    atomic.Uint64
	took     []time.Duration // touched by the holder alone
}

func (r *run) lockHandover(ctx context.Context, at lockPlace) error {
	h := &handover{began: time.Now()}
	for range lockEnds {
		e, done, err := r.lockEnd(ctx, at)
		if err != nil {
			return err
		}
		defer done()
		h.ends = append(h.ends, e)
	}
	return r.rounds(ctx, "handover "+at.suffix, []side{{"locks", func(ctx context.Context, d time.Duration) (load, error) {
		h.took = nil
		h.released.Store(0)
		return closed(ctx, lockCallers, d, h.turn)
	}}}, func([]load) {
		p50, p99 := percentiles(slices.Clone(h.took))
		r.record("lock_handover_p50_ms"+at.suffix, "ms", millis(p50))
		r.record("lock_handover_p99_ms"+at.suffix, "ms", millis(p99))
		r.record("lock_handover_max_ms"+at.suffix, "ms", millis(slices.Max(h.took)))
	})
}

// turn takes the lock and gives it to the next.
func (h *handover) turn(ctx context.Context, caller int) error {
	e := h.ends[caller%len(h.ends)]
	held, err := e.store.Lock(ctx, e.own, lock.Request{Name: "wanted", Wait: time.Minute})
	if err != nil {
		return err
	}
	now := time.Since(h.began)
	if before := h.token.Swap(held.Token()); before >= held.Token() {
		return fmt.Errorf("token %d was granted after %d", held.Token(), before)
	}
	if at := h.released.Load(); at > 0 {
		h.took = append(h.took, now-time.Duration(at))
	}
	h.released.Store(int64(time.Since(h.began)))
	return held.Release(ctx)
}
