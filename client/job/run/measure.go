package run

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

// measure asks the hosts what they measure of the job's http agents, in the order of their ids. The report wants it, so it is
// asked while they run; an agent whose host does not answer is left out.
func (f *fleet) measure(ctx context.Context) []api.AgentState {
	if !slices.ContainsFunc(f.cfg.Job.Agents, func(a job.Agent) bool { return a.HTTP != nil }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	var mu sync.Mutex
	var states []api.AgentState
	var wg sync.WaitGroup
	width := make(chan struct{}, startWidth)
	for a, err := range f.cfg.Client.Agents.All(ctx, api.AgentsListRequest{Tags: []string{job.JobTag(f.cfg.ID)}, Status: api.AgentRunning, Limit: api.MaxPage}) {
		if err != nil {
			f.cfg.Warn("the job's agents could not be listed, so the report is without what was measured of them: %s", text(err))
			break
		}
		if a.HTTP == nil {
			continue
		}
		width <- struct{}{}
		wg.Go(func() {
			defer func() { <-width }()
			state, err := f.cfg.Client.Agents.Status(ctx, a.ID)
			if err != nil {
				f.cfg.Warn("the report is without what was measured of agent %s: %s", a.ID, text(err))
				return
			}
			mu.Lock()
			defer mu.Unlock()
			states = append(states, *state)
		})
	}
	wg.Wait()
	slices.SortFunc(states, func(a, b api.AgentState) int { return strings.Compare(a.Agent.ID, b.Agent.ID) })
	return states
}

// addUp takes over what the budget has counted beyond what the tasks themselves tell: calls that their agents have made. An account that
// pays for them is settled with.
func (r *Run) addUp(ctx context.Context) {
	r.settleCost(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), quickly)
	defer cancel()
	b, err := r.budget(ctx)
	if err != nil || b == nil {
		return
	}
	r.count(func(s *Stats) {
		u := &s.Usage
		u.TokensIn, u.TokensOut, u.Cost = max(u.TokensIn, b.TokensIn), max(u.TokensOut, b.TokensOut), max(u.Cost, b.Spent)
	})
}
