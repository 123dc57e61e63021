package lease

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/mabus-project/mabus/shared/kv"
)

// tidyAtOnce bounds how many dead leases are removed in one round.
const tidyAtOnce = 1000

// tidy removes leases that have been dead for Keep, by the store's clock. All watchers do it, at random times; what
// another has removed is simply not there.
func (w *Watcher) tidy(ctx context.Context) {
	every := w.store.timing.Keep / 24
	for {
		t := time.NewTimer(every/2 + rand.N(every))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		if err := w.tidyOnce(ctx); err != nil && ctx.Err() == nil {
			w.opts.Log.Warn().Err(err).Msg("dead leases could not be removed")
		}
	}
}

func (w *Watcher) tidyOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	now, err := w.store.bucket.Now(ctx)
	if err != nil {
		return err
	}
	var ids []string
	w.mirror.Range(func(id string, r *record, _ uint64) bool {
		if state(r) == Dead {
			ids = append(ids, id)
		}
		return len(ids) < tidyAtOnce
	})
	for _, id := range ids {
		e, err := w.store.bucket.Get(ctx, id)
		if err != nil {
			return err
		}
		if !e.Exists() || now.Sub(e.Time) < w.store.timing.Keep {
			continue
		}
		if _, err := w.store.bucket.Write(ctx, kv.Write{Key: id, Delete: true, Expect: e.Revision}); err != nil && !errors.Is(err, kv.ErrLost) {
			return err
		}
	}
	_, err = w.store.bucket.Sweep(ctx, w.store.timing.Keep, tidyAtOnce)
	return err
}
