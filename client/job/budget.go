package job

import (
	"fmt"

	"github.com/mabus-project/mabus/shared/api"
)

// Look is how a job whose spending is capped stands at one moment.
type Look struct {
	Budget api.Budget
	// Planned and Ended count tasks as the run knows them.
	Planned, Ended int
}

// Still tells whether nothing has happened since another look, no call is under way and the budget has refused one. Then it is
// worth asking what the tasks wait for.
func (l *Look) Still(before *Look) bool {
	stopped := func(b *api.Budget) bool { return b.Exhausted && b.Open == 0 }
	return stopped(&l.Budget) && stopped(&before.Budget) &&
		l.Planned == before.Planned && l.Ended == before.Ended && l.Budget.Calls == before.Budget.Calls && l.Budget.Cap == before.Budget.Cap
}

// Waits counts the tasks of a job that have no outcome.
type Waits struct {
	Budget int // wait for a higher cap
	Other  int // are queued or running, and may yet end
	People int // have asked something
}

// Count counts a task.
func (w *Waits) Count(s api.TaskStatus) {
	switch s {
	case api.TaskUnpaid:
		w.Budget++
	case api.TaskWaiting:
		w.People++
	case api.TaskQueued, api.TaskRunning:
		w.Other++
	}
}

// Unpaid tells whether a higher cap is what the job waits for, and no task of it can end without.
func (w *Waits) Unpaid() bool { return w.Budget > 0 && w.Other == 0 }

// UnpaidError ends a run that goes on only when more may be spent. Its tasks stay as they are.
type UnpaidError struct {
	Budget api.Budget
	// Done and Planned count tasks; Waiting those that wait for a higher cap.
	Done, Planned, Waiting int
}

// Error implements error. Amounts are in micro-units.
func (e *UnpaidError) Error() string {
	return fmt.Sprintf("stopped: the budget of the job is exhausted: %s of its cap of %s (micro-units) are spent, %d of %d tasks are done and %d wait for a higher cap",
		e.Budget.Spent, e.Budget.Cap, e.Done, e.Planned, e.Waiting)
}

// leastCap is what is suggested where nothing was allowed and nothing is spent.
const leastCap = 1_000_000

// Suggest returns a higher cap that a person may start from: twice the old one, or twice what is spent if that is more.
func (e *UnpaidError) Suggest() api.Micro {
	var twice api.Usage
	for range 2 {
		twice.Add(api.Usage{Cost: max(e.Budget.Cap, e.Budget.Spent)})
	}
	return max(twice.Cost, leastCap)
}
