package loadbalancer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/setting"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

const (
	sectionName = "loadbalancer"
	agreedKey   = "agreed"
	agreeEvery  = 30 * time.Second // without a sign that anything has changed
	agreeRetry  = 250 * time.Millisecond
	agreeTime   = 2 * time.Second
)

// A replica obeys the configuration in its own bucket, as replicas of the version before the configuration of the namespace do, beside
// which it may run. The section "loadbalancer" of that configuration is the same thing: whichever of the two is changed, the other follows.
// Under agreedKey is what both had when they last were the same, and so which of them was changed since. If both were, the section is
// taken. Every replica sees to it; each step is a compare-and-set, and whoever comes after one that died goes on.

// settings is the configuration in the bucket.
type settings struct {
	api.BalanceSettings
	// Taken says that it was taken over from the section. Where the section differs it was changed after that, if only back to what was agreed.
	Taken bool `json:"taken,omitempty"`
}

// openSection begins to follow the section. It takes no environment: all replicas have to choose by the same configuration.
func (s *Service) openSection(ctx context.Context) error {
	section, err := setting.Open(ctx, s.conn, setting.Section[api.BalanceConfig]{
		Name: sectionName, Default: api.DefaultBalanceConfig(), Changed: func(_, _ *api.BalanceConfig) { s.disagree() },
		Lookup: func(string) (string, bool) { return "", false },
	}, s.cfg.Log)
	if err != nil {
		return err
	}
	s.cleanups = append(s.cleanups, section.Close)
	return nil
}

// disagree has the replica look whether bucket and section are the same. It never waits.
func (s *Service) disagree() {
	select {
	case s.differs <- struct{}{}:
	default:
	}
}

// keepAgreed sees to it that bucket and section are the same, until the replica stops.
func (s *Service) keepAgreed() {
	for {
		next := agreeEvery
		ctx, cancel := context.WithTimeout(s.base, agreeTime)
		if err := s.agree(ctx); err != nil {
			next = agreeRetry
			s.cfg.Log.Debug().Err(err).Msg("the configuration and its section differ yet")
		}
		cancel()
		t := time.NewTimer(next)
		select {
		case <-s.base.Done():
		case <-s.differs:
		case <-t.C:
		}
		t.Stop()
		if s.base.Err() != nil {
			return
		}
	}
}

var (
	errChangedMeanwhile = errors.New("the configuration was changed meanwhile")
	errSectionBehind    = errors.New("the section could not be set to the configuration")
	errNotObeyed        = errors.New("the section is not obeyed")
)

// beforeChange sees to it that what is in the bucket now is what was agreed, or is told from it, so that a change of the bucket is seen as
// the newer of the two: a replica may have died or be slow between the write of the bucket and that of what was agreed. It returns the
// version that this holds for.
func (s *Service) beforeChange(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	for {
		version, err := s.tryAgree(ctx)
		if err == nil || errors.Is(err, errSectionBehind) || errors.Is(err, errNotObeyed) {
			return version, nil
		}
		if !await.Pause(ctx, agreeRetry/10) {
			return 0, api.Errorf(api.Unavailable, "the section %s of the configuration is being taken over: try again (%v)", sectionName, err)
		}
	}
}

// agree makes bucket and section the same.
func (s *Service) agree(ctx context.Context) error {
	_, err := s.tryAgree(ctx)
	return err
}

// tryAgree is agree, and returns the version of the bucket. What was agreed is read first, and must be so still when both have been read:
// then what differs from it was changed since.
func (s *Service) tryAgree(ctx context.Context) (version uint64, err error) {
	agreed, err := s.agreed.Get(ctx, agreedKey)
	if err != nil {
		return 0, err
	}
	own, err := s.settings.Get(ctx, configKey)
	if err != nil {
		return 0, err
	}
	was, here := api.DefaultBalanceConfig(), settings{BalanceSettings: api.BalanceSettings{BalanceConfig: api.DefaultBalanceConfig()}}
	if agreed.Value != nil {
		was = *agreed.Value
	}
	if own.Value != nil {
		here, version = *own.Value, own.Value.Version
	}
	doc, section, err := s.readSection(ctx)
	if err != nil {
		return version, err
	}
	if now, err := s.agreed.Get(ctx, agreedKey); err != nil || now.Revision != agreed.Revision {
		return version, errors.Join(errChangedMeanwhile, err)
	}
	to := section
	switch {
	case same(here.BalanceConfig, section):
	case same(section, was) && !here.Taken:
		to = here.BalanceConfig
		if err := s.writeSection(ctx, doc, here.BalanceSettings); err != nil {
			why := errSectionBehind
			if e := api.AsError(err); e == nil || e.Code == api.Conflict || e.Details.MaybeExecuted {
				why = errChangedMeanwhile // or perhaps by this very request
			}
			return version, fmt.Errorf("%w: %w", why, err)
		}
	default:
		if version, err = s.writeOwn(ctx, doc, version, section); err != nil {
			return version, err
		}
	}
	if same(to, was) {
		return version, nil
	}
	text, err := codec.Marshal(to)
	if err != nil {
		return version, err
	}
	// By revision: what was agreed may have changed to something else and back.
	if _, err = s.bucket.Write(ctx, kv.Write{Key: agreedKey, Value: text, Expect: agreed.Revision}); errors.Is(err, kv.ErrLost) {
		err = errChangedMeanwhile
	}
	return version, err
}

