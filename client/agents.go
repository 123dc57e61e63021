package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Agents registers agents and has hosts run them.
type Agents struct {
	conn *rpc.Conn
	seen *session
}

func (a Agents) changed(agent *api.Agent, err error) (*api.Agent, error) {
	return changed(a.seen, func(x *api.Agent) string { return x.Revision }, agent, err)
}

// Register registers an agent: conflict (already_registered) if the id is taken.
func (a Agents) Register(ctx context.Context, spec api.AgentSpec) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.AgentsRegister, &spec))
}

// RegisterMany registers up to api.MaxBulk agents, each by itself, and returns their results in order.
func (a Agents) RegisterMany(ctx context.Context, specs []api.AgentSpec) ([]api.AgentResult, error) {
	resp, err := rpc.Call(ctx, a.conn, api.AgentsRegisterMany, &api.AgentsRegisterManyRequest{Agents: specs})
	if err != nil {
		return nil, err
	}
	return a.changedAll(resp.Results), nil
}

func (a Agents) changedAll(results []api.AgentResult) []api.AgentResult {
	for _, r := range results {
		if r.Agent != nil {
			a.seen.wrote(r.Agent.Revision)
		}
	}
	return results
}

// Get returns an agent: not_found (agent_not_found) if there is none.
func (a Agents) Get(ctx context.Context, req api.GetRequest) (*api.Agent, error) {
	return read(a.seen, req.MinRevision, func(rev string) (*api.Agent, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, a.conn, api.AgentsGet, &req)
	})
}

// List returns one page of agents.
func (a Agents) List(ctx context.Context, req api.AgentsListRequest) (*api.AgentsListResponse, error) {
	return read(a.seen, req.MinRevision, func(rev string) (*api.AgentsListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, a.conn, api.AgentsList, &req)
	})
}

// All returns all agents that meet the request's conditions, page after page. An error ends it.
func (a Agents) All(ctx context.Context, req api.AgentsListRequest) iter.Seq2[api.Agent, error] {
	return pages(func(cursor string) ([]api.Agent, string, error) {
		req.Cursor = cursor
		resp, err := a.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Agents, resp.Next, nil
	})
}

// Update replaces metadata, tags or capabilities.
func (a Agents) Update(ctx context.Context, req api.AgentUpdateRequest) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.AgentsUpdate, &req))
}

// Transition moves an agent to another status.
func (a Agents) Transition(ctx context.Context, req api.AgentTransitionRequest) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.AgentsTransition, &req))
}

// TransitionMany moves up to api.MaxBulk agents, each by itself, and returns their results in order.
func (a Agents) TransitionMany(ctx context.Context, reqs []api.AgentTransitionRequest) ([]api.AgentResult, error) {
	resp, err := rpc.Call(ctx, a.conn, api.AgentsTransitionMany, &api.AgentsTransitionManyRequest{Transitions: reqs})
	if err != nil {
		return nil, err
	}
	return a.changedAll(resp.Results), nil
}

// Want says of up to api.MaxBulk agents whether they shall run, and returns their results in order. Hosts take up those that
// shall run and do not; one that runs and shall not is ended by Stop.
func (a Agents) Want(ctx context.Context, ids []string, run bool) ([]api.AgentResult, error) {
	resp, err := rpc.Call(ctx, a.conn, api.AgentsWant, &api.AgentsWantRequest{IDs: ids, Run: run})
	if err != nil {
		return nil, err
	}
	return a.changedAll(resp.Results), nil
}

// Deregister removes an agent that nobody runs, and tells whether there was one.
func (a Agents) Deregister(ctx context.Context, id string) (bool, error) {
	resp, err := rpc.Call(ctx, a.conn, api.AgentsDeregister, &api.DeregisterRequest{ID: id})
	if err != nil {
		return false, err
	}
	a.seen.wrote(resp.Revision)
	return resp.Existed, nil
}

// Stats counts agents.
func (a Agents) Stats(ctx context.Context) (*api.AgentsStatsResponse, error) {
	return rpc.Call(ctx, a.conn, api.AgentsStats, &api.Empty{})
}

// Watch tells where changes of agents are published.
func (a Agents) Watch(ctx context.Context) (*api.WatchResponse, error) {
	return rpc.Call(ctx, a.conn, api.AgentsWatch, &api.Empty{})
}

// Start has a host start an agent: a registered one by id, or a new one by its specification.
func (a Agents) Start(ctx context.Context, req api.AgentStartRequest) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.HostedAgentsStart, &req))
}

// Stop has its host stop an agent: failed_precondition (not_running) if it does not run.
func (a Agents) Stop(ctx context.Context, id string) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.HostedAgentsStop, &api.GetRequest{ID: id}))
}

// Restart stops an agent if it runs, and starts it.
func (a Agents) Restart(ctx context.Context, id string) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.HostedAgentsRestart, &api.GetRequest{ID: id}))
}

// Move hands a running agent over to another host, with its state, what waits for it and the rest of its group: to the one that is
// named, or else to the best. Refused, as not_running, host_not_found, host_full, module_not_found or no_place, it stays where it is.
func (a Agents) Move(ctx context.Context, req api.AgentMoveRequest) (*api.Agent, error) {
	return a.changed(rpc.Call(ctx, a.conn, api.HostedAgentsMove, &req))
}

// Status returns an agent and what its host measures of it.
func (a Agents) Status(ctx context.Context, id string) (*api.AgentState, error) {
	return rpc.Call(ctx, a.conn, api.HostedAgentsStatus, &api.GetRequest{ID: id})
}

// Guard returns what the guard of a running http agent measures: failed_precondition (no_guard) if the agent has none.
func (a Agents) Guard(ctx context.Context, id string) (*api.GuardStatus, error) {
	return rpc.Call(ctx, a.conn, api.GuardsGet, &api.GetRequest{ID: id})
}

// ResetGuard closes the breaker of a running http agent's guard and lets it count anew.
func (a Agents) ResetGuard(ctx context.Context, id string) (*api.GuardStatus, error) {
	return rpc.Call(ctx, a.conn, api.GuardsReset, &api.GetRequest{ID: id})
}

// pages runs through a paged list.
func pages[T any](page func(cursor string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		cursor := ""
		for {
			items, next, err := page(cursor)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
