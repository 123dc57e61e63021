package tasks_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	const n, wait = 20, time.Minute // far longer than anybody takes for the tasks
	w := newWorld(t, tasks.Small{AckWait: wait})
	var mu sync.Mutex
	var attempts []int
	running := make(chan string, n)
	h1 := w.host(t, "h1", n/2, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		running <- m.Task
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for _, id := range ids("a", n) {
		w.submit(t, api.TaskSpec{ID: id, Attempts: 1})
	}
	for range n / 2 {
		<-running
	}
	h1.stop(10 * time.Millisecond)
	if left, _ := w.counts(t); left != n {
		t.Errorf("%d tasks are in the queue, want %d", left, n)
	}
	begin := time.Now()
	w.host(t, "h2", n, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		mu.Lock()
		attempts = append(attempts, m.Attempt)
		mu.Unlock()
		return m.Payload, nil
	})
	for _, id := range ids("a", n) {
		if got := w.ended(t, id); got.Status != api.TaskSucceeded || got.Host != "h2" || got.Attempt != 1 {
			t.Errorf("got %+v", got)
		}
	}
	if d := time.Since(begin); d > wait/2 {
		t.Errorf("the tasks came only after %s, as if nobody had handed them back", d)
	}
	if len(attempts) != n || slices.Max(attempts) != 1 {
		t.Errorf("attempts %v", attempts)
	}
	w.settled(t, n)
}

// Stop waits for what ends by itself, and puts up with an agent that does not.
func TestStopWaitsForTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	running, release := make(chan struct{}), make(chan struct{})
	h := w.host(t, "h", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		close(running)
		<-release
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	<-running
	done := make(chan struct{})
	go func() { defer close(done); h.stop(10 * time.Second) }()
	close(release)
	<-done
	if got := w.get(t, "a"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	w.settled(t, 1)
}
