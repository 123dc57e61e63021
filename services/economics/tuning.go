package economics

import (
	"context"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
)

// Tuning is the section "economics" of the configuration.
type Tuning struct {
	Operators []string `json:"operators" jsonschema:"minItems=1,maxItems=256" jsonschema_description:"principals who may mint, burn, judge and act for the system" jsonschema_extras:"protected=true"`
	Waiters   int      `json:"waiters" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"requests that wait for a change at one replica; more than it started with holds at its next start"`
}

// Validate implements api.Validator.
func (t *Tuning) Validate() error {
	for _, id := range t.Operators {
		if err := api.CheckID("operators", id); err != nil {
			return err
		}
	}
	return nil
}

// tune follows the section.
func (e *economy) tune(ctx context.Context, conn *rpc.Conn, cfg Config) (err error) {
	given := map[string]any{}
	if len(cfg.Operators) > 0 {
		given["operators"] = cfg.Operators
	}
	if cfg.Waiters > 0 {
		given["waiters"] = cfg.Waiters
	}
	e.tuning, err = setting.Open(ctx, conn, setting.Section[Tuning]{
		Name: "economics", Default: Tuning{Operators: []string{DefaultOperator}, Waiters: DefaultWaiters}, Given: given,
		Changed: func(_, next *Tuning) { e.seats.Bound(int64(next.Waiters)) },
	}, cfg.Log)
	if err == nil {
		e.cfg.Waiters = e.tuning.Current().Waiters
		e.seats.Most = int64(e.cfg.Waiters)
	}
	return err
}

// isOperator tells whether a principal may mint, burn, judge and act for the system.
func (e *economy) isOperator(who string) bool {
	return slices.Contains(e.tuning.Current().Operators, who)
}
