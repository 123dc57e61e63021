package registry

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
)

// purgeAgent removes an agent's record, and the revisions of it. Between the two, and when it is repeated, the record is gone, and the reaper
// removes the revisions after an hour if nobody asks again.
func (s *Service) purgeAgent(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
	resp, err := s.deregisterAgent(ctx, r)
	if err != nil {
		return nil, err
	}
	return resp, s.agents.bucket.Forget(ctx, r.ID)
}
