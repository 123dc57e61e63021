package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/natstest"
)

// subjects are all that the streams of tasks hold, one for each message's subject.
func (w *world) subjects(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, name := range []string{"mabus_tasks", "mabus_results", "mabus_parts", "mabus_task_state"} {
		stream, err := w.conn.JS.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(">"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, slices.Collect(maps.Keys(info.State.Subjects))...)
	}
	slices.Sort(all)
	return all
}

// removeAll asks until nothing is left of a job.
func (w *world) removeAll(ctx context.Context, job string, abandon bool) (*api.JobRemoved, error) {
	all := &api.JobRemoved{}
	for r := (&api.JobRemoveRequest{Job: job, Cancel: abandon}); ; {
		page, err := w.store.RemoveJob(ctx, api.Cause{Principal: "ann"}, r)
		if err != nil {
			return all, err
		}
		all.Tasks, all.Cancelled = all.Tasks+page.Tasks, all.Cancelled+page.Cancelled
		if r.Next = page.Next; r.Next == "" {
			return all, nil
		}
	}
}

// talks is an agent that says and saves something large, and fails if it is told to.
func talks(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	large := json.RawMessage(`"` + strings.Repeat("0123456789abcdef", 20<<10) + `"`)
	if err := errors.Join(m.Parts.Chunk(ctx, large), m.Parts.Chunk(ctx, json.RawMessage(`2`)), m.Parts.Checkpoint(ctx, large)); err != nil {
		return nil, err
	}
	if strings.Contains(m.Task, "fail") {
		return nil, api.Errorf(api.Invalid, "never")
	}
	return large, nil
}

// All that is kept of a job goes, and nothing of another; tasks without an outcome are a reason to remove nothing. The removal is killed at
// one moment after the other, and repeated.
func TestRemoveJob(t *testing.T) {
	t.Parallel()
	w := &world{nats: natstest.StartWith(t, natsd.Config{MaxPayload: 256 << 10}), small: tasks.Small{AckWait: 5 * time.Second}}
	w.conn, w.store = w.open(t)
	h := w.host(t, "h1", 4, talks)
	payload := json.RawMessage(`"` + strings.Repeat("fedcba9876543210", 20<<10) + `"`)
	w.submit(t, api.TaskSpec{ID: "keep-fail", Job: "job-2", Payload: payload, Attempts: 1})
	w.ended(t, "keep-fail")
	natstest.Eventually(t, 5*time.Second, func() bool { return len(w.subjects(t)) == 2 }, "only its parts and its outcome are kept")
	before, bodies := w.subjects(t), w.blobs(t)
	if bodies == 0 || len(before) < 2 {
		t.Fatalf("%d bodies, %v: the test is of nothing", bodies, before)
	}
	ids := []string{"one", "two", "fail-1", "fail-2"}
	for _, id := range ids {
		w.submit(t, api.TaskSpec{ID: id, Job: "job", Payload: payload, Attempts: 1, Deadline: time.Now().Add(time.Hour)})
	}
	w.submit(t, api.TaskSpec{ID: "waits", Job: "job", Capability: "nobody", Payload: payload})
	for _, id := range ids {
		w.ended(t, id)
	}
	h.stop(5 * time.Second)
	natstest.Eventually(t, 5*time.Second, func() bool { return w.left(t) == "mabus.task.nobody.low.waits" }, "the server has heard of every acknowledgement")
	full := w.subjects(t)
	if _, err := w.removeAll(t.Context(), "job", false); api.ReasonOf(err) != api.ReasonJobHasTasks {
		t.Fatalf("got %v, want %s", err, api.ReasonJobHasTasks)
	}
	if now := w.subjects(t); !slices.Equal(now, full) {
		t.Fatalf("a refused removal has changed something:\n%v\n%v", full, now)
	}
	deaths := 0
	for d := time.Millisecond; ; d += d / 4 {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		_, err := w.removeAll(ctx, "job", true)
		cancel()
		if err == nil {
			break
		}
		deaths++
	}
	if now := w.subjects(t); !slices.Equal(now, before) {
		t.Errorf("after %d deaths there is\n%v\nwant\n%v", deaths, now, before)
	}
	if n := w.blobs(t); n != bodies {
		t.Errorf("%d bodies are left, want %d", n, bodies)
	}
	if got, err := w.removeAll(t.Context(), "job", false); err != nil || got.Tasks != 0 {
		t.Errorf("repeated: %+v, %v", got, err)
	}
	w.get(t, "keep-fail")
	w.submit(t, api.TaskSpec{ID: "one", Job: "job"}) // another task now
	if x := w.get(t, "one"); x.Status != api.TaskQueued {
		t.Errorf("the id that was removed is %s", x.Status)
	}
	if _, err := w.store.RemoveJob(t.Context(), api.Cause{}, &api.JobRemoveRequest{Job: "job", Next: "elsewhere"}); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v, want invalid", err)
	}
}
