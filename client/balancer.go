package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Balancer is the service loadbalancer: it chooses agents for assignments, is told what became of them, and moves agents between hosts so
// that none is much busier than the others. Messages by capability need none of it: CallCapability balances by itself.
type Balancer struct {
	conn *rpc.Conn
}

// Pick chooses an agent: unavailable (no_suitable_agent), overloaded (all_agents_overloaded, tenant_over_share). The assignment counts
// as outstanding until Report, or until its hold is over.
func (b Balancer) Pick(ctx context.Context, req api.PickRequest) (*api.Pick, error) {
	return rpc.Call(ctx, b.conn, api.BalancePick, &req)
}

// PickMany makes several picks, all or none.
func (b Balancer) PickMany(ctx context.Context, req api.PickManyRequest) ([]api.Pick, error) {
	resp, err := rpc.Call(ctx, b.conn, api.BalancePickMany, &req)
	if err != nil {
		return nil, err
	}
	return resp.Picks, nil
}

// Report tells what became of an assignment, or metrics of an agent: not_found (assignment_unknown, agent_not_found).
func (b Balancer) Report(ctx context.Context, report api.BalanceReport) error {
	_, err := rpc.Call(ctx, b.conn, api.BalanceReportOn, &report)
	return err
}

// Member returns what is known of a running agent's load: not_found (agent_not_found).
func (b Balancer) Member(ctx context.Context, id string) (*api.BalanceMember, error) {
	return rpc.Call(ctx, b.conn, api.BalanceMemberGet, &api.GetRequest{ID: id})
}

// Members returns one page of what is known of the load of running agents.
func (b Balancer) Members(ctx context.Context, req api.BalanceListRequest) (*api.BalanceListResponse, error) {
	return rpc.Call(ctx, b.conn, api.BalanceMembersList, &req)
}

// AllMembers returns all pages of Members. An error ends it.
func (b Balancer) AllMembers(ctx context.Context, req api.BalanceListRequest) iter.Seq2[api.BalanceMember, error] {
	return pages(func(cursor string) ([]api.BalanceMember, string, error) {
		req.Cursor = cursor
		resp, err := b.Members(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Members, resp.Next, nil
	})
}

// Stats counts agents, assignments and routed messages.
func (b Balancer) Stats(ctx context.Context) (*api.BalanceStats, error) {
	return rpc.Call(ctx, b.conn, api.BalanceStatsGet, &api.Empty{})
}

// History returns the newest assignments, newest first.
func (b Balancer) History(ctx context.Context, req api.BalanceHistoryRequest) ([]api.Assignment, error) {
	resp, err := rpc.Call(ctx, b.conn, api.BalanceHistory, &req)
	if err != nil {
		return nil, err
	}
	return resp.Assignments, nil
}

// Config returns the configuration that all replicas obey.
func (b Balancer) Config(ctx context.Context, req api.BalanceGetRequest) (*api.BalanceSettings, error) {
	return rpc.Call(ctx, b.conn, api.BalanceConfigGet, &req)
}

// SetConfig replaces the configuration, or its strategy alone: conflict (config_changed) if it has another version than expected.
func (b Balancer) SetConfig(ctx context.Context, req api.BalanceSetRequest) (*api.BalanceSettings, error) {
	return rpc.Call(ctx, b.conn, api.BalanceConfigSet, &req)
}

// Plan says which agents would have to move, and moves none: failed_precondition (no_loads).
func (b Balancer) Plan(ctx context.Context, req api.PlanRequest) (*api.Plan, error) {
	return rpc.Call(ctx, b.conn, api.PlansMake, &req)
}

// Run begins to carry a plan out: conflict (plan_running) while another runs.
func (b Balancer) Run(ctx context.Context, req api.PlanRunRequest) (*api.PlanRun, error) {
	return rpc.Call(ctx, b.conn, api.PlansRun, &req)
}

// Progress returns how far a run is, the newest unless an id is given: not_found (plan_not_found).
func (b Balancer) Progress(ctx context.Context, req api.PlanGetRequest) (*api.PlanRun, error) {
	return rpc.Call(ctx, b.conn, api.PlansGet, &req)
}

// StopPlan has a run begin no further move.
func (b Balancer) StopPlan(ctx context.Context, req api.PlanGetRequest) (*api.PlanRun, error) {
	return rpc.Call(ctx, b.conn, api.PlansStop, &req)
}
