package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// stateKept waits until so many checkpoints and lists of questions are kept.
func (w *world) stateKept(t testing.TB, want uint64) {
	t.Helper()
	natstest.Eventually(t, 10*time.Second, func() bool { return streamState(t, w.conn, "mabus_task_state").Msgs == want }, "%d records are kept", want)
}

func TestACheckpointIsHandedToTheNextAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	seen := make(chan string, 3)
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		seen <- string(m.Checkpoint)
		switch m.Attempt {
		case 1:
			return nil, errors.Join(errors.New("once more"), m.Parts.Checkpoint(ctx, json.RawMessage(`{"page":1}`)), m.Parts.Checkpoint(ctx, json.RawMessage(`{"page":2}`)))
		case 2:
			return nil, errors.New("once more, and nothing saved")
		}
		return nil, m.Parts.Checkpoint(ctx, json.RawMessage(`{"page":3}`))
	})
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(time.Millisecond)})
	for i, want := range []string{"", `{"page":2}`, `{"page":2}`} {
		if got := <-seen; got != want {
			t.Errorf("attempt %d got %q, want %q", i+1, got, want)
		}
	}
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	w.stateKept(t, 0)
}

func TestACheckpointSurvivesTheHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 2 * time.Second}) // in which the host saves and dies, before it is given the task again
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage(`"save and die"`)})
	<-w.process(t, "p1").done
	got := make(chan string, 1)
	w.host(t, "survivor", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		got <- fmt.Sprintf("%d %s", m.Attempt, m.Checkpoint)
		return m.Payload, nil
	})
	if s := <-got; s != `2 {"far":40}` {
		t.Errorf("the next attempt got %s", s)
	}
	parts, _ := w.follow(t, "a", 0)
	if said(parts) != `chunk/1:"before"` {
		t.Errorf("got %s", said(parts))
	}
	w.stateKept(t, 0)
}

// A handler that does not heed its timeout is left behind; when it wakes up, the task is another's.
func TestALateAttemptSavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 4 * time.Second}) // the second attempt has so long beyond its timeout, too, to come to its end
	wake, woken := make(chan struct{}), make(chan error, 2)
	w.host(t, "slow", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		ctx = context.WithoutCancel(ctx)
		if m.Attempt > 1 {
			<-wake
			return nil, errors.New("not here")
		}
		<-wake
		woken <- m.Parts.Checkpoint(ctx, json.RawMessage(`"late"`))
		err := m.Parts.Chunk(ctx, json.RawMessage(`"late"`))
		woken <- err
		return nil, err
	})
	w.submit(t, api.TaskSpec{ID: "a", Timeout: api.Duration(100 * time.Millisecond)})
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "the task runs")
	saved, end := make(chan error, 2), make(chan struct{})
	w.host(t, "other", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		ctx = context.WithoutCancel(ctx)
		saved <- errors.Join(m.Parts.Checkpoint(ctx, json.RawMessage(`"second"`)), m.Parts.Chunk(ctx, json.RawMessage(`"second"`)))
		<-end
		return json.RawMessage(`"second"`), nil
	})
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	close(wake)
	for range 2 {
		wantCode(t, <-woken, api.Fenced, api.ReasonCheckpointFenced)
	}
	close(end)
	parts, task := w.follow(t, "a", 0)
	if said(parts) != `chunk/2:"second"` || string(task.Result) != `"second"` || task.Attempt != 2 {
		t.Errorf("got %s, %+v", said(parts), task)
	}
	w.settled(t, 1)
}

func TestUsageIsSummedOverAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 1, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		m.Spend(api.Usage{TokensIn: 10, TokensOut: 1, Cost: 5})
		m.Spend(api.Usage{TokensIn: -1})
		if m.Attempt < 3 {
			return nil, errors.New("once more")
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(time.Millisecond)})
	if got := w.ended(t, "a"); got.Usage == nil || *got.Usage != (api.Usage{TokensIn: 30, TokensOut: 3, Cost: 15}) {
		t.Errorf("got %+v", got.Usage)
	}
}
