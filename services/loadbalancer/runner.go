package loadbalancer

import (
	"context"
	"errors"
	"time"

	"github.com/mabus-project/mabus/services/loadbalancer/plan"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	lookEvery = 100 * time.Millisecond // at the run that is stored
	signEvery = 3 * time.Second        // that a runner gives at least
	moveTime  = time.Minute            // for one move
	moveTries = 5
	movePause = 300 * time.Millisecond
)

// watchPlan carries out the plan that is this replica's to carry out, and takes over one whose runner gives no sign.
func (s *Service) watchPlan() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var seen uint64
	since := time.Now()
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
		run, rev, ok := s.running.Get(planKey)
		if rev != seen || !s.running.Synced() {
			seen, since = rev, time.Now()
		}
		switch {
		case !ok || !plan.Open(run):
		case run.Runner == s.id:
			s.carryOut(run)
		case run.Runner == "" || time.Since(since) > s.cfg.Silence:
			s.takeOver(run)
		}
	}
}

// takeOver makes this replica the runner, unless another is quicker or the runner lives after all.
func (s *Service) takeOver(run *api.PlanRun) {
	ctx, cancel := context.WithTimeout(s.base, signEvery)
	defer cancel()
	_, err := s.runs.Update(ctx, api.Cause{}, planKey, func(old *api.PlanRun, now time.Time) (*api.PlanRun, string, error) {
		if old == nil || old.ID != run.ID || !old.ChangedAt.Equal(run.ChangedAt) || !plan.Open(old) {
			return old, "", nil
		}
		return plan.TakeOver(old, s.id, now.UTC()), "plan_taken_over", nil
	})
	if err != nil {
		s.cfg.Log.Debug().Err(err).Str("plan", run.ID).Msg("plan not taken over")
	}
}

// errNotRunner says that the run is another's.
var errNotRunner = errors.New("another replica carries the plan out")

// ended is how a move of a plan has ended.
type ended struct {
	i    int
	move api.PlanMove
}

// carryOut carries a run out until it has ended, another replica has it, or this one stops, which leaves the rest to another.
func (s *Service) carryOut(run *api.PlanRun) {
	moves, cancel := context.WithCancel(s.base)
	defer cancel()
	ends := make(chan ended, len(run.Plan.Moves))
	under := map[int]bool{}
	begin := func(i int) {
		under[i] = true
		m := run.Plan.Moves[i]
		s.loops.Go(func() { ends <- ended{i, s.moveOne(moves, m)} })
	}
	for i := range run.Plan.Moves {
		if run.Plan.Moves[i].Status == api.MoveMoving { // the former runner had begun it
			begin(i)
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	done, sign := map[int]api.PlanMove{}, time.Now()
	for plan.Open(run) {
		changes := map[int]api.PlanMove{}
		for i, m := range done {
			changes[i] = m
		}
		due := plan.Due(plan.Step(run, changes, run.ChangedAt), s.agentsOn())
		for _, i := range due {
			changes[i] = api.PlanMove{Status: api.MoveMoving}
			if !s.stands(&run.Plan.Moves[i]) {
				changes[i] = api.PlanMove{Status: api.MoveSkipped}
			}
		}
		if stored, _, ok := s.running.Get(planKey); len(changes) > 0 || time.Since(sign) > signEvery || ok && stored.Status != run.Status {
			next, err := s.step(run.ID, changes)
			switch {
			case errors.Is(err, errNotRunner):
				s.cfg.Log.Warn().Str("plan", run.ID).Msg("another replica carries the plan out")
				return
			case err == nil:
				run, sign = next, time.Now()
				clear(done)
				for i, m := range changes {
					if m.Status == api.MoveMoving && run.Plan.Moves[i].Status == api.MoveMoving && !under[i] {
						begin(i)
					}
				}
				continue
			}
			s.cfg.Log.Debug().Err(err).Str("plan", run.ID).Msg("progress of the plan not stored") // tried again
		}
		select {
		case <-s.base.Done():
			s.leavePlan(run.ID)
			return
		case e := <-ends:
			delete(under, e.i)
			done[e.i] = e.move
		case <-tick.C:
		}
	}
	s.cfg.Log.Info().Str("plan", run.ID).Int("moved", run.Moved).Int("failed", run.Failed).Int("skipped", run.Skipped).Msg("plan ended")
}

// step stores changes of this replica's run.
func (s *Service) step(id string, changes map[int]api.PlanMove) (*api.PlanRun, error) {
	ctx, cancel := context.WithTimeout(s.base, signEvery)
	defer cancel()
	res, err := s.runs.Update(ctx, api.Cause{}, planKey, func(old *api.PlanRun, now time.Time) (*api.PlanRun, string, error) {
		if old == nil || old.ID != id || old.Runner != s.id {
			return nil, "", errNotRunner
		}
		mine := map[int]api.PlanMove{}
		for i, m := range changes { // what was stopped meanwhile does not begin
			if m.Status != api.MoveMoving || old.Plan.Moves[i].Status == api.MoveWaiting {
				mine[i] = m
			}
		}
		next := plan.Step(old, mine, now.UTC())
		event := ""
		if !plan.Open(next) && plan.Open(old) {
			event = "plan_ended"
		}
		return next, event, nil
	})
	if err != nil {
		return nil, err
	}
	return res.Value, nil
}

// leavePlan gives the run to whoever wants it first.
func (s *Service) leavePlan(id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), time.Second)
	defer cancel()
	_, err := s.runs.Update(ctx, api.Cause{}, planKey, func(old *api.PlanRun, now time.Time) (*api.PlanRun, string, error) {
		if old == nil || old.ID != id || old.Runner != s.id || !plan.Open(old) {
			return old, "", nil
		}
		return plan.TakeOver(old, "", now.UTC()), "", nil
	})
	if err != nil {
		s.cfg.Log.Debug().Err(err).Str("plan", id).Msg("plan not given to others")
	}
}

