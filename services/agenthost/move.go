package agenthost

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/placement"
	"github.com/mabus-project/mabus/shared/rpc"
)

// relocation tells an agent's goroutine to hand the agent over to a host. A refusal by that host leaves the agent here.
type relocation struct {
	target string
	answer chan moved // has room for one
}

// moveAgent has the host of an agent hand it over.
func (s *Service) moveAgent(ctx context.Context, r *api.AgentMoveRequest) (*api.Agent, error) {
	return askOwnerOf(ctx, s, r.ID, "move", api.HostedAgentsMove, r)
}

// moveVerb carries out a move that was asked of this host.
func (s *Service) moveVerb(h *hosted, msg *nats.Msg) (*api.Agent, error) {
	timeout, err := rpc.Timeout(msg.Header)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.base, timeout)
	defer cancel()
	data, err := s.conn.Body(ctx, msg.Header, msg.Data)
	if err != nil {
		return nil, err
	}
	var r api.AgentMoveRequest
	if err := codec.Decode(data, &r); err != nil {
		return nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if r.Host == s.cfg.ID {
		rec := h.record()
		return &rec, nil
	}
	target, err := s.destination(ctx, &h.rec.AgentSpec, r.Host)
	if err != nil {
		return nil, err
	}
	rec, err := s.relocate(ctx, h, target)
	if api.ReasonOf(err) == api.ReasonNobodyListens && isDone(h.done) && h.moved { // a move that was asked for before this one was under way
		if now, getErr := s.client.Agents.Get(ctx, api.GetRequest{ID: h.rec.ID}); getErr == nil && (r.Host == "" || now.Host == r.Host) {
			return now, nil
		}
	}
	return rec, err
}

// destination is the host to which an agent may move: the one that is asked for, or the best. What the agent, and the rest of its
// group, must have of a host holds for both.
func (s *Service) destination(ctx context.Context, spec *api.AgentSpec, asked string) (string, error) {
	if asked == "" {
		return s.best(spec, map[string]bool{s.cfg.ID: true})
	}
	for current := false; ; current = true {
		hosts, agents := s.view.everything()
		only := slices.DeleteFunc(hosts, func(h *api.Host) bool { return h.ID != asked || h.Status != api.HostLive })
		switch {
		case len(only) > 0:
			return placement.Choose(only, agents, spec, s.loads())
		case current:
			return "", api.Errorf(api.NotFound, "no live host is called %s", asked).WithReason(api.ReasonHostNotFound)
		}
		if err := s.view.hosts.CatchUp(ctx); err != nil { // a host that came just now may not be in the view yet
			return "", err
		}
	}
}

// relocate hands an agent, and the others of its group that are here, over to a host, one after another in the order of their start.
func (s *Service) relocate(ctx context.Context, h *hosted, target string) (*api.Agent, error) {
	var answer *api.Agent
	for i, member := range s.company(h) {
		rec, err := member.relocate(ctx, target)
		switch {
		case err != nil && i > 0:
			return nil, api.Errorf(api.CodeOf(err), "a part of the group %s has moved to host %s, but agent %s has not: %s; ask for the move of that one", h.rec.Group.Name, target, member.rec.ID, api.AsError(err).Message).
				WithReason(api.ReasonOf(err)).MaybeExecuted()
		case err != nil:
			return nil, err
		case member == h:
			answer = rec
		}
	}
	if answer == nil { // it has ended while the others moved
		return nil, gone(h.rec.ID)
	}
	return answer, nil
}

