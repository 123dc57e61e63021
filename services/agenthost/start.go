package agenthost

import (
	"context"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

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
	if err := s.takePlace(spec.ID); err != nil {
		return s.already(ctx, spec.ID, tag, err)
	}
	if err := s.registerNew(ctx, r.Agent, tag); err != nil {
		s.leavePlace()
		return nil, err
	}
	defer s.claiming(spec.ID)()
	rec, mine, err := s.claim(ctx, spec.ID, tag)
	if !mine {
		return rec, err
	}
	return s.launch(ctx, *rec, passage{})
}

func (s *Service) registerNew(ctx context.Context, spec *api.AgentSpec, tag string) error {
	if spec == nil {
		return nil
	}
	if tag != "" {
		ctx = rpc.WithRequestID(ctx, tag)
	}
	_, err := s.client.Agents.Register(ctx, *spec)
	return err
}

// claim takes the agent for this host; mine says that the host has it now, and its place with it. Otherwise the place is
// given back. An answer may come although the claim is not mine: that of an earlier attempt at this very request.
//
// When the registry's answer is lost nobody knows whether the host has the agent, and it must not stay as starting for
// ever: the host goes on to find out.
func (s *Service) claim(ctx context.Context, id, tag string) (rec *api.Agent, mine bool, err error) {
	req := api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: s.cfg.ID, HostLease: s.env.Lease.ID(), Request: tag}
	once := nuid.Next()
	rec, err = s.client.Agents.Transition(rpc.WithRequestID(ctx, once), req)
	if err == nil {
		return rec, true, nil
	}
	if unsure(err) && s.spawn(func() { s.disclaim(once, req) }, nil) {
		return nil, false, err
	}
	s.leavePlace()
	rec, err = s.already(ctx, id, tag, err)
	return rec, false, err
}

// already is the answer to a start that was refused: that of an earlier attempt at this very request, if that is why.
func (s *Service) already(ctx context.Context, id, tag string, refusal error) (*api.Agent, error) {
	if tag == "" || api.ReasonOf(refusal) != api.ReasonAlreadyRunning {
		return nil, refusal
	}
	if now, err := s.startedBy(ctx, id, tag); now != nil || err != nil {
		return now, err
	}
	return nil, refusal
}

// startedBy returns the agent if its last claim was made for this request, and nil otherwise. It asks at the store's leader: what a
// replica of the registry knows may be older than the claim.
func (s *Service) startedBy(ctx context.Context, id, tag string) (*api.Agent, error) {
	now, err := rpc.Call(ctx, s.conn, api.AgentsUpdate, &api.AgentUpdateRequest{ID: id})
	switch {
	case err != nil || now.Request != tag:
		return nil, err
	case now.Status == api.AgentStarting: // it may yet be given up: see disclaim
		return nil, api.Errorf(api.Unavailable, "agent %s is still starting for this request: ask again", id).MaybeExecuted()
	}
	return now, nil
}

// disclaim repeats a claim until its outcome is known, and gives the agent up if the host has it: its caller has gone.
func (s *Service) disclaim(once string, req api.AgentTransitionRequest) {
	defer s.leavePlace()
	for !isDone(s.env.Lease.Lost()) {
		ctx, cancel := context.WithTimeout(rpc.WithRequestID(s.base, once), 2*time.Second)
		rec, err := s.client.Agents.Transition(ctx, req)
		cancel()
		if err == nil {
			h := s.newHosted(*rec)
			_ = h.report(s.base, api.AgentFailed, api.ReasonStartFailed+": the registry did not answer in time", false)
			h.release()
			return
		}
		if !unsure(err) {
			return
		}
		select {
		case <-s.base.Done():
			return
		case <-s.env.Lease.Lost():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// launch starts the goroutine of a claimed agent, and waits until the agent runs, or its caller waits no longer.
func (s *Service) launch(ctx context.Context, rec api.Agent, via passage) (*api.Agent, error) {
	s.mu.RLock()
	former := s.agents[rec.ID]
	s.mu.RUnlock()
	if former != nil { // its claim was lost without its knowledge, or this one had not succeeded
		former.stop(errLost)
		select {
		case <-former.done:
		case <-ctx.Done():
		}
	}
	h := s.newHosted(rec)
	if h.passage = via; h.group == "" {
		h.group = groupOf(&rec)
	}
	start := ctx
	if via.kept { // it goes on whoever waits for it
		start = s.base
	}
	if !s.spawn(func() { defer s.claiming(rec.ID)(); h.live(start) }, h) {
		h.release()
		s.leavePlace()
		return nil, s.draining()
	}
	select {
	case err := <-h.started:
		if err != nil {
			return nil, startError(rec.ID, err)
		}
		running := h.first
		return &running, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func startError(id string, err error) error {
	if e := api.AsError(err); e != nil {
		return e
	}
	return api.Errorf(api.FailedPrecondition, "agent %s did not start: %v", id, err).WithReason(api.ReasonStartFailed)
}

func (s *Service) canRun(spec *api.AgentSpec) error {
	switch spec.RuntimeOrDefault() {
	case api.RuntimeExternal:
		return api.Errorf(api.FailedPrecondition, "agent %s is external: it runs by itself", spec.ID).WithReason(api.ReasonStartFailed)
	case api.RuntimeNative:
		if _, ok := s.modules[spec.Module]; !ok {
			return moduleNotFound(spec.Module)
		}
	}
	return nil
}

// takePlace makes sure of a place before anything is promised to the registry. An agent's place is given back when the host
// forgets it.
func (s *Service) takePlace(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return s.draining()
	case s.places < s.maxAgents():
		s.places++
		return nil
	case s.agents[id] != nil:
		return api.Errorf(api.Conflict, "agent %s runs on host %s already", id, s.cfg.ID).WithReason(api.ReasonAlreadyRunning)
	}
	return api.Errorf(api.Overloaded, "host %s runs %d agents already", s.cfg.ID, s.maxAgents()).WithReason(api.ReasonHostFull)
}

func (s *Service) leavePlace() {
	s.mu.Lock()
	s.places--
	s.mu.Unlock()
}

func (s *Service) draining() error {
	return api.Errorf(api.Unavailable, "host %s is stopping: ask again", s.cfg.ID).WithReason(api.ReasonDraining)
}

// spawn runs a goroutine that Stop waits for, that of the agent if one is given, unless Stop has begun to wait.
func (s *Service) spawn(f func(), h *hosted) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if h != nil {
		s.agents[h.rec.ID] = h
	}
	s.loops.Go(f)
	return true
}
