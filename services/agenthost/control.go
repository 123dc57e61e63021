package agenthost

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// methods adds the host's methods to its server.
func (s *Service) methods() {
	rpc.Handle(s.server, api.HostedAgentsStart, once(s, s.start))
	rpc.HandleAt(s.server, api.HostSubject(s.conn.Namespace, s.cfg.ID, "agents.start"), api.HostedAgentsStart,
		func(ctx context.Context, r *api.AgentStartRequest) (*api.Agent, error) {
			return s.startHere(ctx, r, rpc.CauseFrom(ctx).RequestID) // the tag that startAt sent
		})
	rpc.Handle(s.server, api.HostedAgentsStop, once(s, func(ctx context.Context, r *api.GetRequest) (*api.Agent, error) {
		return askOwner(ctx, s, "stop", api.HostedAgentsStop, r)
	}))
	rpc.Handle(s.server, api.HostedAgentsRestart, once(s, s.restart))
	rpc.Handle(s.server, api.HostedAgentsStatus, func(ctx context.Context, r *api.GetRequest) (*api.AgentState, error) {
		state, err := askOwner(ctx, s, "status", api.HostedAgentsStatus, r)
		if api.ReasonOf(err) != api.ReasonNotRunning {
			return state, err
		}
		rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID, MinRevision: r.MinRevision})
		if err != nil {
			return nil, err
		}
		return &api.AgentState{Agent: *rec}, nil
	})
	rpc.HandleAt(s.server, api.HostSubject(s.conn.Namespace, s.cfg.ID, "ping"), pingMethod, func(context.Context, *api.Empty) (*api.Empty, error) {
		return &api.Empty{}, nil
	})
	s.taskMethods()
}

// pingMethod is answered by a live host; "no responders" is the quickest sign of a dead one.
var pingMethod = api.Method[api.Empty, api.Empty]{Service: "host", Noun: "self", Verb: "ping"}

// once keeps the answers of requests that carry an id. What it wraps may be begun again if a host dies in the middle, so a
// claim is tagged with the request that made it.
func once[Req any](s *Service, h rpc.Handler[Req, api.Agent]) rpc.Handler[Req, api.Agent] {
	return func(ctx context.Context, r *Req) (*api.Agent, error) {
		data, err := s.requests.Once(ctx, "agenthost", rpc.CauseFrom(ctx), func(ctx context.Context) (json.RawMessage, error) {
			agent, err := h(ctx, r)
			if err != nil {
				return nil, err
			}
			return codec.Marshal(agent)
		})
		if err != nil {
			return nil, err
		}
		agent := new(api.Agent)
		return agent, codec.Read(data, agent)
	}
}

// start starts an agent on the host that the request names, on this one if it can, or on another that can.
func (s *Service) start(ctx context.Context, r *api.AgentStartRequest) (*api.Agent, error) {
	if r.Host != "" && r.Host != s.cfg.ID {
		return s.startAt(ctx, r.Host, r)
	}
	agent, err := s.startHere(ctx, r, rpc.RequestTag(rpc.CauseFrom(ctx)))
	if r.Host != "" {
		return agent, err
	}
	switch api.ReasonOf(err) {
	case api.ReasonModuleNotFound, api.ReasonHostFull:
		return s.startElsewhere(ctx, r, err)
	}
	return agent, err
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

// startElsewhere offers the agent to the other live hosts, in the order of their ids, until one takes it.
func (s *Service) startElsewhere(ctx context.Context, r *api.AgentStartRequest, why error) (*api.Agent, error) {
	for host, err := range s.client.Hosts.All(ctx, api.HostsListRequest{Status: api.HostLive, Limit: api.MaxPage}) {
		if err != nil {
			return nil, err
		}
		if host.ID == s.cfg.ID {
			continue
		}
		agent, err := s.startAt(ctx, host.ID, r)
		switch api.ReasonOf(err) {
		case api.ReasonModuleNotFound, api.ReasonHostFull, api.ReasonHostNotFound:
			continue
		}
		return agent, err
	}
	return nil, why
}

// restart stops the agent wherever it runs and starts it here or elsewhere.
func (s *Service) restart(ctx context.Context, r *api.GetRequest) (*api.Agent, error) {
	if _, err := askOwner(ctx, s, "stop", api.HostedAgentsStop, r); err != nil && api.ReasonOf(err) != api.ReasonNotRunning {
		return nil, err
	}
	return s.start(ctx, &api.AgentStartRequest{ID: r.ID})
}

// askOwner asks the host that runs the agent. Interest in the agent's control subject is the process registry: it is never
// stale. Nobody there means that the agent does not run.
func askOwner[Resp any](ctx context.Context, s *Service, verb string, m api.Method[api.GetRequest, Resp], r *api.GetRequest) (*Resp, error) {
	body, err := codec.Marshal(r)
	if err != nil {
		return nil, err
	}
	data, err := s.conn.Request(ctx, controlSubject(s.conn.Namespace, r.ID, verb), body, false)
	if api.ReasonOf(err) == api.ReasonNobodyListens {
		if _, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID}); err != nil {
			return nil, err
		}
		return nil, api.Errorf(api.FailedPrecondition, "agent %s does not run: start it first", r.ID).WithReason(api.ReasonNotRunning)
	}
	if err != nil {
		return nil, err
	}
	resp := new(Resp)
	return resp, codec.Read(data, resp)
}

