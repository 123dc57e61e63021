package lease

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lease/rules"
)

// proofKey is written by watchers, to see whether the store takes writes. It has a dot, and so is no lease's.
const proofKey = "store.proof"

// challenge looks for leases that were not renewed although they could have been, and declares them dead.
func (w *Watcher) challenge(ctx context.Context) {
	tick := time.NewTicker(w.store.timing.rules().Tick())
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		dead, doubt := w.look()
		if doubt {
			w.prove(ctx)
		}
		for _, s := range dead {
			if !w.declareDead(ctx, s) {
				break
			}
		}
	}
}

func (w *Watcher) look() (dead []rules.Sight, doubt bool) {
	now, view := w.view()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rules.Look(now, view)
}

func (w *Watcher) still(s rules.Sight) bool {
	now, view := w.view()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rules.Still(s, now, view)
}

// view reads the time first: the view may break meanwhile.
func (w *Watcher) view() (time.Duration, rules.View) {
	now := elapsed()
	return now, rules.View{Epoch: w.mirror.Epoch(), Synced: w.mirror.Synced(), Age: w.mirror.Age()}
}

// prove finds out whether the store takes writes. That another watcher's write came first shows it too.
func (w *Watcher) prove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.store.timing.Renew)
	defer cancel()
	sent := elapsed()
	e, err := w.store.bucket.Get(ctx, proofKey)
	if err == nil {
		_, err = w.store.bucket.Write(ctx, kv.Write{Key: proofKey, Value: []byte("{}"), Expect: e.Revision})
	}
	if err != nil && !errors.Is(err, kv.ErrLost) {
		w.opts.Log.Warn().Err(err).Msg("leases are not renewed, and the store takes no writes: none is declared dead")
		w.refused()
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules.Proved(sent)
}

func (w *Watcher) refused() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rules.Refused(elapsed())
}

// declareDead tells whether the store has answered.
func (w *Watcher) declareDead(ctx context.Context, s rules.Sight) bool {
	r, rev, ok := w.mirror.Get(s.ID)
	if !ok || rev != s.Revision || r.State != live || !w.still(s) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.timing.Renew)
	defer cancel()
	_, err := w.store.put(ctx, s.ID, record{Holder: r.Holder, State: dead, Principal: r.Principal}, rev)
	switch {
	case err == nil:
		w.opts.Log.Warn().Str("lease", s.ID).Msg("lease was not renewed and is dead")
	case !errors.Is(err, kv.ErrLost): // lost: it was renewed, or another watcher was faster
		w.opts.Log.Warn().Err(err).Str("lease", s.ID).Msg("lease was not renewed and could not be declared dead")
		w.refused()
		return false
	}
	return true
}