// company is the agent, or all of its group that are here, in the order of their start.
func (s *Service) company(h *hosted) []*hosted {
	if h.rec.Group == nil {
		return []*hosted{h}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []*hosted
	for _, other := range s.agents {
		if other.rec.Group != nil && other.rec.Group.Name == h.rec.Group.Name {
			all = append(all, other)
		}
	}
	slices.SortFunc(all, func(a, b *hosted) int { return placement.InOrder(&a.rec, &b.rec) })
	return all
}

// relocate asks the agent's goroutine, and waits until the agent has moved or is to stay.
func (h *hosted) relocate(ctx context.Context, target string) (*api.Agent, error) {
	r := relocation{target, make(chan moved, 1)}
	select {
	case h.relocations <- r:
	case <-h.done:
		return nil, gone(h.rec.ID)
	case <-ctx.Done():
		return nil, api.Errorf(api.DeadlineExceeded, "agent %s was being started, restarted or moved until the time was over", h.rec.ID).WithReason(api.ReasonTimeout)
	}
	select {
	case m := <-r.answer:
		return m.agent, m.err
	case <-ctx.Done():
		return nil, api.Errorf(api.DeadlineExceeded, "agent %s is still on its way to host %s", h.rec.ID, target).WithReason(api.ReasonTimeout).MaybeExecuted()
	}
}

// depart carries a relocation out, in the agent's goroutine, which has left its group for it. Moved is set when the agent is the
// other host's. Otherwise it is as after the orderly end of its instance: its messages wait for the next.
func (h *hosted) depart(r relocation) {
	begin := time.Now()
	h.s.quiesce(h)
	if h.life.Err() != nil || h.unwanted.Load() {
		r.answer <- moved{nil, gone(h.rec.ID)}
		return
	}
	h.s.uncontrol(h)
	rec, err := h.offer(r.target)
	if err != nil {
		r.answer <- moved{nil, err}
		return
	}
	h.s.handTo(h, r.target, begin)
	r.answer <- moved{rec, nil}
}

// offer has a host adopt the agent. When its answer is lost, the registry tells whether it has; as long as nobody knows, the agent
// must not go on here, since its new claim may come yet: its life ends, and it is taken up where it is best placed.
func (h *hosted) offer(target string) (*api.Agent, error) {
	s := h.s
	ctx, cancel := context.WithTimeout(s.base, adoptTimeout)
	rec, err := rpc.CallAt(ctx, s.conn, api.HostSubject(s.conn.Namespace, target, "agents.adopt"), adoptMethod,
		&adoptRequest{ID: h.rec.ID, Epoch: h.rec.Epoch, Group: h.group})
	cancel()
	if err == nil {
		return rec, nil
	}
	if api.ReasonOf(err) == api.ReasonNobodyListens {
		return nil, api.Errorf(api.NotFound, "host %s does not answer: agent %s stays where it is", target, h.rec.ID).WithReason(api.ReasonHostNotFound)
	}
	s.log.Warn().Err(err).Str("agent", h.rec.ID).Str("to", target).Msg("agent not handed over")
	switch api.ReasonOf(err) {
	case api.ReasonHostFull, api.ReasonDraining, api.ReasonModuleNotFound: // it has not been claimed
		return nil, err
	}
	for until := time.Now().Add(moveTimeout); ; {
		ctx, cancel := context.WithDeadline(s.base, until)
		now, getErr := s.client.Agents.Get(ctx, api.GetRequest{ID: h.rec.ID})
		cancel()
		switch {
		case getErr == nil && now.Epoch > h.rec.Epoch && now.Status == api.AgentStarting: // it does not listen yet to what would be passed on
			until = time.Now().Add(moveTimeout)
		case getErr == nil && now.Epoch > h.rec.Epoch && now.Status.Active():
			return now, nil
		case getErr == nil && now.Epoch > h.rec.Epoch: // it did not start there
			h.stop(errLost)
			return nil, err
		case getErr == nil && !unsure(err):
			return nil, err
		}
		if s.base.Err() != nil || time.Now().After(until) {
			h.stop(errAdrift)
			return nil, api.Errorf(api.Unavailable, "nobody knows whether host %s has agent %s: it is taken up again", target, h.rec.ID).WithReason(api.ReasonHostLost).MaybeExecuted()
		}
		select {
		case <-s.base.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stay makes the agent's next instance after a move that came to nothing.
func (h *hosted) stay() error {
	if h.life.Err() != nil {
		return nil
	}
	if err := h.s.recontrol(h); err != nil {
		return err
	}
	if h.work().Err() != nil {
		h.newWork()
	}
	inst, err := h.make(h.life)
	if err != nil {
		return err
	}
	h.set(inst)
	h.box.Resume()
	h.s.puller.Wake(h.rec.Capabilities)
	return nil
}

// recontrol takes control of an agent again.
func (s *Service) recontrol(h *hosted) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(h.subs, func(sub *nats.Subscription) bool { return s.routes[sub].control }) {
		return nil
	}
	sub, err := s.conn.NC.ChanQueueSubscribe(controlSubject(s.conn.Namespace, h.rec.ID, "*"), h.group, s.inbound)
	if err != nil {
		return fmt.Errorf("listen for the control of agent %s: %w", h.rec.ID, err)
	}
	h.subs = append(h.subs, sub)
	s.routes[sub] = route{agent: h, control: true}
	return nil
}
