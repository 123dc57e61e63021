package job_test

import (
	"math"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/job"
	"github.com/mabus-project/mabus/shared/api"
)

func TestStill(t *testing.T) {
	stopped := job.Look{Budget: api.Budget{Cap: 10, Calls: 3, Exhausted: true}, Planned: 5, Ended: 3}
	for name, change := range map[string]func(l *job.Look){
		"room again":       func(l *job.Look) { l.Budget.Exhausted = false },
		"a call under way": func(l *job.Look) { l.Budget.Open = 1 },
		"an outcome":       func(l *job.Look) { l.Ended++ },
		"another task":     func(l *job.Look) { l.Planned++ },
		"another call":     func(l *job.Look) { l.Budget.Calls++ },
		"another cap":      func(l *job.Look) { l.Budget.Cap++ },
	} {
		other := stopped
		change(&other)
		if other.Still(&stopped) || stopped.Still(&other) {
			t.Errorf("%s: it is not still", name)
		}
	}
	if again := stopped; !again.Still(&stopped) || (&job.Look{}).Still(&job.Look{}) {
		t.Error("it is still when nothing has changed and the budget is exhausted, and not otherwise")
	}
}

func TestWaits(t *testing.T) {
	for _, c := range []struct {
		statuses []api.TaskStatus
		unpaid   bool
	}{
		{nil, false},
		{[]api.TaskStatus{api.TaskUnpaid, api.TaskUnpaid}, true},
		{[]api.TaskStatus{api.TaskUnpaid, api.TaskWaiting}, true},
		{[]api.TaskStatus{api.TaskWaiting}, false},
		{[]api.TaskStatus{api.TaskUnpaid, api.TaskQueued}, false},
		{[]api.TaskStatus{api.TaskRunning, api.TaskUnpaid}, false},
		{[]api.TaskStatus{api.TaskUnpaid, api.TaskFailed}, true},
	} {
		var w job.Waits
		for _, s := range c.statuses {
			w.Count(s)
		}
		if w.Unpaid() != c.unpaid {
			t.Errorf("%v: %+v", c.statuses, w)
		}
	}
}

func TestUnpaidError(t *testing.T) {
	for _, c := range []struct{ limit, spent, want api.Micro }{
		{2_500_000, 2_400_000, 5_000_000},
		{1_000_000, 3_000_000, 6_000_000},
		{0, 0, 1_000_000},
		{math.MaxInt64, 1, math.MaxInt64},
	} {
		e := &job.UnpaidError{Budget: api.Budget{Cap: c.limit, Spent: c.spent}, Done: 3, Planned: 9, Waiting: 4}
		if got := e.Suggest(); got != c.want {
			t.Errorf("%s of %s: %s is suggested, want %s", c.spent, c.limit, got, c.want)
		}
		for _, part := range []string{c.limit.String(), c.spent.String(), "3 of 9 tasks", "4 wait"} {
			if !strings.Contains(e.Error(), part) {
				t.Errorf("%q does not tell %q", e.Error(), part)
			}
		}
	}
}

func TestMaxCost(t *testing.T) {
	j, err := job.Parse([]byte(valid + "limits: {max_cost: \"2500000\"}\n"))
	if err != nil || j.Limits.MaxCost == nil || *j.Limits.MaxCost != 2_500_000 {
		t.Fatalf("%v, %+v", err, j)
	}
	if err := j.Validate(); err != nil {
		t.Error(err)
	}
	j, err = job.Parse(replace("replicas: 3", "replicas: 3\n    max_cost: \"70\""))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range j.Place("r1", []string{"h1"}) {
		if p.Spec.MaxCost != 70 {
			t.Errorf("the agents do not state what they may cost: %+v", p.Spec)
		}
	}
	bad := api.Micro(-1)
	if j.Limits.MaxCost = &bad; j.Validate() == nil {
		t.Error("a negative cap is taken")
	}
}
