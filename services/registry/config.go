package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/registry/settings"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	configBytes   = 1 << 30
	documentKey   = "document"
	sectionPrefix = "section."
)

// configs is the configuration of the namespace: one document, the sections that services have registered, and the history.
type configs struct {
	conn      *rpc.Conn
	log       zerolog.Logger
	operators []string // who may change what is protected, besides those whom the document names
	bucket    *kv.Bucket
	documents *kv.Table[api.ConfigDocument]
	document  *kv.Mirror[api.ConfigDocument]
	sections  *kv.Table[api.ConfigSection]
	section   *kv.Mirror[api.ConfigSection]
	outbox    *kv.Outbox
	lane      chan struct{} // one change at a time: they all go for one key

	mu       sync.Mutex
	compiled map[*api.ConfigSection]*settings.Section

	kept atomic.Uint64 // the newest version that is known to be in the history
}

func openConfigs(ctx context.Context, conn *rpc.Conn, cfg Config, requests *kv.Requests) (*configs, error) {
	bucket, err := kv.Open(ctx, conn.JS, kv.Config{
		Namespace: conn.Namespace, Name: "config", Replicas: cfg.Replicas, MaxBytes: configBytes,
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket config: %w", err)
	}
	c := &configs{
		conn: conn, log: cfg.Log, operators: cfg.Operators, bucket: bucket, lane: make(chan struct{}, 1),
		compiled: map[*api.ConfigSection]*settings.Section{},
	}
	c.documents = kv.NewTable[api.ConfigDocument](bucket, "registry", requests)
	c.sections = kv.NewTable[api.ConfigSection](bucket, "registry", requests)
	c.document = kv.NewMirror(bucket, kv.MirrorOptions[api.ConfigDocument]{Filter: documentKey, Log: cfg.Log})
	c.section = kv.NewMirror(bucket, kv.MirrorOptions[api.ConfigSection]{Filter: sectionPrefix + "*", Log: cfg.Log})
	c.outbox = kv.NewOutbox(bucket, "registry", "config", cfg.Log)
	return c, c.openHistory(ctx, cfg.Replicas)
}

func (c *configs) start(ctx context.Context) error {
	c.document.Start()
	c.section.Start()
	c.outbox.Start()
	for _, ready := range []<-chan struct{}{c.document.Ready(), c.section.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			c.stop()
			return fmt.Errorf("load bucket config: %w", ctx.Err())
		}
	}
	if d, _, ok := c.document.Get(documentKey); ok { // whoever made its last change may have died before it was in the history
		if err := kv.Retry(ctx, func(ctx context.Context) error { return c.keep(ctx, d) }); err != nil {
			c.stop()
			return err
		}
	}
	return nil
}

func (c *configs) stop() {
	c.outbox.Stop()
	c.section.Stop()
	c.document.Stop()
}

func (c *configs) handle(srv *rpc.Server) {
	rpc.Handle(srv, api.ConfigGet, c.get)
	rpc.Handle(srv, api.ConfigSet, c.set)
	rpc.Handle(srv, api.ConfigUnset, c.unset)
	rpc.Handle(srv, api.ConfigDiff, c.diff)
	rpc.Handle(srv, api.ConfigHistory, c.history)
	rpc.Handle(srv, api.ConfigRollback, c.rollback)
	rpc.Handle(srv, api.ConfigReset, c.reset)
	rpc.Handle(srv, api.ConfigDescribe, c.describe)
	rpc.Handle(srv, api.ConfigRegister, c.register)
	rpc.Handle(srv, api.ConfigStatsGet, c.stats)
	rpc.Handle(srv, api.ConfigWatch, func(context.Context, *api.Empty) (*api.WatchResponse, error) {
		return &api.WatchResponse{Subject: api.EventSubject(c.conn.Namespace, "registry", "config", documentKey), Stream: api.Bucket(c.conn.Namespace, "events")}, nil
	})
}

func (c *configs) get(ctx context.Context, r *api.ConfigGetRequest) (*api.ConfigGetResponse, error) {
	if r.MinRevision != "" {
		rev, err := c.bucket.ParseToken(r.MinRevision)
		if err != nil {
			return nil, err
		}
		if err := c.document.WaitFor(ctx, rev); err != nil {
			return nil, err
		}
	}
	d, rev, _ := c.document.Get(documentKey)
	resp := &api.ConfigGetResponse{Version: settings.Version(d), Revision: c.bucket.Token(rev)}
	if d != nil {
		resp.ChangedAt, resp.ChangedBy = d.ChangedAt, d.ChangedBy
	}
	if r.Unless != nil && *r.Unless == resp.Version {
		return resp, nil
	}
	config, err := settings.Config(d)
	if err != nil {
		return nil, err
	}
	if r.Defaults {
		rules, err := c.rules(ctx, r.Paths...)
		if err != nil {
			return nil, err
		}
		config = rules.WithDefaults(config)
	}
	if config, err = settings.Select(config, r.Paths); err != nil {
		return nil, err
	}
	resp.Config = config.JSON()
	return resp, nil
}

