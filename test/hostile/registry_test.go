package hostile_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// While no replica of the registry answers, a host in strict mode goes on with what it has: agents answer, and tasks are taken from the queues that
// there are. A queue that the host has to ask for waits, with its tasks, and comes when a replica is back.
func TestHostsWithoutARegistry(t *testing.T) {
	w := &world{Strict: natstest.StartStrict(t)}
	for kind, name := range names {
		w.Creds(t, kind, name)
	}
	service := w.connect(t, api.KindService)
	if err := agenthost.Prepare(w.within(t), service); err != nil {
		t.Fatal(err)
	}
	stop := w.registry(t, service)
	t.Cleanup(func() { stop() }) // behind the host, which takes its leave of it
	w.serve(t, api.KindHost, agenthost.New(agenthost.Config{ID: names[api.KindHost], Modules: []agent.Module{echo.Module}}))
	w.op = w.client(t, api.KindOperator, names[api.KindOperator])
	if _, err := w.op.Agents.Start(w.within(t), api.AgentStartRequest{Agent: &api.AgentSpec{ID: "hosted", Module: "echo", Capabilities: []string{"echo"}}}); err != nil {
		t.Fatal(err)
	}
	submit := func() string {
		task, err := w.op.Tasks.Submit(w.within(t), api.TaskSpec{Capability: "echo", Payload: json.RawMessage(`"x"`)})
		if err != nil {
			t.Fatal(err)
		}
		return task.ID
	}
	await := func(id string, wait time.Duration) api.TaskStatus {
		task, err := w.op.Tasks.Get(w.within(t), api.TaskGetRequest{ID: id, Wait: api.Duration(wait)})
		if err != nil {
			t.Fatal(err)
		}
		return task.Status
	}
	succeeds := func(id, when string) {
		natstest.Eventually(t, patience, func() bool { return await(id, patience/6) == api.TaskSucceeded }, "%s, the task has succeeded", when)
	}
	succeeds(submit(), "with a registry")

	stop()
	if _, err := w.op.Call(w.within(t), "hosted", "x"); err != nil {
		t.Errorf("an agent without a registry: %v", err)
	}
	succeeds(submit(), "without a registry")
	tasks, err := service.JS.Stream(w.within(t), ns+"_tasks")
	if err != nil {
		t.Fatal(err)
	}
	for name := range tasks.ConsumerNames(w.within(t)).Name() {
		if err := service.JS.DeleteConsumer(w.within(t), ns+"_tasks", name); err != nil {
			t.Fatal(err)
		}
	}
	waiting := submit()
	if got := await(waiting, time.Second); got == api.TaskSucceeded || got == api.TaskFailed {
		t.Errorf("a task without a queue is %s", got)
	}

	stop = w.registry(t, service)
	succeeds(waiting, "when the registry is back")
	natstest.Eventually(t, patience, func() bool {
		a, err := w.op.Agents.Get(w.within(t), api.GetRequest{ID: "hosted"})
		return err == nil && a.Status == api.AgentRunning && a.Epoch == 1
	}, "the agent is where it was")
}

func (w *world) connect(t *testing.T, kind api.Kind) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Dial(w.within(t), rpc.Options{URL: w.URL(), Credentials: w.Creds(t, kind, names[kind]), Principal: names[kind]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// registry starts a replica that can be stopped.
func (w *world) registry(t *testing.T, conn *rpc.Conn) (stop func()) {
	t.Helper()
	r, err := registry.Start(w.within(t), conn, registry.Config{Strict: true, Operators: []string{names[api.KindOperator]}})
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
}
