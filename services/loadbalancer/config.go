package loadbalancer

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const configKey = "config"

// obey has the picker follow a configuration that was stored.
func (s *Service) obey(c kv.Change[api.BalanceSettings]) {
	cfg, version := api.DefaultBalanceConfig(), uint64(0)
	if c.New != nil {
		cfg, version = c.New.BalanceConfig, c.New.Version
	}
	if err := s.picker.Configure(cfg); err != nil {
		s.cfg.Log.Error().Err(err).Msg("the stored configuration is not obeyed")
		return
	}
	s.obeys.Store(version)
	s.disagree()
}

// config is the configuration that is obeyed.
func (s *Service) config() api.BalanceConfig {
	if c, _, ok := s.obeyed.Get(configKey); ok {
		return c.BalanceConfig
	}
	return api.DefaultBalanceConfig()
}

func (s *Service) staleAfter() time.Duration { return s.config().StaleAfter.Std() }

func (s *Service) getConfig(ctx context.Context, r *api.BalanceGetRequest) (*api.BalanceSettings, error) {
	if r.MinRevision != "" {
		rev, err := s.bucket.ParseToken(r.MinRevision)
		if err != nil {
			return nil, err
		}
		if err := s.obeyed.WaitFor(ctx, rev); err != nil {
			return nil, err
		}
	}
	c, rev, ok := s.obeyed.Get(configKey)
	if !ok {
		return &api.BalanceSettings{BalanceConfig: api.DefaultBalanceConfig()}, nil
	}
	stored := *c
	stored.Revision = s.bucket.Token(rev)
	return &stored, nil
}

func (s *Service) setConfig(ctx context.Context, r *api.BalanceSetRequest) (*api.BalanceSettings, error) {
	res, err := s.change(ctx, r)
	for errors.Is(err, errChangedMeanwhile) && ctx.Err() == nil {
		res, err = s.change(ctx, r)
	}
	if errors.Is(err, errChangedMeanwhile) {
		return nil, api.Errorf(api.Unavailable, "others change the configuration all the time: try again")
	}
	if err != nil {
		return nil, err
	}
	soon, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	if err := s.agree(soon); err != nil { // it is set all the same, and the section follows as soon as it can
		s.disagree()
	}
	stored := res.Value.BalanceSettings
	stored.Revision = res.Token
	return &stored, nil
}

// change sets the configuration if it is still the one that the section was told of: what it would replace otherwise, or another replica's
// write of the section that is under way, could be taken for newer.
func (s *Service) change(ctx context.Context, r *api.BalanceSetRequest) (kv.Result[settings], error) {
	agreed, err := s.beforeChange(ctx)
	if err != nil {
		return kv.Result[settings]{}, err
	}
	cause := rpc.CauseFrom(ctx)
	return s.settings.Update(ctx, cause, configKey, func(old *settings, now time.Time) (*settings, string, error) {
		next := settings{BalanceSettings: api.BalanceSettings{BalanceConfig: api.DefaultBalanceConfig()}}
		if old != nil {
			next = *old
		}
		if r.Version != nil && *r.Version != next.Version {
			return nil, "", api.Errorf(api.Conflict, "the configuration has version %d, and %d was expected: read it again", next.Version, *r.Version).WithReason(api.ReasonConfigChanged)
		}
		if next.Version != agreed {
			return nil, "", errChangedMeanwhile
		}
		if r.Config != nil {
			next.BalanceConfig = *r.Config
		} else {
			next.Strategy = r.Strategy
		}
		next.Taken = false
		next.Version++
		next.ChangedAt, next.ChangedBy = now.UTC(), cause.Principal
		return &next, "configured", nil
	})
}
