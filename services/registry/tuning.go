package registry

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting"
)

// Tuning is the section "registry" of the configuration. The timing of leases is not there: every process must have the same at all times.
type Tuning struct {
	Sweep  api.Duration `json:"sweep" jsonschema_description:"how often what is recorded is compared with the leases" jsonschema_extras:"minimum_duration=10ms,maximum_duration=10m"`
	TakeUp api.Duration `json:"take_up" jsonschema_description:"how long the agents of a lost host are left to other hosts before they are marked failed" jsonschema_extras:"minimum_duration=10ms,maximum_duration=24h"`
}

// DefaultOperator is who may change what is protected unless configured otherwise.
const DefaultOperator = "operator"

// Access is the section "access": who may change what is protected.
type Access struct {
	Operators []string `json:"operators" jsonschema:"minItems=1,maxItems=256" jsonschema_description:"principals who may change what is protected" jsonschema_extras:"protected=true"`
}

// Validate implements api.Validator.
func (a *Access) Validate() error {
	for _, id := range a.Operators {
		if err := api.CheckID("operators", id); err != nil {
			return err
		}
	}
	return nil
}

// tune follows the sections of this service.
func (s *Service) tune(ctx context.Context, wake func()) (err error) {
	given := map[string]any{}
	if s.cfg.Sweep > 0 {
		given["sweep"] = api.Duration(s.cfg.Sweep)
	}
	if s.cfg.TakeUp > 0 {
		given["take_up"] = api.Duration(s.cfg.TakeUp)
	}
	s.tuning, err = setting.Open(ctx, s.conn, setting.Section[Tuning]{
		Name: "registry", Default: Tuning{Sweep: api.Duration(5 * time.Second), TakeUp: api.Duration(5 * time.Second)}, Given: given,
		Changed: func(*Tuning, *Tuning) { wake() },
	}, s.cfg.Log)
	if err != nil {
		return err
	}
	s.cleanups = append(s.cleanups, s.tuning.Close)
	who, err := setting.Open(ctx, s.conn, setting.Section[Access]{
		Name: "access", Default: Access{Operators: []string{DefaultOperator}}, Given: map[string]any{"operators": s.cfg.Operators},
	}, s.cfg.Log)
	if err != nil {
		return err
	}
	s.cleanups = append(s.cleanups, who.Close)
	return nil
}
