package agenthost

import (
	"context"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// goOnTime bounds how long a change of a cap is held up by the tasks that it lets go on; the rest follow.
const goOnTime = 3 * time.Second

// budgetMethods adds the methods about spending.
func (s *Service) budgetMethods() {
	rpc.Handle(s.server, api.BudgetsSet, func(ctx context.Context, r *api.BudgetSetRequest) (*api.Budget, error) {
		b, err := s.budgets.Set(ctx, rpc.CauseFrom(ctx), r)
		if err == nil {
			s.payable(ctx, api.BudgetKey{Scope: r.Scope, ID: r.ID})
		}
		return b, err
	})
	rpc.Handle(s.server, api.BudgetsSettle, func(ctx context.Context, r *api.BudgetKey) (*api.Budget, error) {
		return s.budgets.Settle(ctx, rpc.CauseFrom(ctx), r)
	})
	rpc.Handle(s.server, api.BudgetsGet, s.budgets.Get)
	rpc.Handle(s.server, api.BudgetsList, s.budgets.List)
	rpc.Handle(s.server, api.BudgetsRemove, func(ctx context.Context, r *api.BudgetKey) (*api.Empty, error) {
		err := s.budgets.Remove(ctx, rpc.CauseFrom(ctx), r)
		if err == nil {
			s.payable(ctx, *r)
		}
		return &api.Empty{}, err
	})
	s.loops.Go(s.tidyBudgets)
}

// tidyEvery is how often hosts look for budgets whose money another host was settling when it died, or that calls have let go since.
const tidyEvery = time.Minute

func (s *Service) tidyBudgets() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for all := true; ; {
		ctx, cancel := context.WithTimeout(s.base, tidyEvery/2)
		err := s.budgets.Tidy(ctx, all)
		cancel()
		if err == nil {
			all = false
		} else if api.ReasonOf(err) != api.ReasonNobodyListens && s.base.Err() == nil {
			s.log.Warn().Err(err).Msg("the money of some budgets is settled later")
		}
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
	}
}

// payable lets tasks go on that wait because a cap was reached.
func (s *Service) payable(ctx context.Context, k api.BudgetKey) {
	job := ""
	if k.Scope == api.BudgetJob {
		job = k.ID
	}
	all := make(chan struct{})
	s.loops.Go(func() {
		s.goOn(job)
		close(all)
	})
	s.goOnLater(job)
	enough := time.NewTimer(goOnTime)
	defer enough.Stop()
	select {
	case <-all:
	case <-ctx.Done():
	case <-enough.C:
	}
}

// latecomers are the jobs that are looked at once more, as a task may just have been put aside for want of the old cap. One goroutine serves
// all of them, however many caps are changed.
type latecomers struct {
	mu   sync.Mutex
	next map[string]bool // what comes now; nil while nobody waits
}

// asideTime is how long a task takes at most to be put aside.
const asideTime = 2 * time.Second

func (s *Service) goOnLater(job string) {
	s.late.mu.Lock()
	defer s.late.mu.Unlock()
	if s.late.next == nil {
		s.late.next = map[string]bool{}
		s.loops.Go(s.goOnLate)
	}
	s.late.next[job] = true
}

// goOnLate looks at each job once or twice asideTime after its change, until none is left.
func (s *Service) goOnLate() {
	tick := time.NewTicker(asideTime)
	defer tick.Stop()
	var due map[string]bool // which have waited for a whole turn
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
		for job := range due {
			s.goOn(job)
		}
		s.late.mu.Lock()
		due, s.late.next = s.late.next, map[string]bool{}
		if len(due) == 0 {
			s.late.next = nil
			s.late.mu.Unlock()
			return
		}
		s.late.mu.Unlock()
	}
}

func (s *Service) goOn(job string) {
	if err := s.tasks.GoOn(s.base, job); err != nil && s.base.Err() == nil {
		s.log.Warn().Err(err).Msg("some tasks that wait for a budget go on later")
	}
}
