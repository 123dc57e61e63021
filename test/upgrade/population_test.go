package upgrade_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"
)

// keeper saves a state with each message, and asks something about each task, after a progress and a checkpoint.
const keeper = `n=0; while IFS= read -r line; do
case $line in '{"type":"message"'*) ;; *) continue ;; esac
id=${line#*\"id\":\"}; id=${id%%\"*}; n=$((n+1))
case $line in *'"task":'*)
printf '{"type":"progress","id":"%s","payload":{"done":1,"of":2}}\n' "$id"
printf '{"type":"checkpoint","id":"%s","payload":{"pages":40}}\n' "$id"
printf '{"type":"need_input","id":"%s","payload":"which one?"}\n' "$id" ;;
*)
printf '{"type":"save","id":"s%s","payload":{"n":%s}}\n' "$n" "$n"
printf '{"type":"result","id":"%s","payload":{"n":%s}}\n' "$id" "$n" ;;
esac
done`

// fill has at least one record come into each store, by this tree's SDK.
func fill(t *testing.T, l *load, endpoint string) {
	t.Helper()
	ctx, op, ann := t.Context(), l.as["operator"], l.as["ann"]
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	l.cast()
	l.launch(api.AgentSpec{ID: "keeper", Type: "worker", Capabilities: []string{"keep"}, Tags: []string{"a"}, Command: []string{"sh", "-c", keeper}})
	limiter := api.LimiterSpec{Scope: api.LimiterCluster, Key: "web", Requests: 1000}
	l.launch(api.AgentSpec{ID: "web", Type: "web", HTTP: &api.HTTPSpec{URL: endpoint, Guard: api.GuardSpec{Limiter: &limiter}}})
	for _, id := range []string{"keeper", "web"} {
		_, err := ann.Call(ctx, id, map[string]int{"a": 1})
		must(err)
	}
	for n := range 3 {
		must(l.register(ctx, n))
		must(l.count(ctx, n))
		must(l.session(ctx, n))
		must(l.variable(ctx, n))
		must(l.metric(ctx, n))
		must(l.event(ctx, n))
	}
	l.tell()
	for n := range 3 {
		must(l.transfer(ctx, n))
	}
	fillTasks(t, l)
	fillCoordination(ctx, t, ann)
	threshold := api.Measure(0.5)
	_, err := op.Alerts.AddRule(ctx, api.AlertRule{ID: "works", Metric: "work", Kind: api.SourceCustom, Comparison: api.AtLeast, Threshold: &threshold, Window: api.Duration(3600 * second), Route: &api.AlertRoute{Webhook: &api.AlertWebhook{URL: endpoint + "/refused"}}})
	must(err)
	natstest.Eventually(t, patience, func() bool {
		must(l.metric(ctx, 0))
		page, err := op.Alerts.Page(ctx, api.AlertsListRequest{})
		return err == nil && len(page.Alerts) > 0
	}, "an alert is raised")
	_, err = op.Balancer.SetConfig(ctx, api.BalanceSetRequest{Strategy: api.StrategyHash})
	must(err)
	_, err = op.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetJob, ID: "j", Cap: 10 * unit})
	must(err)
}

const second = 1_000_000_000

// fillTasks leaves a task that has succeeded with a body that is large, one that waits for an answer, and one that nobody takes.
func fillTasks(t *testing.T, l *load) {
	t.Helper()
	ctx, ann := t.Context(), l.as["ann"]
	large := json.RawMessage(`"` + strings.Repeat("large ", 400_000) + `"`)
	for _, spec := range []api.TaskSpec{
		{ID: "small", Job: "j", Capability: "echo", Payload: json.RawMessage(`{"n":1}`)},
		{ID: "large", Job: "j", Capability: "echo", Payload: large},
		{ID: "asks", Job: "j", Capability: "keep", Payload: json.RawMessage(`{"n":2}`)},
		{ID: "lonely", Job: "j", Capability: "nobody", Payload: json.RawMessage(`{"n":3}`), Priority: api.PriorityHigh},
	} {
		if _, err := ann.Tasks.Submit(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]api.TaskStatus{"small": api.TaskSucceeded, "large": api.TaskSucceeded, "asks": api.TaskWaiting} {
		natstest.Eventually(t, patience, func() bool {
			task, err := ann.Tasks.Get(ctx, api.TaskGetRequest{ID: id})
			return err == nil && task.Status == want
		}, "%s is %s", id, want)
	}
}

// fillCoordination leaves a lock that is held, and each of the primitives.
func fillCoordination(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	lease, err := c.OpenLease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lease.Close)
	held, err := c.Locks.Acquire(ctx, lease, api.LockAcquireRequest{Name: "held"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cells.Open(ctx, "cell", held.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cells.Put(ctx, "cell", held.Token, 7); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Latches.Create(ctx, "latch", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Sequences.Next(ctx, "seq", 5); err != nil {
		t.Fatal(err)
	}
	wait, cancel := context.WithTimeout(client.WithRequestID(ctx, rpc.NewRequestID()), second)
	defer cancel()
	if _, err := c.Barriers.Arrive(wait, api.BarrierArriveRequest{Name: "barrier", Parties: 2}); err == nil {
		t.Fatal("the barrier has opened for one")
	}
}

// fillNewer has records come into the stores that the first frozen version had not.
func fillNewer(t *testing.T, l *load) bool {
	t.Helper()
	ctx, op := t.Context(), l.as["operator"]
	_, err := op.Config.Set(ctx, "coordination.waiters", 5000)
	if code := api.CodeOf(err); code == api.Unavailable || code == api.Unimplemented { // it has none
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Config.Set(ctx, "perfmon.alerts_give_up", "1s"); err != nil {
		t.Fatal(err)
	}
	public, _, err := secret.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Secrets.AddKey(ctx, public, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := op.Secrets.Set(ctx, "token", []byte("nothing that is worth keeping"), ""); err != nil {
		t.Fatal(err)
	}
	spec := api.AgentSpec{ID: "trusted", Command: []string{"sh", "-c", voter}, Env: map[string]string{"A": "b"}, Secrets: map[string]api.SecretRef{"TOKEN": "env:HOME"}}
	if _, err := op.Agents.Register(ctx, spec); err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"economics", "coordination"} {
		l.ask(t, reading{As: "operator", Method: service + ".rules.use", Request: json.RawMessage(`{"version":1}`)})
	}
	return true
}
