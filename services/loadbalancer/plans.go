package loadbalancer

import (
	"context"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/services/loadbalancer/plan"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const planKey = "plan"

// makePlan makes a plan of what this replica knows.
func (s *Service) makePlan(_ context.Context, r *api.PlanRequest) (*api.Plan, error) {
	var hosts []*api.Host
	s.hosts.Range(func(_ string, h *api.Host, _ uint64) bool {
		hosts = append(hosts, h)
		return true
	})
	agents := make([]*api.Agent, 0, s.agents.Len())
	s.agents.Range(func(_ string, a *api.Agent, _ uint64) bool {
		agents = append(agents, a)
		return true
	})
	now := time.Now()
	loads := map[string]plan.Known{}
	for lease, h := range s.loads.Hosts(now) {
		loads[lease] = plan.Known{Host: h, Activity: s.loads.Activity(lease, now)}
	}
	return plan.Make(hosts, agents, loads, *r, now.UTC())
}

// runPlan stores the run of a plan, unless another runs. This replica begins with it when it sees it stored.
func (s *Service) runPlan(ctx context.Context, r *api.PlanRunRequest) (*api.PlanRun, error) {
	p := r.Plan
	if p == nil {
		var err error
		if p, err = s.makePlan(ctx, &r.PlanRequest); err != nil {
			return nil, err
		}
	}
	id := nuid.Next()
	res, err := s.runs.Update(ctx, rpc.CauseFrom(ctx), planKey, func(old *api.PlanRun, now time.Time) (*api.PlanRun, string, error) {
		if old != nil && plan.Open(old) {
			return nil, "", api.Errorf(api.Conflict, "the plan %s runs since %s: wait for its end, or stop it", old.ID, old.StartedAt.Format(time.RFC3339)).WithReason(api.ReasonPlanRunning)
		}
		return plan.Begin(*p, id, s.id, now.UTC()), "plan_started", nil
	})
	if err != nil {
		return nil, err
	}
	return stamped(res.Value, res.Token), nil
}

func stamped(r *api.PlanRun, token string) *api.PlanRun {
	stored := *r
	stored.Revision = token
	return &stored
}

func planNotFound(id string) error {
	if id == "" {
		return api.Errorf(api.NotFound, "no plan has been carried out").WithReason(api.ReasonPlanNotFound)
	}
	return api.Errorf(api.NotFound, "the newest plan is not %s: only the newest is kept", id).WithReason(api.ReasonPlanNotFound)
}

func (s *Service) getPlan(ctx context.Context, r *api.PlanGetRequest) (*api.PlanRun, error) {
	if r.MinRevision != "" {
		rev, err := s.bucket.ParseToken(r.MinRevision)
		if err != nil {
			return nil, err
		}
		if err := s.running.WaitFor(ctx, rev); err != nil {
			return nil, err
		}
	}
	run, rev, ok := s.running.Get(planKey)
	if !ok || r.ID != "" && run.ID != r.ID {
		res, err := s.runs.Get(ctx, planKey) // it may be too new for the mirror
		if err != nil {
			return nil, err
		}
		if !res.Existed || r.ID != "" && res.Value.ID != r.ID {
			return nil, planNotFound(r.ID)
		}
		return stamped(res.Value, res.Token), nil
	}
	return stamped(run, s.bucket.Token(rev)), nil
}

func (s *Service) stopPlan(ctx context.Context, r *api.PlanGetRequest) (*api.PlanRun, error) {
	res, err := s.runs.Update(ctx, rpc.CauseFrom(ctx), planKey, func(old *api.PlanRun, now time.Time) (*api.PlanRun, string, error) {
		if old == nil || r.ID != "" && old.ID != r.ID {
			return nil, "", planNotFound(r.ID)
		}
		if !plan.Open(old) || old.Status != api.PlanRunning {
			return old, "", nil
		}
		return plan.Stop(old, "it was asked to", now.UTC()), "plan_stopped", nil
	})
	if err != nil {
		return nil, err
	}
	return stamped(res.Value, res.Token), nil
}
