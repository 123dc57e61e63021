package tasks_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// queues are the names of the places in the queues of capabilities.
func (w *world) queues(t testing.TB) string {
	t.Helper()
	stream, err := w.conn.JS.Stream(t.Context(), "mabus_tasks")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	list := stream.ConsumerNames(t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if list.Err() != nil {
		t.Fatal(list.Err())
	}
	return strings.Join(names, " ")
}

// What hosts have served once leaves nothing in the server for ever, and a task that came meanwhile waits for the next of them.
func TestIdleQueuesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{IdleQueue: time.Second, AckWait: time.Second})
	first := w.host(t, "h1", 1, echo)
	w.submit(t, api.TaskSpec{ID: "before", Job: "j", Capability: "work"})
	w.ended(t, "before")
	first.stop(time.Minute)
	w.submit(t, api.TaskSpec{ID: "meanwhile", Job: "j", Capability: "work"})
	natstest.Eventually(t, time.Minute, func() bool { return !strings.Contains(w.queues(t), "work_") }, "the queues are forgotten: %s", lazy(func() string { return w.queues(t) }))
	w.host(t, "h2", 1, echo)
	w.ended(t, "meanwhile")
	w.settled(t, 2)
}

// A host without a free slot asks for nothing, and what it is at work on is not given to another because of that.
func TestBusyQueuesAreNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{IdleQueue: 200 * time.Millisecond, AckWait: time.Second})
	var runs atomic.Int32
	let := make(chan struct{})
	w.host(t, "h1", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		runs.Add(1)
		select {
		case <-let:
		case <-ctx.Done():
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "long", Job: "j", Capability: "work"})
	natstest.Eventually(t, time.Minute, func() bool { return runs.Load() == 1 }, "the task runs")
	natstest.Eventually(t, time.Minute, func() bool { return !strings.Contains(w.queues(t), "work_high") }, "the other queue, where nothing is under way, is forgotten")
	w.host(t, "h2", 1, echo, "work", "other") // makes the queues again
	w.submit(t, api.TaskSpec{ID: "after", Job: "j", Capability: "work", Priority: api.PriorityHigh})
	w.ended(t, "after")
	close(let)
	w.ended(t, "long")
	if n := runs.Load(); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	w.settled(t, 2)
}

func TestAnAgentsOwnQueueGoesWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	h := w.host(t, "h1", 1, echo, api.OwnCapability("a1"), "work")
	w.submit(t, api.TaskSpec{ID: "own", Job: "j", Capability: api.OwnCapability("a1")})
	w.ended(t, "own")
	h.stop(time.Minute)
	for range 2 {
		if err := w.store.RemoveQueue(t.Context(), "a1"); err != nil {
			t.Fatal(err)
		}
	}
	if all := w.queues(t); strings.Contains(all, "agent-a1") || !strings.Contains(all, "work_high") {
		t.Errorf("there are %s", all)
	}
}
