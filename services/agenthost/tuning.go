package agenthost

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting"
)

// Tuning is the section "agenthost" of the configuration.
type Tuning struct {
	MaxAgents int `json:"max_agents" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"agents that one host takes; those that run stay"`
	Mailbox   int `json:"mailbox" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"messages that wait for an agent whose registration does not say how many; for agents that start from then on"`
}

// tune follows the section.
func (s *Service) tune(ctx context.Context) (err error) {
	given := map[string]any{}
	if s.cfg.MaxAgents > 0 {
		given["max_agents"] = s.cfg.MaxAgents
	}
	s.tuning, err = setting.Open(ctx, s.conn, setting.Section[Tuning]{
		Name: "agenthost", Default: Tuning{MaxAgents: DefaultMaxAgents, Mailbox: api.DefaultMailbox}, Given: given,
		Changed: func(old, next *Tuning) {
			if old.MaxAgents == next.MaxAgents {
				return
			}
			select {
			case s.tuned <- struct{}{}:
			default:
			}
		},
	}, s.log)
	return err
}

func (s *Service) maxAgents() int { return s.tuning.Current().MaxAgents }

// tellTuned has the registry know how many agents the host takes, whenever that has changed.
func (s *Service) tellTuned() {
	for {
		select {
		case <-s.base.Done():
			return
		case <-s.tuned:
		}
		for s.tellHost(s.base) != nil {
			select {
			case <-s.base.Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
}
