package coordination

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/services/coordination/realm"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/replog/tell"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/trace"
)

const (
	logBytes   = 4 << 30
	retryEvery = time.Second // to follow what the council needs, when that has failed
)

// council is what the replicas of the service agree on in one replicated log: sessions, protocols and variables. Its methods are
// answered while the replica is caught up; until then it is in no queue group, so that others are asked.
type council struct {
	conn    *rpc.Conn
	cfg     Config
	log     *replog.Log[*realm.State]
	archive *shelves
	outbox  *kv.Outbox // of the archive: it tells how sessions have ended
	teller  *tell.Teller
	members *members
	front   *front.Front
	bells   await.Bells[*session.Record] // of sessions, by id, and of variables, by the origin of their sessions
	seats   *await.Seats
	traced  traced
	cancel  context.CancelFunc
}

// convene opens the log and begins to answer as soon as the replica is caught up.
func (s *Service) convene(ctx context.Context) (*council, error) {
	c := &council{conn: s.conn, cfg: s.cfg, seats: &s.seats}
	opened := make(chan struct{}) // an effect may be due before the log is at hand
	var err error
	if c.archive, err = openArchive(ctx, s.conn, s.cfg.Replicas); err != nil {
		return nil, fmt.Errorf("open the archive: %w", err)
	}
	if err := kv.EnsureEvents(ctx, s.conn.JS, s.conn.Namespace, s.cfg.Replicas); err != nil {
		return nil, fmt.Errorf("open the events stream: %w", err)
	}
	c.teller = tell.New(s.conn, "coordination", s.cfg.Log)
	c.log, err = replog.Open(ctx, s.conn, replog.Config[*realm.State]{
		Realm: "coordination", Machine: realm.Machine(), Replicas: s.cfg.Replicas, MaxBytes: logBytes, Log: s.cfg.Log, Metrics: s.cfg.Metrics,
		Runners: map[string]replog.Runner{session.AskEffect: replog.When(opened, c.runAsk), session.SaveEffect: replog.When(opened, c.runSave)},
		Applied: c.applied, Restored: func(*realm.State, uint64) { c.bells.RingAll() },
	})
	if err != nil {
		c.teller.Close()
		return nil, err
	}
	close(opened)
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	c.members = followMembers(base, s.conn, s.cfg.Log)
	c.front = front.New(s.conn, c.log, s.cfg.Log, c.serve)
	c.front.Open(ctx)
	c.outbox = c.archive.outbox(s.conn, s.cfg.Log)
	c.outbox.Start()
	return c, nil
}

// serve makes a server that answers for the council.
func (c *council) serve() *rpc.Server {
	srv := rpc.NewServer(c.conn, rpc.ServerConfig{
		Service: "coordination", Version: c.cfg.Version, Description: "Sessions, protocols and variables that agents agree on",
		Nouns: []string{"sessions", "protocols", "variables", "rules"},
		Limit: c.cfg.Waiters + c.cfg.Limit, Strict: c.cfg.Strict, Log: c.cfg.Log, Metrics: c.cfg.Metrics,
	})
	c.handleProtocols(srv)
	c.handleSessions(srv)
	c.handleVariables(srv)
	rpc.Handle(srv, api.CoordinationRulesGet, func(ctx context.Context, _ *api.Empty) (*api.LogRules, error) { return c.log.Rules(ctx) })
	rpc.Handle(srv, api.CoordinationRulesUse, func(ctx context.Context, r *api.RulesUseRequest) (*api.LogRules, error) {
		return c.log.Use(ctx, r.Version)
	})
	return srv
}

// adjourn ends all of it.
func (c *council) adjourn(ctx context.Context) error {
	c.cancel()
	c.front.Close()
	c.members.close()
	c.outbox.Stop()
	defer c.teller.Close()
	return c.log.Close(ctx)
}

// applied tells those who wait for a session or a variable, and the store of events.
func (c *council) applied(a *engine.Applied, _ *realm.State, live bool) {
	c.teller.Tell(a, live, append(told(a), tell.Rules(a)...))
	for _, e := range a.Events {
		if r := session.Changed(e); r != nil {
			c.bells.Ring(r.Session.ID, r)
		}
		if name := variable.Changed(e); name != "" {
			c.bells.Ring(variable.Origin(name), nil)
		}
	}
}

