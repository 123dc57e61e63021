package budgets

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/spend"
	"github.com/mabus-project/mabus/shared/api"
)

// ErrDied ends a call as the death of its process would, if a step returns it.
var ErrDied = errDied

// OnStep has f called after each step of a reservation. Call it before the store is used.
func (s *Store) OnStep(f func(name string) error) { s.step = f }

// OrphansAfter sets how old a hold is that no budget knows when it is given back.
func (s *Store) OrphansAfter(d time.Duration) { s.orphans = d }

// ReserveUnheard reserves, but the write does not reach the store and nobody hears of that. It returns the record that was not written.
func (s *Store) ReserveUnheard(ctx context.Context, c Call) (unwritten spend.Account, told error) {
	_, told = s.reserve(ctx, c, func(a *spend.Account, call string, most api.Micro, now, until time.Time) (bool, error) {
		unwritten = *a.Clone()
		if _, err := unwritten.Reserve(call, most, now, until); err != nil {
			return false, err
		}
		return false, api.Errorf(api.Unavailable, "nobody knows").MaybeExecuted()
	})
	return unwritten, told
}

// GoneMeanwhile asks for two changes in one batch. The caller of the second goes away before it is made: what it is told, and
// whether its change was made.
func (s *Store) GoneMeanwhile(ctx context.Context, key string) (made bool, told error) {
	second, leave := context.WithCancel(ctx)
	defer leave()
	l := &lane{busy: true}
	s.mu.Lock()
	s.lanes[key] = l
	s.mu.Unlock()
	a := s.begin(ctx, key, func(*spend.Account, time.Time) (bool, error) { leave(); return false, nil })
	b := s.begin(second, key, func(*spend.Account, time.Time) (bool, error) { made = true; return false, nil })
	s.drive(key, l)
	_, _ = a.finish()
	_, told = b.finish()
	return made, told
}
