package state

import (
	"context"
	"time"
)

// Forget removes whatever is kept of an agent that is not registered, and tells whether there was anything.
func (s *Store) Forget(ctx context.Context, agentID string) (existed bool, err error) {
	rec, rev, err := s.read(ctx, agentID)
	if err != nil || rec == nil && rev == 0 {
		return false, err
	}
	registered := time.Time{}
	if rec != nil {
		registered = rec.Registered
	}
	return rec != nil, s.Remove(ctx, agentID, registered)
}