// agentsOn counts the agents that run on each host.
func (s *Service) agentsOn() map[string]int {
	counts := map[string]int{}
	s.agents.Range(func(_ string, a *api.Agent, _ uint64) bool {
		if a.Status.Active() {
			counts[a.Host]++
		}
		return true
	})
	return counts
}

// stands tells whether all agents of a move still run where it begins.
func (s *Service) stands(m *api.PlanMove) bool {
	for _, id := range m.Agents {
		if a, _, ok := s.agents.Get(id); !ok || a.Host != m.From || a.Status != api.AgentRunning {
			return false
		}
	}
	return true
}

// arrived tells whether the agents of a move run where it ends, for when its answer was lost. Those that are on their way, or whose
// arrival the registry is about to tell, are waited for a little.
func (s *Service) arrived(ctx context.Context, m *api.PlanMove) bool {
	ctx, cancel := context.WithTimeout(ctx, signEvery)
	defer cancel()
	for {
		there := 0
		for _, id := range m.Agents {
			if a, err := s.client.Agents.Get(ctx, api.GetRequest{ID: id}); err == nil && a.Host == m.To && a.Status == api.AgentRunning {
				there++
			}
		}
		if there == len(m.Agents) {
			return true
		}
		select {
		case <-time.After(movePause):
		case <-ctx.Done():
			return false
		}
	}
}

// moveOne has the agents of a move handed over. The host takes the others of a group along with the first.
func (s *Service) moveOne(run context.Context, m api.PlanMove) api.PlanMove {
	ctx, cancel := context.WithTimeout(run, moveTime)
	defer cancel()
	var err error
	for range moveTries {
		if _, err = s.client.Agents.Move(ctx, api.AgentMoveRequest{ID: m.Agents[0], Host: m.To}); api.CodeOf(err) != api.Unavailable {
			break
		}
		select { // it may be on its way already, by the word of a former runner
		case <-time.After(movePause):
		case <-ctx.Done():
		}
	}
	switch code, reason := api.CodeOf(err), api.ReasonOf(err); {
	case reason == api.ReasonAgentNotFound, reason == api.ReasonNotRunning:
		return api.PlanMove{Status: api.MoveSkipped}
	case err == nil, (code == api.Unavailable || code == api.DeadlineExceeded) && s.arrived(run, &m):
		return api.PlanMove{Status: api.MoveMoved}
	}
	return api.PlanMove{Status: api.MoveFailed, Error: api.AsError(err)}
}