// control carries out a verb for an agent of this host. Stopping waits, so it has a goroutine of its own, which ends with
// the agent or at the request's deadline.
func (s *Service) control(h *hosted, msg *nats.Msg) {
	verb := msg.Subject[len(controlSubject(s.conn.Namespace, h.rec.ID, "")):]
	switch verb {
	case "status":
		s.reply(msg, &api.AgentState{Agent: h.record(), Live: h.live()})
	case "stop":
		timeout, err := rpc.Timeout(msg.Header)
		if err != nil {
			_ = s.conn.ReplyError(msg.Reply, err)
			return
		}
		s.loops.Go(func() {
			ctx, cancel := context.WithTimeout(s.base, timeout)
			defer cancel()
			if err := h.stop(ctx, "it was asked to"); err != nil {
				_ = s.conn.ReplyError(msg.Reply, rpc.Explain(err, s.log))
				return
			}
			s.reply(msg, h.record())
		})
	default:
		_ = s.conn.ReplyError(msg.Reply, api.Errorf(api.Unimplemented, "an agent's host has no verb %s", verb))
	}
}

func (s *Service) reply(msg *nats.Msg, body any) {
	data, err := codec.Marshal(body)
	if err != nil {
		_ = s.conn.ReplyError(msg.Reply, rpc.Explain(err, s.log))
		return
	}
	_ = s.conn.Reply(s.base, msg.Reply, data)
}

// startHere registers the agent if it is new, claims it, makes it and announces it. The tag stands for the request, "" for
// one without an id.
func (s *Service) startHere(ctx context.Context, r *api.AgentStartRequest, tag string) (*api.Agent, error) {
	spec := r.Agent
	if spec == nil {
		rec, err := s.client.Agents.Get(ctx, api.GetRequest{ID: r.ID})
		if err != nil {
			return nil, err
		}
		spec = &rec.AgentSpec
	}
	if err := s.canRun(spec); err != nil {
		return nil, err
	}
	if r.Agent != nil {
		regCtx := ctx
		if tag != "" {
			regCtx = rpc.WithRequestID(ctx, tag)
		}
		if _, err := s.client.Agents.Register(regCtx, *spec); err != nil {
			return nil, err
		}
	}
	rec, err := s.client.Agents.Transition(ctx, api.AgentTransitionRequest{
		ID: spec.ID, Status: api.AgentStarting, Host: s.cfg.ID, HostLease: s.env.Lease.ID(), Request: tag,
	})
	if tag != "" && api.ReasonOf(err) == api.ReasonAlreadyRunning {
		if now, gerr := s.client.Agents.Get(ctx, api.GetRequest{ID: spec.ID}); gerr == nil && now.Request == tag {
			return now, nil // claimed by an earlier attempt at this very request
		}
	}
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, *rec)
}

func (s *Service) canRun(spec *api.AgentSpec) error {
	if spec.RuntimeOrDefault() == api.RuntimeExternal {
		return api.Errorf(api.FailedPrecondition, "agent %s is external: it runs by itself", spec.ID).WithReason(api.ReasonStartFailed)
	}
	if spec.RuntimeOrDefault() == api.RuntimeNative {
		if _, ok := s.modules[spec.Module]; !ok {
			return moduleNotFound(spec.Module)
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.agents) >= s.cfg.MaxAgents {
		return api.Errorf(api.Overloaded, "host %s runs %d agents already", s.cfg.ID, s.cfg.MaxAgents).WithReason(api.ReasonHostFull)
	}
	return nil
}

// launch makes a claimed agent, lets it listen, and announces it. If anything fails the agent is reported failed.
func (s *Service) launch(ctx context.Context, rec api.Agent) (*api.Agent, error) {
	h := s.newHosted(rec)
	inst, err := s.newInstance(ctx, rec.AgentSpec)
	if err == nil {
		h.set(inst)
		s.mu.Lock()
		s.agents[rec.ID] = h
		s.mu.Unlock()
		if err = s.subscribe(h); err == nil {
			var running *api.Agent
			if running, err = s.announce(ctx, rec); err == nil {
				h.confirm(running)
				s.admit(h)
				go h.supervise()
				return running, nil
			}
		}
	}
	h.end(inst, api.AgentFailed, api.ReasonStartFailed+": "+clip(err.Error()))
	close(h.done)
	if e := api.AsError(err); e != nil {
		return nil, e
	}
	return nil, api.Errorf(api.FailedPrecondition, "agent %s did not start: %v", rec.ID, err).WithReason(api.ReasonStartFailed)
}

func (s *Service) announce(ctx context.Context, rec api.Agent) (*api.Agent, error) {
	return s.client.Agents.Transition(ctx, api.AgentTransitionRequest{
		ID: rec.ID, Status: api.AgentRunning, Host: s.cfg.ID, HostLease: s.env.Lease.ID(), Epoch: rec.Epoch,
	})
}

// record returns the agent as the registry last confirmed it.
func (h *hosted) record() api.Agent {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest
}
