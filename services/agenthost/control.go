package agenthost

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// methods adds the host's methods to its server.
func (s *Service) methods() {
	rpc.Handle(s.server, api.HostedAgentsStart, once(s, s.start))
	rpc.HandleAt(s.server, api.HostSubject(s.conn.Namespace, s.cfg.ID, "agents.start"), api.HostedAgentsStart,
		func(ctx context.Context, r *api.AgentStartRequest) (*api.Agent, error) {
			return s.startHere(ctx, r, rpc.CauseFrom(ctx).RequestID) // the tag that startAt sent
		})
	rpc.HandleAt(s.server, api.HostSubject(s.conn.Namespace, s.cfg.ID, "agents.adopt"), adoptMethod, s.adopt)
	rpc.Handle(s.server, api.HostedAgentsStop, once(s, s.stop))
	rpc.Handle(s.server, api.HostedAgentsRestart, once(s, s.restart))
	rpc.Handle(s.server, api.HostedAgentsMove, once(s, s.moveAgent))
	rpc.Handle(s.server, api.HostedAgentsStatus, func(ctx context.Context, r *api.GetRequest) (*api.AgentState, error) {
		state, err := askOwner(ctx, s, "status", api.HostedAgentsStatus, r)
		if reason := api.ReasonOf(err); reason != api.ReasonNotRunning && reason != api.ReasonHostLost {
			return state, err
		}
		rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID, MinRevision: r.MinRevision})
		if err != nil {
			return nil, err
		}
		return &api.AgentState{Agent: *rec}, nil
	})
	rpc.Handle(s.server, api.GuardsGet, func(ctx context.Context, r *api.GetRequest) (*api.GuardStatus, error) {
		return askOwner(ctx, s, "guard", api.GuardsGet, r)
	})
	rpc.Handle(s.server, api.GuardsReset, func(ctx context.Context, r *api.GetRequest) (*api.GuardStatus, error) {
		return askOwner(ctx, s, "guard_reset", api.GuardsReset, r)
	})
	s.taskMethods()
	s.removeMethods()
	s.workMethods()
	s.budgetMethods()
}

// once keeps the answers of requests that carry an id. What it wraps may be begun again if a host dies in the middle, so a
// claim is tagged with the request that made it.
func once[Req, Resp any](s *Service, h rpc.Handler[Req, Resp]) rpc.Handler[Req, Resp] {
	return func(ctx context.Context, r *Req) (*Resp, error) {
		return kv.Kept(ctx, s.requests, "agenthost", rpc.CauseFrom(ctx), func(ctx context.Context) (*Resp, error) { return h(ctx, r) })
	}
}

// start starts an agent on the host that the request names, or where it is best placed. The view may be a moment old, so a host
// that cannot take it is no end: others are asked.
func (s *Service) start(ctx context.Context, r *api.AgentStartRequest) (*api.Agent, error) {
	if r.Host != "" && r.Host != s.cfg.ID {
		return s.startAt(ctx, r.Host, r)
	}
	tag := rpc.RequestTag(rpc.CauseFrom(ctx))
	if r.Host != "" {
		return s.startHere(ctx, r, tag)
	}
	spec := r.Agent
	if spec == nil {
		rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID})
		if err != nil {
			return nil, err
		}
		spec = &rec.AgentSpec
	}
	tried := map[string]bool{}
	for current := false; ; {
		host, err := s.best(spec, tried)
		switch {
		case err == nil:
		case api.ReasonOf(err) != api.ReasonHostFull && !current: // a host that came just now may not be in the view yet
			if err := s.view.hosts.CatchUp(ctx); err != nil {
				return nil, err
			}
			current = true
			continue
		case len(tried) == 0:
			return nil, err
		default:
			return nil, s.noHost(spec, tried)
		}
		tried[host] = true
		var agent *api.Agent
		if host == s.cfg.ID {
			agent, err = s.startHere(ctx, r, tag)
		} else {
			agent, err = s.startAt(ctx, host, r)
		}
		switch api.ReasonOf(err) {
		case api.ReasonModuleNotFound, api.ReasonHostFull, api.ReasonDraining, api.ReasonHostNotFound:
			continue
		}
		return agent, err
	}
}

// noHost is the refusal of a start that every host has refused.
func (s *Service) noHost(spec *api.AgentSpec, tried map[string]bool) error {
	return api.Errorf(api.Overloaded, "none of the %d hosts that could run agent %s takes it now: try again later, or add a host", len(tried), spec.ID).
		WithReason(api.ReasonHostFull)
}

// stop stops an agent wherever it runs. One that shall run, and waits for a host, shall not any more.
func (s *Service) stop(ctx context.Context, r *api.GetRequest) (*api.Agent, error) {
	agent, err := askOwner(ctx, s, "stop", api.HostedAgentsStop, r)
	if reason := api.ReasonOf(err); reason != api.ReasonNotRunning && reason != api.ReasonHostLost {
		return agent, err
	}
	rec, getErr := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID})
	if getErr != nil || !rec.Wanted {
		return agent, err
	}
	resp, err := rpc.Call(ctx, s.conn, api.AgentsWant, &api.AgentsWantRequest{IDs: []string{r.ID}})
	switch {
	case err != nil:
		return nil, err
	case len(resp.Results) != 1:
		return nil, api.Errorf(api.Internal, "the registry gave %d results for one agent", len(resp.Results))
	case resp.Results[0].Error != nil:
		return nil, resp.Results[0].Error
	}
	agent = resp.Results[0].Agent
	for agent.Status.Active() { // its host is dead, or comes back and goes on with it, or it has come to its next one meanwhile
		stopped, err := askOwner(ctx, s, "stop", api.HostedAgentsStop, r)
		if reason := api.ReasonOf(err); reason != api.ReasonNotRunning && reason != api.ReasonHostLost {
			return stopped, err
		}
		if agent, err = s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID, MinRevision: agent.Revision}); err != nil {
			return nil, err
		}
	}
	return agent, nil
}

