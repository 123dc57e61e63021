package perfmon

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/perfmon/view"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting"
)

// Tuning is the section "perfmon" of the configuration.
type Tuning struct {
	Interval    api.Duration `json:"interval" jsonschema_description:"for how long a replica gathers before it writes to the log; at most 5s" jsonschema_extras:"minimum_duration=10ms"`
	MaxSeries   int          `json:"max_series" jsonschema:"minimum=1,maximum=10000000" jsonschema_description:"series that the fleet has, aggregates included" jsonschema_extras:"restart=true"`
	ViewBytes   int64        `json:"view_bytes" jsonschema:"minimum=1048576" jsonschema_description:"memory of one replica for what was measured" jsonschema_extras:"restart=true"`
	LogBytes    int64        `json:"log_bytes" jsonschema:"minimum=1048576" jsonschema_description:"bytes of the log of measures on disk" jsonschema_extras:"restart=true"`
	MinuteBytes int64        `json:"minute_bytes" jsonschema:"minimum=1048576" jsonschema_description:"bytes of the minutes on disk" jsonschema_extras:"restart=true"`
	AlertsEvery api.Duration `json:"alerts_every" jsonschema_description:"how often a rule is applied at most" jsonschema_extras:"minimum_duration=10ms,maximum_duration=1h"`
	GiveUp      api.Duration `json:"alerts_give_up" jsonschema_description:"for how long the delivery of an alert is tried" jsonschema_extras:"minimum_duration=10ms,maximum_duration=168h"`
}

// tune follows the section. It changes the replica's Config to what holds at its start.
func (s *Service) tune(ctx context.Context) (err error) {
	given := map[string]any{}
	for path, v := range map[string]int64{"max_series": int64(s.cfg.MaxSeries), "view_bytes": s.cfg.ViewBytes, "log_bytes": s.cfg.LogBytes, "minute_bytes": s.cfg.MinuteBytes} {
		if v > 0 {
			given[path] = v
		}
	}
	for path, d := range map[string]time.Duration{"interval": s.cfg.Interval, "alerts_every": s.cfg.Alerts.Every, "alerts_give_up": s.cfg.Alerts.GiveUp} {
		if d > 0 {
			given[path] = api.Duration(d)
		}
	}
	s.tuning, err = setting.Open(ctx, s.conn, setting.Section[Tuning]{
		Name: "perfmon", Given: given,
		Default: Tuning{
			Interval: api.Duration(DefaultInterval), MaxSeries: view.DefaultSeries, ViewBytes: view.DefaultBytes, LogBytes: DefaultLogBytes, MinuteBytes: DefaultMinuteBytes,
			AlertsEvery: api.Duration(time.Second), GiveUp: api.Duration(time.Hour),
		},
		Changed: func(_, next *Tuning) { s.retune(next) },
	}, s.cfg.Log)
	if err != nil {
		return err
	}
	t := s.tuning.Current()
	s.cfg.MaxSeries, s.cfg.ViewBytes, s.cfg.LogBytes, s.cfg.MinuteBytes = t.MaxSeries, t.ViewBytes, t.LogBytes, t.MinuteBytes
	s.cfg.Alerts.Every, s.cfg.Alerts.GiveUp = t.AlertsEvery.Std(), t.GiveUp.Std()
	return nil
}

func (s *Service) interval() time.Duration { return s.tuning.Current().Interval.Std() }

// retune has what runs take up a change; what is opened yet begins with the present values.
func (s *Service) retune(t *Tuning) {
	select {
	case s.tuned <- struct{}{}:
	default:
	}
	if a := s.alerting.Load(); a != nil {
		a.Tune(t.AlertsEvery.Std(), t.GiveUp.Std())
	}
}
