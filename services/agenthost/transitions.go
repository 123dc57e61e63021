package agenthost

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	moveBatch   = 250             // transitions of one request
	moveQueue   = 4096            // transitions that wait
	movers      = 4               // requests under way
	moveTimeout = 3 * time.Second // of one request
)

// move is one transition on its way to the registry.
type move struct {
	ctx    context.Context // of who asks
	req    api.AgentTransitionRequest
	answer chan moved // has room for one
}

type moved struct {
	agent *api.Agent
	err   error
}

// transition moves one agent. Those that are asked for at the same time travel together: a host that takes up a thousand agents
// asks a few times, and one that takes up a single agent waits for nobody.
//
// When ctx ends first nobody knows whether the agent was moved.
func (s *Service) transition(ctx context.Context, req api.AgentTransitionRequest) (*api.Agent, error) {
	m := move{ctx, req, make(chan moved, 1)}
	unknown := func() error {
		return api.Errorf(api.Unavailable, "the registry has not answered in time").WithReason(api.ReasonDependencyDown).MaybeExecuted()
	}
	select {
	case s.moves <- m:
	case <-ctx.Done():
		return nil, unknown()
	case <-s.base.Done():
		return nil, s.draining()
	}
	select {
	case r := <-m.answer:
		return r.agent, r.err
	case <-ctx.Done():
		return nil, unknown()
	case <-s.base.Done():
		return nil, unknown()
	}
}

// mover sends what waits, as much at once as there is.
func (s *Service) mover() {
	for {
		batch := make([]move, 0, 1)
		select {
		case m := <-s.moves:
			batch = append(batch, m)
		case <-s.base.Done():
			return
		}
		for full := false; !full && len(batch) < moveBatch; {
			select {
			case m := <-s.moves:
				batch = append(batch, m)
			default:
				full = true
			}
		}
		// What nobody waits for any more must not overtake what was asked for since.
		batch = slices.DeleteFunc(batch, func(m move) bool { return m.ctx.Err() != nil })
		if len(batch) > 0 {
			s.move(batch)
		}
	}
}

func (s *Service) move(batch []move) {
	ctx, cancel := context.WithTimeout(s.base, moveTimeout)
	defer cancel()
	if len(batch) == 1 {
		agent, err := s.client.Agents.Transition(ctx, batch[0].req)
		batch[0].answer <- moved{agent, err}
		return
	}
	req := api.AgentsTransitionManyRequest{Transitions: make([]api.AgentTransitionRequest, len(batch))}
	for i, m := range batch {
		req.Transitions[i] = m.req
	}
	resp, err := rpc.Call(ctx, s.conn, api.AgentsTransitionMany, &req)
	for i, m := range batch {
		switch {
		case err != nil:
			m.answer <- moved{nil, err}
		case i >= len(resp.Results):
			m.answer <- moved{nil, api.Errorf(api.Internal, "the registry left a transition out")}
		case resp.Results[i].Error != nil:
			m.answer <- moved{nil, resp.Results[i].Error}
		default:
			m.answer <- moved{resp.Results[i].Agent, nil}
		}
	}
}
