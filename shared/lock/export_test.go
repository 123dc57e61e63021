package lock

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/lease"
)

// Tidy removes the locks that have been empty for longer than age.
func (s *Store) Tidy(ctx context.Context, age time.Duration) error { return s.tidy(ctx, age, manyIdle) }

// Lines returns how many locks the store knows more of than its mirror, or has users of.
func (s *Store) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines)
}

// Knows tells whether the store knows a lease to live.
func (s *Store) Knows(id string) bool { return s.sight.State(id) == lease.Live }

// Gathers tells whether the mirror lets changes gather.
func (s *Store) Gathers() bool { return s.gather() > 0 }