func same(a, b api.BalanceConfig) bool {
	x, errA := codec.Marshal(a)
	y, errB := codec.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// readSection reads the section from the leader of its store: what a replica of the registry says may be older than what was agreed.
func (s *Service) readSection(ctx context.Context) (*api.ConfigDocument, api.BalanceConfig, error) {
	cfg := api.DefaultBalanceConfig()
	bucket, err := kv.Attach(ctx, s.conn.JS, s.conn.Namespace, "config")
	if err != nil {
		return nil, cfg, err
	}
	e, err := bucket.Get(ctx, "document")
	if err != nil || !e.Exists() {
		return nil, cfg, err
	}
	d := new(api.ConfigDocument)
	if err := codec.Read(e.Value, d); err != nil {
		return nil, cfg, fmt.Errorf("read the document: %w", err)
	}
	config, err := tree.ParseObject("", d.Config)
	if err != nil || config[sectionName].Object == nil {
		return d, cfg, err
	}
	text, err := codec.Marshal(cfg)
	if err != nil {
		return nil, cfg, err
	}
	under, err := tree.ParseObject(sectionName, text)
	if err != nil {
		return nil, cfg, err
	}
	whole, stored := tree.Merge(tree.Value{Object: under}, config[sectionName]), api.BalanceConfig{}
	if err = codec.Decode(whole.JSON(), &stored); err == nil {
		err = stored.Validate()
	}
	if err != nil {
		return nil, cfg, fmt.Errorf("%w: %w", errNotObeyed, err)
	}
	return d, stored, nil
}

// writeSection sets the section to what the bucket has, apart from what is the default.
func (s *Service) writeSection(ctx context.Context, doc *api.ConfigDocument, from api.BalanceSettings) error {
	text, err := codec.Marshal(from.BalanceConfig)
	if err != nil {
		return err
	}
	to, err := tree.ParseObject(sectionName, text)
	if err != nil {
		return err
	}
	if text, err = codec.Marshal(api.DefaultBalanceConfig()); err != nil {
		return err
	}
	under, err := tree.ParseObject(sectionName, text)
	if err != nil {
		return err
	}
	only, err := tree.Object{}.Apply(tree.Diff(under, to))
	if err != nil {
		return err
	}
	version := uint64(0)
	if doc != nil {
		version = doc.Version
	}
	r := &api.ConfigSetRequest{Version: &version, Values: []api.ConfigValue{{Path: sectionName, Value: only.JSON()}}}
	if from.ChangedBy != "" {
		r.Comment = "as set by " + from.ChangedBy + " with loadbalancer.config.set"
	}
	_, err = rpc.Call(ctx, s.conn, api.ConfigSet, r)
	return err
}

// writeOwn sets the bucket to what the section has, if it still has the version that was read, and returns its version.
func (s *Service) writeOwn(ctx context.Context, doc *api.ConfigDocument, seen uint64, cfg api.BalanceConfig) (uint64, error) {
	by := ""
	if doc != nil {
		by = doc.ChangedBy
	}
	res, err := s.settings.Update(ctx, api.Cause{Principal: by}, configKey, func(old *settings, now time.Time) (*settings, string, error) {
		next := settings{BalanceSettings: api.BalanceSettings{BalanceConfig: api.DefaultBalanceConfig()}}
		if old != nil {
			next = *old
		}
		if same(next.BalanceConfig, cfg) {
			return old, "", nil
		}
		if next.Version != seen {
			return nil, "", errChangedMeanwhile
		}
		next.BalanceConfig, next.Taken, next.ChangedAt, next.ChangedBy = cfg, true, now.UTC(), by
		next.Version++
		return &next, "configured", nil
	})
	if err != nil || res.Value == nil {
		return 0, err
	}
	return res.Value.Version, nil
}