func (c *configs) set(ctx context.Context, r *api.ConfigSetRequest) (*api.ConfigChanged, error) {
	return c.change(ctx, r.Version, r.Comment, func(rules settings.Rules, old *api.ConfigDocument, by settings.Author) (*api.ConfigDocument, error) {
		return rules.Set(old, r.Values, r.Unset, by)
	})
}

func (c *configs) unset(ctx context.Context, r *api.ConfigUnsetRequest) (*api.ConfigChanged, error) {
	return c.change(ctx, r.Version, r.Comment, func(rules settings.Rules, old *api.ConfigDocument, by settings.Author) (*api.ConfigDocument, error) {
		return rules.Unset(old, r.Paths, by)
	})
}

func (c *configs) reset(ctx context.Context, r *api.ConfigResetRequest) (*api.ConfigChanged, error) {
	return c.change(ctx, r.Version, r.Comment, func(rules settings.Rules, old *api.ConfigDocument, by settings.Author) (*api.ConfigDocument, error) {
		return rules.Reset(old, r.Section, by)
	})
}

func (c *configs) rollback(ctx context.Context, r *api.ConfigRollbackRequest) (*api.ConfigChanged, error) {
	to, err := c.at(ctx, r.To)
	if err != nil {
		return nil, err
	}
	return c.change(ctx, r.Version, r.Comment, func(rules settings.Rules, old *api.ConfigDocument, by settings.Author) (*api.ConfigDocument, error) {
		return rules.Rollback(old, to, by)
	})
}

// change carries out one change: one compare-and-set on the one key. It needs every section that there is: one that this replica has not
// heard of may protect what is to be changed.
func (c *configs) change(ctx context.Context, expect *uint64, comment string,
	apply func(settings.Rules, *api.ConfigDocument, settings.Author) (*api.ConfigDocument, error),
) (*api.ConfigChanged, error) {
	if err := c.section.CatchUp(ctx); err != nil {
		return nil, err
	}
	rules, err := c.rules(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case c.lane <- struct{}{}:
		defer func() { <-c.lane }()
	case <-ctx.Done():
		return nil, api.Errorf(api.DeadlineExceeded, "other changes of the configuration took all the time: try again").WithReason(api.ReasonTimeout)
	}
	cause := rpc.CauseFrom(ctx)
	res, err := c.documents.Update(ctx, cause, documentKey, func(old *api.ConfigDocument, now time.Time) (*api.ConfigDocument, string, error) {
		// Before a version is overwritten it is in the history. To keep it again changes nothing, so the rule may be applied again as well.
		if err := c.keep(ctx, old); err != nil {
			return nil, "", err
		}
		if old == nil { // one that was lost may have gone further than this replica has seen
			if err := c.learn(ctx); err != nil {
				return nil, "", err
			}
		}
		rules.Base = c.kept.Load()
		by := settings.Author{Who: cause.Principal, Operator: c.isOperator(old, cause.Principal), At: now.UTC(), Comment: comment, Expect: expect}
		next, err := apply(rules, old, by)
		if err != nil || next == old {
			return old, "", err
		}
		return next, "changed", nil
	})
	if err != nil {
		return nil, err
	}
	answer := &api.ConfigChanged{Version: settings.Version(res.Value), Revision: res.Token, Changed: res.Changed}
	if res.Changed {
		answer.Paths, answer.Restart = res.Value.Paths, rules.Restart(res.Value.Paths)
		if err := c.keep(ctx, res.Value); err != nil { // the next change keeps it, or the next who reads the history
			c.log.Debug().Err(err).Msg("the history is behind")
		}
	}
	return answer, nil
}

// isOperator tells whether a principal may change what is protected.
func (c *configs) isOperator(d *api.ConfigDocument, who string) bool {
	if who == "" {
		return false
	}
	if slices.Contains(c.operators, who) {
		return true
	}
	config, err := settings.Config(d)
	if err != nil {
		return false
	}
	v, err := config.Get("access.operators")
	var named []string
	return err == nil && v.Leaf != nil && codec.Read(v.Leaf, &named) == nil && slices.Contains(named, who)
}
