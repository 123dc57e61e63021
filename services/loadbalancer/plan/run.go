package plan

import (
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// mostFailures is how many moves may fail before the rest of a plan is left: what was foretold is not so.
const mostFailures = 5

// Begin returns the run of a plan.
func Begin(p api.Plan, id, runner string, now time.Time) *api.PlanRun {
	p.Request = p.Request.WithDefaults()
	moves := make([]api.PlanMove, len(p.Moves))
	copy(moves, p.Moves)
	for i := range moves {
		moves[i].Status, moves[i].Error = api.MoveWaiting, nil
	}
	p.Moves = moves
	r := &api.PlanRun{ID: id, Plan: p, Status: api.PlanRunning, Runner: runner, StartedAt: now, ChangedAt: now}
	count(r, now)
	return r
}

// Due returns the moves that may begin now, in their order. Agents is how many agents each host has.
func Due(r *api.PlanRun, agents map[string]int) []int {
	if r.Status != api.PlanRunning {
		return nil
	}
	flying, leaving := 0, map[string]int{}
	for i := range r.Plan.Moves {
		if m := &r.Plan.Moves[i]; m.Status == api.MoveMoving {
			flying += len(m.Agents)
			leaving[m.From] += len(m.Agents)
		}
	}
	var due []int
	for i := range r.Plan.Moves {
		m := &r.Plan.Moves[i]
		if m.Status != api.MoveWaiting {
			continue
		}
		n := len(m.Agents)
		share := max(1, int(float64(agents[m.From])*float64(r.Plan.Request.MaxShare)/float64(api.One)))
		if flying > 0 && flying+n > r.Plan.Request.InFlight || leaving[m.From] > 0 && leaving[m.From]+n > share {
			continue
		}
		flying += n
		leaving[m.From] += n
		due = append(due, i)
	}
	return due
}

// Step returns the run after some of its moves have come to a status. The run itself is not changed.
func Step(r *api.PlanRun, changes map[int]api.PlanMove, now time.Time) *api.PlanRun {
	next := *r
	next.Plan.Moves = append([]api.PlanMove(nil), r.Plan.Moves...)
	for i, change := range changes {
		if i >= 0 && i < len(next.Plan.Moves) {
			next.Plan.Moves[i].Status, next.Plan.Moves[i].Error = change.Status, change.Error
		}
	}
	next.ChangedAt = now
	count(&next, now)
	if next.Status == api.PlanRunning && next.Failed >= mostFailures {
		return Stop(&next, "too many moves have failed", now)
	}
	return &next
}

// Stop returns the run without the moves that have not begun. Those under way come to their end.
func Stop(r *api.PlanRun, why string, now time.Time) *api.PlanRun {
	changes := map[int]api.PlanMove{}
	for i := range r.Plan.Moves {
		if r.Plan.Moves[i].Status == api.MoveWaiting {
			changes[i] = api.PlanMove{Status: api.MoveSkipped}
		}
	}
	next := *r
	if next.Status == api.PlanRunning {
		next.Status, next.Why = api.PlanStopped, why
	}
	return Step(&next, changes, now)
}

// TakeOver returns the run with another runner, which begins again what was under way: a move that has happened is no move the
// second time.
func TakeOver(r *api.PlanRun, runner string, now time.Time) *api.PlanRun {
	next := *r
	next.Runner, next.ChangedAt = runner, now
	return &next
}

// Open tells whether some move of the run has not ended.
func Open(r *api.PlanRun) bool { return r.EndedAt.IsZero() }

// count brings the counts up to date, and ends a run of which every move has ended.
func count(r *api.PlanRun, now time.Time) {
	r.Moved, r.Failed, r.Skipped = 0, 0, 0
	open := 0
	for i := range r.Plan.Moves {
		switch r.Plan.Moves[i].Status {
		case api.MoveMoved:
			r.Moved++
		case api.MoveFailed:
			r.Failed++
		case api.MoveSkipped:
			r.Skipped++
		default:
			open++
		}
	}
	if open > 0 || !r.EndedAt.IsZero() {
		return
	}
	r.EndedAt = now
	if r.Status == api.PlanRunning {
		r.Status = api.PlanDone
	}
}