// do has the machine carry out a command for whoever asks, and reads its answer. The body is written anew, so that what is stored
// is in one form.
func do[Resp any](ctx context.Context, c *council, kind string, body any) (*Resp, replog.Answer, error) {
	cause := rpc.CauseFrom(ctx)
	raw, err := codec.Marshal(body)
	if err != nil {
		return nil, replog.Answer{}, fmt.Errorf("write the command %s: %w", kind, err)
	}
	ctx, span := trace.StartAppend(ctx, "coordination", kind)
	answer, err := c.log.Do(ctx, engine.Command{Kind: kind, Principal: cause.Principal, ID: cause.RequestID, Hash: cause.BodyHash, Body: raw})
	span.EndAppend(answer.Seq, answer.Repeated, err)
	if err != nil {
		return nil, answer, err
	}
	resp := new(Resp)
	if err := codec.Read(answer.Body, resp); err != nil {
		return nil, answer, fmt.Errorf("read the answer of %s: %w", kind, err)
	}
	return resp, answer, nil
}

// sure asks again before it says that something is not there: another replica may have just made it, and this one be a moment behind.
func sure[T any](ctx context.Context, c *council, f func() (T, error)) (T, error) {
	v, err := f()
	if api.CodeOf(err) != api.NotFound || c.log.CatchUp(ctx) != nil {
		return v, err
	}
	return f()
}

func (c *council) handleProtocols(srv *rpc.Server) {
	rpc.Handle(srv, api.ProtocolsRegister, c.changeProtocol(session.KindRegister))
	rpc.Handle(srv, api.ProtocolsUpdate, c.changeProtocol(session.KindUpdate))
	rpc.Handle(srv, api.ProtocolsUnregister, func(ctx context.Context, r *api.NameRequest) (*api.DeregisterResponse, error) {
		resp, a, err := do[api.DeregisterResponse](ctx, c, session.KindUnregister, r)
		if err == nil {
			resp.Revision = a.Revision
		}
		return resp, err
	})
	rpc.Handle(srv, api.ProtocolsGet, c.getProtocol)
	rpc.Handle(srv, api.ProtocolsList, c.listProtocols)
}

func (c *council) changeProtocol(kind string) rpc.Handler[api.Protocol, api.Protocol] {
	return func(ctx context.Context, p *api.Protocol) (*api.Protocol, error) {
		resp, a, err := do[api.Protocol](ctx, c, kind, p)
		if err == nil {
			resp.Revision = a.Revision
		}
		return resp, err
	}
}

func (c *council) getProtocol(ctx context.Context, r *api.NameRequest) (*api.Protocol, error) {
	return sure(ctx, c, func() (*api.Protocol, error) { return c.protocol(ctx, r) })
}

func (c *council) protocol(ctx context.Context, r *api.NameRequest) (*api.Protocol, error) {
	var found *api.Protocol
	revision, err := c.log.Read(ctx, r.MinRevision, func(s *realm.State, _ uint64, _ time.Time) { found = s.Sessions.Protocols[r.Name] })
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, api.Errorf(api.NotFound, "there is no protocol %s", r.Name).WithReason(api.ReasonProtocolNotFound)
	}
	p := *found
	p.Revision = revision
	return &p, nil
}

func (c *council) listProtocols(ctx context.Context, r *api.PageRequest) (*api.ProtocolsListResponse, error) {
	resp := &api.ProtocolsListResponse{Protocols: []api.Protocol{}}
	var err error
	resp.Revision, err = c.log.Read(ctx, r.MinRevision, func(s *realm.State, _ uint64, _ time.Time) {
		var names []string
		names, resp.Next = page(s.Sessions.Protocols, r.After, r.Limit)
		for _, name := range names {
			resp.Protocols = append(resp.Protocols, *s.Sessions.Protocols[name])
		}
	})
	return resp, err
}
