package agenthost_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// clerks are two modules: a boss passes its message on to agent c1, which spends and says for which job it was asked.
func clerks() []agent.Module {
	return []agent.Module{
		{Name: "boss", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
			return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
				m.Spend(api.Usage{TokensIn: 1})
				return env.Bus.Call(ctx, "c1", m.Payload)
			}), nil
		}},
		{Name: "clerk", New: func(context.Context, agent.Env) (agent.Handler, error) {
			return agent.HandlerFunc(func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
				m.Spend(api.Usage{TokensOut: 7, Cost: 40})
				switch string(m.Payload) {
				case `"fail"`:
					return nil, errors.New("no")
				case `"sleep"`:
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return json.Marshal(m.Job)
			}), nil
		}},
	}
}

func TestJobsAndCostsTravel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: clerks()})
	w.start(t, api.AgentSpec{ID: "b1", Module: "boss", Capabilities: []string{"work"}})
	w.start(t, api.AgentSpec{ID: "c1", Module: "clerk", MaxCost: 100})
	var used api.Usage
	ctx := rpc.WithUsage(within(t, patience), func(u api.Usage) { used.Add(u) })
	if answer, err := w.Call(ctx, "c1", "x"); err != nil || string(answer) != `""` || used != (api.Usage{TokensOut: 7, Cost: 40}) {
		t.Errorf("got %s, %v, %+v", answer, err, used)
	}
	if _, err := w.Call(ctx, "c1", "fail"); err == nil || used != (api.Usage{TokensOut: 14, Cost: 80}) {
		t.Errorf("an error costs too: %v, %+v", err, used)
	}
	s, err := w.Stream(ctx, "c1", "x")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Next(); err != nil || used != (api.Usage{TokensOut: 21, Cost: 120}) {
		t.Errorf("a stream ends with its cost: %v, %+v", err, used)
	}
	// The job of a task reaches whom its agent asks, and what that costs counts for it there.
	if _, err := w.Budgets.Set(t.Context(), api.BudgetSetRequest{Scope: api.BudgetJob, ID: "j1", Cap: 60}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"t1", "t2"} {
		if _, err := w.Tasks.Submit(t.Context(), api.TaskSpec{ID: id, Job: "j1", Capability: "work", Attempts: 1}); err != nil {
			t.Fatal(err)
		}
	}
	// A call may cost 100, which is more than the cap.
	for _, id := range []string{"t1", "t2"} {
		w.unpaid(t, id)
	}
	if _, err := w.Budgets.Set(t.Context(), api.BudgetSetRequest{Scope: api.BudgetJob, ID: "j1", Cap: 139}); err != nil { // for one at a time, and two hardly
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool {
		b, err := w.Budgets.Get(t.Context(), api.BudgetKey{Scope: api.BudgetJob, ID: "j1"})
		return err == nil && b.Spent > 0 && b.Reserved == 0 && b.Exhausted
	}, "one has been paid for, and another refused")
	natstest.Eventually(t, patience, func() bool { // an outcome comes after it is paid
		list, err := w.Tasks.List(t.Context(), api.TasksListRequest{Status: api.TaskSucceeded, Job: "j1"})
		return err == nil && len(list.Tasks) > 0
	}, "one has succeeded")
	done := 0
	for _, id := range []string{"t1", "t2"} {
		task, err := w.Tasks.Get(within(t, patience), api.TaskGetRequest{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if task.Status == api.TaskSucceeded {
			done++
			if string(task.Result) != `"j1"` || task.Usage == nil || task.Usage.TokensIn < 1 || task.Usage.Cost != 0 { // its agent's own
				t.Errorf("got %s, %+v", task.Result, task.Usage)
			}
		}
	}
	b, err := w.Budgets.Get(t.Context(), api.BudgetKey{Scope: api.BudgetJob, ID: "j1"})
	if err != nil || done != 1 || b.Spent != 40 || b.Reserved != 0 || !b.Exhausted {
		t.Errorf("%d done, budget %+v, %v", done, b, err)
	}
	live, err := w.Agents.Status(t.Context(), "c1")
	if err != nil || live.Live.Usage == nil || live.Live.Usage.Cost != 160 {
		t.Errorf("got %+v, %v", live.Live, err)
	}
	if _, err := w.Agents.Guard(t.Context(), "c1"); api.ReasonOf(err) != api.ReasonNoGuard {
		t.Errorf("got %v", err)
	}
}

func (w *world) unpaid(t *testing.T, id string) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		task, err := w.Tasks.Get(t.Context(), api.TaskGetRequest{ID: id})
		return err == nil && task.Status == api.TaskUnpaid
	}, "task %s waits for money", id)
}

func TestAnAgentsOwnTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: clerks()})
	w.start(t, api.AgentSpec{ID: "c1", Module: "clerk", Timeout: api.Duration(50 * time.Millisecond)})
	if _, err := w.Call(within(t, patience), "c1", "sleep"); api.ReasonOf(err) != api.ReasonTimeout {
		t.Errorf("got %v", err)
	}
}

// What an agent spends without a word before is counted by every budget, also when one of them is used up.
func TestUnannouncedCostsAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host(t, agenthost.Config{ID: "h1", Modules: clerks()})
	w.start(t, api.AgentSpec{ID: "c1", Module: "clerk"}) // states no maximum
	for _, k := range []api.BudgetSetRequest{{Scope: api.BudgetNamespace, Cap: 1000}, {Scope: api.BudgetAgent, ID: "c1", Cap: 50}} {
		if _, err := w.Budgets.Set(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		if _, err := w.Call(within(t, patience), "c1", "x"); err != nil {
			t.Fatal(err)
		}
	}
	for _, k := range []api.BudgetKey{{Scope: api.BudgetNamespace}, {Scope: api.BudgetAgent, ID: "c1"}} {
		if b, err := w.Budgets.Get(t.Context(), k); err != nil || b.Spent != 160 || b.Calls != 4 || b.Open != 0 {
			t.Errorf("%s: %+v, %v", k.Scope, b, err)
		}
	}
}

// A program that dies, hangs or talks nonsense has not said what it has spent: that may be its maximum.
func TestCostsThatNobodyReports(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"crash":       `read init; read message; exit 3`,
		"hang":        `read init; while read message; do :; done; sleep 1000`,
		"broken":      `read init; read message; echo '{"type":"result","id":"1","payload":{'; while read more; do :; done`,
		"with a word": `read init; read message; echo '{"type":"error","id":"1","error":{"code":"invalid","message":"no"},"usage":{"cost":"7"}}'; while read more; do :; done`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.host(t, agenthost.Config{ID: "h1"})
			timeout := patience // a shell may be late with its answer
			if name == "hang" {
				timeout = time.Second
			}
			w.start(t, api.AgentSpec{ID: "e1", Command: []string{"sh", "-c", script}, MaxCost: 100, Timeout: api.Duration(timeout)})
			key := api.BudgetKey{Scope: api.BudgetAgent, ID: "e1"}
			if _, err := w.Budgets.Set(t.Context(), api.BudgetSetRequest{Scope: key.Scope, ID: key.ID, Cap: 150}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Call(within(t, patience), "e1", "x"); err == nil {
				t.Error("it has answered")
			}
			want := api.Micro(100)
			if name == "with a word" {
				want = 7
			}
			if b, err := w.Budgets.Get(t.Context(), key); err != nil || b.Spent+b.Reserved != want {
				t.Errorf("got %+v, %v; it may have cost %s", b, err, want)
			}
		})
	}
}