func (s *Service) startAt(ctx context.Context, host string, r *api.AgentStartRequest) (*api.Agent, error) {
	if tag := rpc.RequestTag(rpc.CauseFrom(ctx)); tag != "" {
		ctx = rpc.WithRequestID(ctx, tag)
	}
	agent, err := rpc.CallAt(ctx, s.conn, api.HostSubject(s.conn.Namespace, host, "agents.start"), api.HostedAgentsStart, r)
	if api.ReasonOf(err) == api.ReasonNobodyListens {
		return nil, api.Errorf(api.NotFound, "no live host is called %s", host).WithReason(api.ReasonHostNotFound)
	}
	return agent, err
}

// restart stops the agent wherever it runs and starts it here or elsewhere. What this very request has started, it does not stop again.
func (s *Service) restart(ctx context.Context, r *api.GetRequest) (*api.Agent, error) {
	if tag := rpc.RequestTag(rpc.CauseFrom(ctx)); tag != "" {
		if now, err := s.startedBy(ctx, r.ID, tag); err != nil || now != nil && now.Status.Active() {
			return now, err
		}
	}
	if _, err := s.stop(ctx, r); err != nil && api.ReasonOf(err) != api.ReasonNotRunning {
		return nil, err
	}
	return s.start(ctx, &api.AgentStartRequest{ID: r.ID})
}

// askOwner asks the host that runs the agent. Interest in the agent's control subject is the process registry: it is never
// stale. Nobody there means that the agent does not run, or that its host is dead or reconnecting, which the record tells.
func askOwner[Resp any](ctx context.Context, s *Service, verb string, m api.Method[api.GetRequest, Resp], r *api.GetRequest) (*Resp, error) {
	return askOwnerOf(ctx, s, r.ID, verb, m, r)
}

func askOwnerOf[Req, Resp any](ctx context.Context, s *Service, id, verb string, m api.Method[Req, Resp], r *Req) (*Resp, error) {
	for begin := time.Now(); ; {
		resp, err := rpc.CallAt(ctx, s.conn.WithPrincipal(""), controlSubject(s.conn.Namespace, id, verb), m, r)
		if api.ReasonOf(err) != api.ReasonNobodyListens {
			return resp, err
		}
		rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: id})
		switch {
		case err != nil:
			return nil, err
		case rec.Runtime == api.RuntimeExternal:
			return nil, api.Errorf(api.FailedPrecondition, "agent %s is external: no host runs it", id).WithReason(api.ReasonNotRunning)
		case !rec.Status.Active():
			return nil, api.Errorf(api.FailedPrecondition, "agent %s does not run: start it first", id).WithReason(api.ReasonNotRunning)
		case time.Since(begin) > patience:
			return nil, api.Errorf(api.Unavailable, "agent %s is %s on host %s, which does not answer now: try again later", id, rec.Status, rec.Host).WithReason(api.ReasonHostLost)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// patience is for how long a host that does not answer for an agent is taken for one that reconnects.
const patience = 400 * time.Millisecond

// control carries out a verb for an agent of this host.
func (s *Service) control(h *hosted, msg *nats.Msg) {
	switch verb := msg.Subject[len(controlSubject(s.conn.Namespace, h.rec.ID, "")):]; verb {
	case "status":
		s.reply(msg, &api.AgentState{Agent: h.record(), Live: h.measure()})
	case "guard", "guard_reset":
		status, err := h.guard(verb == "guard_reset")
		if err != nil {
			_ = s.conn.ReplyError(msg.Reply, err)
			return
		}
		s.reply(msg, status)
	case "stop", "move":
		var rec *api.Agent
		var err error
		if verb == "stop" {
			rec, err = s.stopHere(h, msg.Header)
		} else {
			rec, err = s.moveVerb(h, msg)
		}
		if err != nil {
			_ = s.conn.ReplyError(msg.Reply, rpc.Explain(err, s.log))
			return
		}
		s.reply(msg, rec)
	default:
		_ = s.conn.ReplyError(msg.Reply, api.Errorf(api.Unimplemented, "an agent's host has no verb %s", verb))
	}
}

// stopHere stops an agent of this host and waits until it has ended, or its caller waits no longer.
func (s *Service) stopHere(h *hosted, header nats.Header) (*api.Agent, error) {
	timeout, err := rpc.Timeout(header)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.base, timeout)
	defer cancel()
	h.unwanted.Store(true)
	h.stop(errors.New("it was asked to"))
	select {
	case <-h.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.moved {
		return nil, gone(h.rec.ID) // the next host is asked
	}
	rec := h.record()
	if rec.Status.Active() {
		return nil, api.Errorf(api.Unavailable, "agent %s has ended here, but the registry could not be told", rec.ID).WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	return &rec, nil
}

func (s *Service) reply(msg *nats.Msg, body any) {
	data, err := codec.Marshal(body)
	if err != nil {
		_ = s.conn.ReplyError(msg.Reply, rpc.Explain(err, s.log))
		return
	}
	_ = s.conn.Reply(s.base, msg.Reply, data)
}
