package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// follow reads all that a task says, from a sequence to its end, and the task as it then stands.
func (w *world) follow(t testing.TB, id string, from uint64) ([]api.TaskPart, *api.Task) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var parts []api.TaskPart
	for {
		resp, err := w.store.Follow(ctx, &api.TaskFollowRequest{ID: id, From: from, Limit: 7, Wait: api.Duration(5 * time.Second)})
		if err != nil {
			t.Fatalf("follow %s: %v", id, err)
		}
		parts, from = append(parts, resp.Parts...), resp.Next
		if resp.Task != nil && resp.Task.Status.Ended() {
			return parts, resp.Task
		}
	}
}

// said is what parts are, in short.
func said(parts []api.TaskPart) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprintf("%s/%d:%s", p.Kind, p.Attempt, p.Payload)
	}
	return strings.Join(words, " ")
}

func TestFollowFromAnySequence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	half, rest := make(chan struct{}), make(chan struct{})
	w.host(t, "h", 2, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if string(m.Payload) != `"talk"` {
			return m.Payload, nil
		}
		for i := range 10 {
			if i == 5 {
				close(half)
				<-rest
			}
			if err := errors.Join(m.Parts.Chunk(ctx, fmt.Appendf(nil, "%d", i)), m.Parts.Progress(ctx, fmt.Appendf(nil, `{"done":%d}`, i))); err != nil {
				return nil, err
			}
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage(`"talk"`)})
	w.submit(t, api.TaskSpec{ID: "b"}) // what other tasks say, or do not say, is not in the way
	<-half
	now, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "a"})
	if err != nil || len(now.Parts) != 10 || now.Task != nil {
		t.Fatalf("got %+v, %v", now, err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "the task runs")
	more, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "a", From: now.Next})
	if err != nil || len(more.Parts) != 0 || more.Task == nil || more.Task.Status != api.TaskRunning {
		t.Fatalf("after what was said: %+v, %v", more, err)
	}
	close(rest)
	all, task := w.follow(t, "a", 0)
	if len(all) != 20 || string(all[19].Payload) != `{"done":9}` || all[18].Kind != api.PartChunk || all[0].At.IsZero() || task.Status != api.TaskSucceeded {
		t.Errorf("got %s, %+v", said(all), task)
	}
	for _, from := range []int{0, 1, 9, 19} {
		if got, _ := w.follow(t, "a", all[from].Seq); cmp.Diff(all[from:], got) != "" {
			t.Errorf("from %d: %s", all[from].Seq, said(got))
		}
	}
	if got, _ := w.follow(t, "b", 0); len(got) != 0 {
		t.Errorf("a task that says nothing said %s", said(got))
	}
	_, err = w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "nobody"})
	wantCode(t, err, api.NotFound, api.ReasonTaskNotFound)
}

// Whatever the attempts say before they fail, all of it is there, in order, and nothing else.
func TestEveryPartIsKeptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"1", `"x"`, `{"a":[]}`, "null"}), 0, 12)
	script, all := map[string][][]string{}, ids("t", 60)
	for i, id := range all {
		script[id] = rapid.SliceOfN(lines, 1, 2).Example(i)
	}
	w.host(t, "h", 8, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		for i, line := range script[m.Task][m.Attempt-1] {
			send := m.Parts.Chunk
			if i%2 == 1 {
				send = m.Parts.Progress
			}
			if err := send(ctx, json.RawMessage(line)); err != nil {
				return nil, err
			}
		}
		if m.Attempt < len(script[m.Task]) {
			return nil, errors.New("once more")
		}
		return json.RawMessage(`"done"`), nil
	})
	for _, id := range all {
		w.submit(t, api.TaskSpec{ID: id, Backoff: api.Duration(time.Millisecond)})
	}
	for _, id := range all {
		var want []string
		for n, lines := range script[id] {
			for i, line := range lines {
				kind := api.PartChunk
				if i%2 == 1 {
					kind = api.PartProgress
				}
				want = append(want, fmt.Sprintf("%s/%d:%s", kind, n+1, line))
			}
		}
		parts, _ := w.follow(t, id, 0)
		if got := said(parts); got != strings.Join(want, " ") {
			t.Errorf("%s: got %s, want %s", id, got, strings.Join(want, " "))
		}
	}
}

func TestLargeParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	big := json.RawMessage(`"` + strings.Repeat("ä", 2<<20) + `"`)
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Attempt == 1 {
			return nil, errors.Join(errors.New("once more"), m.Parts.Chunk(ctx, big), m.Parts.Checkpoint(ctx, big), m.Parts.Checkpoint(ctx, big))
		}
		if string(m.Checkpoint) != string(big) {
			return nil, fmt.Errorf("the checkpoint has %d bytes", len(m.Checkpoint))
		}
		return nil, m.Parts.Chunk(ctx, json.RawMessage("x"))
	})
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 2, Backoff: api.Duration(time.Millisecond)})
	parts, task := w.follow(t, "a", 0)
	if len(parts) != 1 || string(parts[0].Payload) != string(big) {
		t.Errorf("%d parts", len(parts))
	}
	wantCode(t, task.Error, api.Invalid, api.ReasonMalformed)
	blobs := streamState(t, w.conn, "OBJ_mabus_blobs")
	if blobs.NumSubjects > 40 { // the one that the part names, in pieces, and its description
		t.Errorf("%d subjects in the object store", blobs.NumSubjects)
	}
}
