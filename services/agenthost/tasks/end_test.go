package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	soon := time.Now().Add(1500 * time.Millisecond)
	w.submit(t, api.TaskSpec{ID: "nobody", Capability: "nobody", Deadline: soon})
	w.submit(t, api.TaskSpec{ID: "past", Capability: "nobody", Deadline: time.Now().Add(-time.Hour)})
	w.submit(t, api.TaskSpec{ID: "retry", Deadline: soon, Backoff: api.Duration(time.Hour)})
	w.submit(t, api.TaskSpec{ID: "in-time", Deadline: time.Now().Add(time.Hour)})
	// A refused submission of the same id must not move the alarm.
	_, err := w.store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: "nobody", Capability: "nobody", Deadline: soon.Add(time.Hour)})
	wantCode(t, err, api.Conflict, api.ReasonTaskExists)
	_, err = w.store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: "long", Capability: "nobody", Deadline: soon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: "long", Capability: "nobody", Deadline: soon})
	wantCode(t, err, api.Conflict, api.ReasonTaskExists)

	var started, stopped atomic.Bool
	w.host(t, "h", 4, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		switch m.Task {
		case "retry":
			return nil, errors.New("later")
		}
		if strings.HasPrefix(m.Task, "runs") {
			started.Store(true)
			<-ctx.Done()
			stopped.Store(true)
			return nil, ctx.Err()
		}
		return m.Payload, nil
	})
	ends := []string{"nobody", "past", "retry"}
	for d := 1500 * time.Millisecond; !started.Load() && d < 15*time.Second; d *= 2 { // it is not always started before its deadline
		id := fmt.Sprint("runs", len(ends))
		w.submit(t, api.TaskSpec{ID: id, Deadline: time.Now().Add(d)})
		w.ended(t, id)
		ends = append(ends, id)
	}
	for _, id := range ends {
		got := w.ended(t, id)
		if got.Status != api.TaskFailed {
			t.Errorf("%s: got %+v", id, got)
			continue
		}
		wantCode(t, got.Error, api.DeadlineExceeded, api.ReasonTaskDeadline)
	}
	natstest.Eventually(t, 5*time.Second, stopped.Load, "the running task was stopped")
	if got := w.ended(t, "in-time"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	if got := w.get(t, "long"); got.Status != api.TaskQueued {
		t.Errorf("a task was ended by the alarm of another submission: %+v", got)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { n, _ := w.counts(t); return n == 2 }, "only the long task and its alarm are left")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	cancel := func(id string) (*api.Task, error) {
		return w.store.Cancel(t.Context(), api.Cause{Principal: "boss"}, &api.TaskCancelRequest{ID: id, Reason: "no more"})
	}
	_, err := cancel("none")
	wantCode(t, err, api.NotFound, api.ReasonTaskNotFound)

	ran, stopped := make(chan string, 100), make(chan string, 100)
	release := make(chan struct{})
	handle := func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		ran <- m.Task
		switch m.Task {
		case "retry":
			return nil, errors.New("later")
		case "long":
			<-ctx.Done()
			stopped <- m.Task
			return nil, ctx.Err()
		case "brief":
			<-release
		}
		return m.Payload, nil
	}
	w.submit(t, api.TaskSpec{ID: "queued", Capability: "other"})
	w.host(t, "h", 4, handle)
	check := func(id string, err error, got *api.Task) {
		t.Helper()
		if err != nil || got.Status != api.TaskCancelled || !strings.Contains(got.Error.Message, "boss: no more") {
			t.Errorf("cancel %s: %+v, %v", id, got, err)
		}
		if again := w.ended(t, id); again.Status != api.TaskCancelled || again.Payload != nil {
			t.Errorf("%s: got %+v", id, again)
		}
		_, err = cancel(id)
		wantCode(t, err, api.FailedPrecondition, api.ReasonCannotCancel)
	}
	got, err := cancel("queued")
	check("queued", err, got)

	w.submit(t, api.TaskSpec{ID: "retry", Backoff: api.Duration(time.Hour)})
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "retry").Attempt == 1 && w.get(t, "retry").Status == api.TaskQueued }, "it waits")
	got, err = cancel("retry")
	check("retry", err, got)
	<-ran

	w.submit(t, api.TaskSpec{ID: "long"})
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "long").Status == api.TaskRunning }, "it runs")
	got, err = cancel("long")
	check("long", err, got)
	if got.Host != "h" || got.Agent != "a1" || got.Attempt != 1 {
		t.Errorf("got %+v", got)
	}
	<-ran
	<-stopped

	w.submit(t, api.TaskSpec{ID: "brief"}) // cancelled before anybody listens for it, and it then ends well
	<-ran
	got, err = cancel("brief")
	close(release)
	check("brief", err, got)

	w.submit(t, api.TaskSpec{ID: "done"})
	w.ended(t, "done")
	_, err = cancel("done")
	wantCode(t, err, api.FailedPrecondition, api.ReasonCannotCancel)
	<-ran

	// Just finishing: one of the two wins, and says so.
	for _, id := range ids("race", 50) {
		w.submit(t, api.TaskSpec{ID: id})
		<-ran
		_, err := cancel(id)
		if got := w.ended(t, id); (err == nil) != (got.Status == api.TaskCancelled) {
			t.Errorf("%s is %s, but cancel said %v", id, got.Status, err)
		}
	}
	// A cancelled task that nobody has pulled does not run when somebody comes.
	w.host(t, "other", 1, handle, "other")
	w.submit(t, api.TaskSpec{ID: "last", Capability: "other"})
	if id := <-ran; id != "last" {
		t.Errorf("%s ran", id)
	}
	w.settled(t, 56)
}
