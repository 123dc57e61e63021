package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock"
)

// lockRatios compares locks that nobody else wants with raw writes.
func (r *run) lockRatios(ctx context.Context, at lockPlace) error {
	e, done, err := r.lockEnd(ctx, at)
	if err != nil {
		return err
	}
	defer done()
	raw, err := r.rawPairs(ctx, at)
	if err != nil {
		return err
	}
	defer raw.close()
	for _, callers := range []int{1, 64} {
		if err := raw.prepare(ctx, callers); err != nil {
			return err
		}
		err := r.rounds(ctx, strings.TrimSpace(fmt.Sprintf("%d callers %s", callers, strings.TrimPrefix(at.suffix, "_"))), []side{
			{"raw", closedSide(callers, raw.pair)},
			{"locks", closedSide(callers, e.pair)},
		}, func(l []load) {
			name := func(figure string) string { return fmt.Sprintf("%s_%d%s", figure, callers, at.suffix) }
			r.record(name("lock_raw_ops"), "ops/s", l[0].rate())
			r.record(name("lock_ops"), "ops/s", l[1].rate())
			r.record(name("lock_ratio"), "ratio", l[1].rate()/l[0].rate())
			r.record(name("lock_p50"), "us", micros(l[1].p50))
			r.record(name("lock_added_cpu"), "us", l[1].cpuEach()-l[0].cpuEach())
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *lockEnd) pair(ctx context.Context, caller int) error {
	h, err := e.store.Lock(ctx, e.own, lock.Request{Name: fmt.Sprintf("own-%d", caller)})
	if err != nil {
		return err
	}
	return h.Release(ctx)
}

// rawPairs are pairs of compare-and-set writes of the sizes that a lock's record has, held and empty.
type rawPairs struct {
	kv          jetstream.KeyValue
	held, empty []byte
	revisions   []uint64 // of each caller's key
	replicas    int
	close       func()
}

func (r *run) rawPairs(ctx context.Context, at lockPlace) (*rawPairs, error) {
	p := &rawPairs{replicas: at.replicas}
	e, done, err := r.lockEnd(ctx, at)
	if err != nil {
		return nil, err
	}
	defer done()
	h, err := e.store.Lock(ctx, e.own, lock.Request{Name: "own-0"})
	if err != nil {
		return nil, err
	}
	locks, err := e.js.KeyValue(ctx, api.Bucket(namespace, "locks"))
	if err != nil {
		return nil, err
	}
	if p.held, err = stored(ctx, locks, "own-0"); err != nil {
		return nil, err
	}
	if err := h.Release(ctx); err != nil {
		return nil, err
	}
	if p.empty, err = stored(ctx, locks, "own-0"); err != nil {
		return nil, err
	}
	status, err := locks.Status(ctx)
	if err != nil {
		return nil, err
	}
	cfg := status.Config()
	cfg.Bucket = "bench-raw"
	nc, err := r.dialAt(at)
	if err != nil {
		return nil, err
	}
	p.close = nc.Close
	js, err := jetstream.New(nc)
	if err == nil {
		p.kv, err = js.CreateOrUpdateKeyValue(ctx, cfg)
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("make the raw bucket: %w", err)
	}
	return p, nil
}

func stored(ctx context.Context, kv jetstream.KeyValue, key string) ([]byte, error) {
	e, err := kv.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	return e.Value(), nil
}

// prepare gives each caller a key.
func (p *rawPairs) prepare(ctx context.Context, callers int) (err error) {
	p.revisions = make([]uint64, callers)
	for i := range p.revisions {
		if p.revisions[i], err = p.kv.Put(ctx, fmt.Sprintf("own-%d", i), p.empty); err != nil {
			return err
		}
	}
	return nil
}

func (p *rawPairs) pair(ctx context.Context, caller int) error {
	key := fmt.Sprintf("own-%d", caller)
	for _, value := range [][]byte{p.held, p.empty} {
		if err := p.update(ctx, key, value, &p.revisions[caller]); err != nil {
			return err
		}
	}
	return nil
}

// update writes a key that nobody else writes. With three copies the writes of other keys can make it fail as if somebody did:
// it is then sent again, as any user has to.
func (p *rawPairs) update(ctx context.Context, key string, value []byte, rev *uint64) error {
	for {
		next, err := p.kv.Update(ctx, key, value, *rev)
		if errors.Is(err, jetstream.ErrKeyRevisionMismatch) && p.replicas > 1 && ctx.Err() == nil {
			continue
		}
		if err == nil {
			*rev = next
		}
		return err
	}
}
