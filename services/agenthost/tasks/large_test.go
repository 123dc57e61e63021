package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Tasks larger than a message live in the object store for as long as somebody needs them.
func TestLargeTasks(t *testing.T) {
	t.Parallel()
	w := &world{nats: natstest.StartWith(t, natsd.Config{MaxPayload: 256 << 10}), small: tasks.Small{AckWait: 5 * time.Second}}
	w.conn, w.store = w.open(t)
	large := json.RawMessage(`"` + strings.Repeat("0123456789abcdef", 40<<10) + `"`)
	same := func(m *agent.Message) error {
		if string(m.Payload) != string(large) {
			return api.Errorf(api.Invalid, "the payload of %s came changed: %d bytes", m.Task, len(m.Payload))
		}
		return nil
	}
	block := make(chan struct{})
	handle := func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if err := same(m); err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(m.Task, "retry") && m.Attempt < 3:
			return nil, errors.New("again")
		case strings.HasPrefix(m.Task, "fail"):
			return nil, errors.New("never")
		case m.Task == "drained":
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-block:
			}
		}
		return json.RawMessage(`1`), nil
	}
	h1 := w.host(t, "h1", 4, handle)
	soon := api.Duration(time.Millisecond)
	for _, id := range []string{"ok", "retry", "fail", "drained"} {
		w.submit(t, api.TaskSpec{ID: id, Payload: large, Backoff: soon})
	}
	w.submit(t, api.TaskSpec{ID: "cancelled", Capability: "nobody", Payload: large})
	if task, err := w.store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: "cancelled", Capability: "nobody", Payload: large}); err != nil || string(task.Payload) != string(large) {
		t.Errorf("the same again: %v", err)
	}
	page, err := w.store.List(t.Context(), &api.TasksListRequest{Status: api.TaskQueued, Capability: "nobody"})
	if err != nil || len(page.Tasks) != 1 || page.Tasks[0].Payload != nil {
		t.Errorf("got %+v, %v", page, err)
	}
	if _, err := w.store.Cancel(t.Context(), api.Cause{}, &api.TaskCancelRequest{ID: "cancelled"}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"ok", "retry", "fail"} {
		w.ended(t, id)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "drained").Status == api.TaskRunning }, "it runs")
	h1.stop(time.Millisecond)
	close(block)
	w.host(t, "h2", 4, handle)
	if got := w.ended(t, "drained"); got.Status != api.TaskSucceeded || got.Attempt != 1 || got.Host != "h2" {
		t.Errorf("got %+v, %v", got, got.Error)
	}
	w.settled(t, 5)
	if got := w.get(t, "fail"); string(got.Payload) != string(large) {
		t.Error("the failed task has not kept its payload")
	}
	if _, err := w.store.Replay(t.Context(), api.Cause{}, "fail"); err != nil {
		t.Fatal(err)
	}
	w.ended(t, "fail-r1")
	natstest.Eventually(t, 5*time.Second, func() bool { return w.blobs(t) == 2 }, "only the two failed tasks have bodies in the object store")
}

func (w *world) blobs(t *testing.T) int {
	obj, err := w.conn.JS.ObjectStore(t.Context(), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	all, err := obj.List(t.Context())
	if err != nil {
		return 0
	}
	return len(all)
}
