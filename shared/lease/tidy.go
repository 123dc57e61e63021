package lease

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/kv"
)

const (
	crowded    = 75     // per cent of the bucket's bound, above which leases that have ended make room before Keep is over
	tidyAtOnce = 20_000 // leases that are removed in one round, and marks of removed ones
)

// tidy removes leases that have been dead for Keep, by the store's clock, and while the bucket is crowded those that have been so for ten minutes
// (rest, with the Keep of a day), the first of them first. All watchers do it, at random times; what another has removed is simply not there.
func (w *Watcher) tidy(ctx context.Context) {
	every, often := w.store.timing.Keep/24, w.store.timing.rest()/10
	for due := every/2 + rand.N(every); ; {
		d := often/2 + rand.N(often)
		due -= d
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		age := w.store.timing.Keep
		tight, err := w.tight(ctx)
		switch {
		case tight:
			age = w.store.timing.rest()
		case due > 0:
			continue
		default:
			due = every/2 + rand.N(every)
		}
		if err == nil {
			err = w.tidyOnce(ctx, age)
		}
		if err != nil && ctx.Err() == nil {
			w.opts.Log.Warn().Err(err).Bool("crowded", tight).Msg("dead leases could not be removed")
		}
	}
}

// tight tells whether the bucket is crowded.
func (w *Watcher) tight(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	used, bound, err := w.store.bucket.Size(ctx)
	return err == nil && bound > 0 && used >= bound/100*crowded, err
}

// tidyOnce removes what has been dead for age. A mark of each stays for as long again, so that who was away for a moment hears of it.
func (w *Watcher) tidyOnce(ctx context.Context, age time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := w.store.bucket.Sweep(ctx, age, tidyAtOnce); err != nil {
		return err
	}
	now, err := w.store.bucket.Now(ctx)
	if err != nil {
		return err
	}
	removed := 0
	for _, id := range w.ended() {
		e, err := w.store.bucket.Get(ctx, id)
		if err != nil {
			return err
		}
		if !e.Exists() {
			continue
		}
		if removed == tidyAtOnce || now.Sub(e.Time) < age {
			break // the others ended later
		}
		if _, err := w.store.bucket.Write(ctx, kv.Write{Key: id, Delete: true, Expect: e.Revision}); err != nil && !errors.Is(err, kv.ErrLost) {
			return err
		}
		removed++
	}
	return nil
}

// ended returns the leases that have, in the order of their ends.
func (w *Watcher) ended() []string {
	type end struct {
		id  string
		rev uint64
	}
	var all []end
	w.mirror.Range(func(id string, r *record, rev uint64) bool {
		if state(r) == Dead {
			all = append(all, end{id, rev})
		}
		return true
	})
	slices.SortFunc(all, func(a, b end) int { return cmp.Compare(a.rev, b.rev) })
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.id
	}
	return ids
}
