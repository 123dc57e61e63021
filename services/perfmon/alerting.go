package perfmon

import (
	"context"

	"github.com/mabus-project/mabus/services/perfmon/alerts"
	"github.com/mabus-project/mabus/services/perfmon/view"
)

// openAlerts begins to apply rules to the view.
func (s *Service) openAlerts(ctx context.Context) (err error) {
	cfg := s.cfg.Alerts
	cfg.Replicas, cfg.Log, cfg.Metrics = s.cfg.Replicas, s.cfg.Log, s.cfg.Metrics
	cfg.Look, cfg.Current = s.lookAt, s.log.ready
	if s.alerts, err = alerts.Open(ctx, s.conn, cfg); err == nil {
		s.alerting.Store(s.alerts)
		s.retune(s.tuning.Current()) // what has changed while it was being opened
	}
	return err
}

// lookAt lets f see the view, to which nothing is added meanwhile.
func (s *Service) lookAt(f func(v *view.View)) {
	s.log.mu.RLock()
	defer s.log.mu.RUnlock()
	f(s.log.view)
}
