package perfmon

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/journal"
)

// Apply lets a test say what the log has at a time that has not come.
func (s *Service) Apply(replica string, at time.Time, b *journal.Batch) bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.view.Apply(replica, at, b)
}

// KeepMinute writes a minute, in Unix minutes, unless it is there.
func (s *Service) KeepMinute(ctx context.Context, minute int64) error {
	return s.keepMinute(ctx, minute)
}

// Closing has the replica be about to write its last batch.
func (s *Service) Closing() {
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	s.intake.closed = true
}
