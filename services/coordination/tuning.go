package coordination

import (
	"context"

	"github.com/mabus-project/mabus/shared/setting"
)

// Tuning is the section "coordination" of the configuration.
type Tuning struct {
	Waiters int `json:"waiters" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"requests that wait for locks, elections, barriers, latches and sessions at one replica; more than it started with holds at its next start"`
}

// tune follows the section.
func (s *Service) tune(ctx context.Context) (err error) {
	given := map[string]any{}
	if s.cfg.Waiters > 0 {
		given["waiters"] = s.cfg.Waiters
	}
	tuning, err := setting.Open(ctx, s.conn, setting.Section[Tuning]{
		Name: "coordination", Default: Tuning{Waiters: DefaultWaiters}, Given: given,
		Changed: func(_, next *Tuning) { s.seats.Bound(int64(next.Waiters)) },
	}, s.cfg.Log)
	if err != nil {
		return err
	}
	s.cleanups = append(s.cleanups, tuning.Close)
	s.cfg.Waiters = tuning.Current().Waiters
	s.seats.Most = int64(s.cfg.Waiters)
	return nil
}
