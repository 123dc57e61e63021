package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// roomAtOnce bounds how many leases that have ended are removed to make room for one.
const roomAtOnce = 8

// rest is for how long a lease that has ended stays on record at least. In that time all have heard of its end.
func (t Timing) rest() time.Duration { return t.Keep / 144 }

// quota knows whose leases are on record, of those that principals acquired by requests: as many as there are, and one for each request under
// way.
type quota struct {
	mu  sync.Mutex
	own map[string]map[string]struct{} // ids, by principals
}

func (q *quota) change(c kv.Change[record]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.Old != nil {
		q.drop(c.Old.Principal, c.Key)
	}
	if c.New != nil && c.New.Principal != "" {
		q.add(c.New.Principal, c.Key)
	}
}

func (q *quota) add(principal, id string) {
	ids := q.own[principal]
	if ids == nil {
		ids = map[string]struct{}{}
		q.own[principal] = ids
	}
	ids[id] = struct{}{}
}

func (q *quota) drop(principal, id string) {
	delete(q.own[principal], id)
	if len(q.own[principal]) == 0 {
		delete(q.own, principal)
	}
}

// take counts one more lease unless the principal has as many as it may. It is known when the lease is on record already.
func (q *quota) take(principal, id string) (known, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, known = q.own[principal][id]; known {
		return true, true
	}
	if len(q.own[principal]) >= api.MaxLeases {
		return false, false
	}
	q.add(principal, id)
	return false, true
}

func (q *quota) ids(principal string) (all []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id := range q.own[principal] {
		all = append(all, id)
	}
	return all
}

// AcquireFor is Store.AcquireFor, and bounds how many leases a principal has on record at api.MaxLeases: overloaded (leases_full). Those that have
// ended some time ago make room. Each watcher counts by its own view, so several of them may together let a few more in at the same moment.
func (w *Watcher) AcquireFor(ctx context.Context, id, nonce, principal string) (token string, err error) {
	if principal == "" {
		return w.store.AcquireFor(ctx, id, nonce, principal)
	}
	known, ok := w.quota.take(principal, id)
	if !ok && w.makeRoom(ctx, principal) {
		known, ok = w.quota.take(principal, id)
	}
	if !ok {
		return "", api.Errorf(api.Overloaded, "%s has %d leases on record, as many as a principal may: release some, or keep one for all that a process does; those that have ended make room after %s",
			principal, api.MaxLeases, w.store.timing.rest()).WithReason(api.ReasonLeasesFull)
	}
	token, err = w.store.AcquireFor(ctx, id, nonce, principal)
	if err == nil {
		if rev, perr := w.store.bucket.ParseToken(token); perr == nil {
			wait, cancel := context.WithTimeout(ctx, w.store.timing.Renew)
			defer cancel()
			_ = w.mirror.WaitFor(wait, rev) // so that what is counted below is on record
		}
	}
	if !known {
		w.quota.recount(principal, id, w.mirror)
	}
	return token, err
}

// recount counts a lease if the view has it as the principal's.
func (q *quota) recount(principal, id string, m *kv.Mirror[record]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r, _, ok := m.Get(id); !ok || r.Principal != principal {
		q.drop(principal, id)
	}
}

// makeRoom removes those of a principal's leases that ended first, if that was long enough ago, and tells whether there were any.
func (w *Watcher) makeRoom(ctx context.Context, principal string) (made bool) {
	now, err := w.store.bucket.Now(ctx)
	if err != nil {
		return false
	}
	for range roomAtOnce {
		id, rev := "", uint64(0)
		for _, other := range w.quota.ids(principal) {
			if r, at, ok := w.mirror.Get(other); ok && state(r) == Dead && (id == "" || at < rev) {
				id, rev = other, at
			}
		}
		if id == "" {
			return made
		}
		e, err := w.store.bucket.Get(ctx, id)
		if err != nil || e.Exists() && now.Sub(e.Time) < w.store.timing.rest() {
			return made
		}
		if e.Exists() {
			if e.Revision, err = w.store.bucket.Write(ctx, kv.Write{Key: id, Delete: true, Expect: e.Revision}); err != nil && !errors.Is(err, kv.ErrLost) {
				return made
			}
		}
		if err == nil && w.mirror.WaitFor(ctx, e.Revision) != nil {
			return made
		}
		made = true
	}
	return made
}
