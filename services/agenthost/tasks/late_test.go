package tasks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// A handler that saves something in the very moment in which its task is given an outcome from elsewhere leaves nothing behind.
func TestWhatIsSavedAfterTheOutcomeIsForgotten(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(ctx context.Context, m *agent.Message) error{
		"a question": func(ctx context.Context, m *agent.Message) error {
			_, err := m.Parts.Ask(ctx, json.RawMessage(`"may I?"`))
			return err
		},
		"a checkpoint": func(ctx context.Context, m *agent.Message) error {
			return errors.Join(errors.New("once more"), m.Parts.Checkpoint(ctx, json.RawMessage(`1`)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tasks.Small{})
			ended := make(chan struct{})
			h := w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
				<-ended
				return nil, save(ctx, m)
			})
			w.submit(t, api.TaskSpec{ID: "a"})
			natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "the task runs")
			err := w.store.EndUnheard(t.Context(), "a")
			close(ended)
			if err != nil {
				t.Fatal(err)
			}
			natstest.Eventually(t, 5*time.Second, h.agents.idle, "the handler has ended")
			h.stop(5 * time.Second) // with which all that it does of the task is over
			w.stateKept(t, 0)
			w.settled(t, 1)
		})
	}
}

// A task that ends while its host stops leaves nothing behind either.
func TestAHostThatStopsForgetsWhatATaskHasSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	saved := make(chan error, 1)
	h := w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		saved <- m.Parts.Checkpoint(ctx, json.RawMessage(`1`))
		<-ctx.Done()
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	if err := <-saved; err != nil {
		t.Fatal(err)
	}
	h.stop(time.Millisecond)
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	w.stateKept(t, 0)
}

// The host that puts a task aside dies before it acknowledges that, and the next cannot read at first: the task still waits for its answer.
func TestATaskThatIsAsideIsNotPutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: time.Second})
	msg := w.deliver(t, 3)
	if err := w.store.AskAndDie(t.Context(), w.get(t, "a"), 1, `{"question":0}`); err != nil {
		t.Fatal(err)
	}
	if err := w.store.PutAsideAndDie(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	var refused atomic.Bool
	url := natstest.Refuse(t, w.nats.URL(), func(subject string) natstest.Refusal {
		if subject == "$JS.API.STREAM.MSG.GET.mabus_results" && !refused.Swap(true) {
			return natstest.Busy
		}
		return natstest.Pass
	})
	startHost(t, w.openAt(t, url), "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		runs.Add(1)
		return approval(ctx, m)
	})
	natstest.Eventually(t, 10*time.Second, func() bool { return refused.Load() && w.left(t) == "mabus.task.work.later.a" }, "the delivery is settled")
	if got := w.get(t, "a"); got.Status != api.TaskWaiting {
		t.Errorf("got %+v", got)
	}
	w.answer(t, "a", `"yes"`)
	if got := w.ended(t, "a"); string(got.Result) != `["yes"]` || got.Attempt != 1 || runs.Load() != 1 {
		t.Errorf("got %s, %v, attempt %d, after %d runs", got.Result, got.Error, got.Attempt, runs.Load())
	}
	w.settled(t, 1)
}

// openAt is open at another URL.
func (w *world) openAt(t *testing.T, url string) *tasks.Store {
	t.Helper()
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	store, err := tasks.OpenSmall(t.Context(), conn, w.small)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Whoever lets a task go on may die, or its word be lost, at any moment: the task never stands in two places, from which two hosts would run it.
func TestATaskThatGoesOnStandsInOnePlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	h := w.host(t, "h", 1, approval)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("1")})
	w.waits(t, "a", `{"question":0}`)
	h.stop(time.Second)
	if err := w.store.RequeueAndDie(t.Context(), "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	w.answer(t, "a", "1")
	if left := w.left(t); left != "mabus.task.work.low.a" {
		t.Errorf("the task stands at %s", left)
	}
	w.host(t, "h2", 1, approval)
	if got := w.ended(t, "a"); string(got.Result) != "[1]" {
		t.Errorf("got %s, %v", got.Result, got.Error)
	}
	w.settled(t, 1)
}

// A late attempt may replace its large checkpoint just when the next one is about to be handed it.
func TestACheckpointThatIsReplacedWhileItIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	task := w.submit(t, api.TaskSpec{ID: "a", Capability: "none"})
	state := func(n int) []byte { return fmt.Appendf(nil, `"%d%s"`, n, strings.Repeat("x", 1<<20)) }
	last := uint64(0)
	if err := w.store.SaveCheckpoint(t.Context(), task, 1, state(1), &last); err != nil {
		t.Fatal(err)
	}
	var read atomic.Bool
	var once sync.Once
	url := natstest.Refuse(t, w.nats.URL(), func(subject string) natstest.Refusal {
		if subject == "$JS.API.STREAM.MSG.GET.mabus_task_state" {
			read.Store(true)
		} else if read.Load() && strings.Contains(subject, "OBJ_") {
			once.Do(func() {
				if err := w.store.SaveCheckpoint(t.Context(), task, 1, state(2), &last); err != nil {
					t.Error(err)
				}
			})
		}
		return natstest.Pass
	})
	got, err := w.openAt(t, url).Checkpoint(t.Context(), task)
	if err != nil || !bytes.Equal(got, state(2)) {
		t.Errorf("the next attempt is handed %.9s, %v", got, err)
	}
}

// Whoever may publish may also store what has no readable headers. It is in nobody's way.
func TestUnreadableHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	raw, err := net.Dial("tcp", strings.TrimPrefix(w.nats.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	const header = "NATS/1.0\r\nno header\r\n\r\n"
	junk := func(stream, subject string) {
		before := streamState(t, w.conn, stream).LastSeq
		if _, err := fmt.Fprintf(raw, "HPUB %s %d %d\r\n%s{}\r\n", subject, len(header), len(header)+2, header); err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, 5*time.Second, func() bool { return streamState(t, w.conn, stream).LastSeq > before }, "%s is stored", subject)
	}
	if _, err := fmt.Fprint(raw, "CONNECT {\"headers\":true,\"verbose\":false}\r\n"); err != nil {
		t.Fatal(err)
	}
	w.submit(t, api.TaskSpec{ID: "b"})
	nameless := w.submit(t, api.TaskSpec{Attempts: 1})
	junk("mabus_results", "mabus.result.-."+nameless.ID)
	junk("mabus_tasks", "mabus.task.none.low.odd")
	junk("mabus_results", "mabus.result.-.b")
	junk("mabus_task_state", "mabus.checkpoint.a")
	w.submit(t, api.TaskSpec{ID: "c", Capability: "none"})
	if got := w.get(t, "odd"); got.Error == nil {
		t.Errorf("got %+v", got)
	}
	lists := func(status api.TaskStatus, want string) {
		t.Helper()
		list, err := w.store.List(t.Context(), &api.TasksListRequest{Status: status})
		if err != nil || len(list.Tasks) != 1 || list.Tasks[0].ID != want {
			t.Errorf("%s: listed %+v, %v", status, list, err)
		}
	}
	lists(api.TaskQueued, "c")
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Attempt == 1 {
			return nil, errors.New("once more")
		}
		return m.Payload, m.Parts.Checkpoint(ctx, m.Payload)
	})
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(time.Millisecond)})
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded || got.Attempt != 2 {
		t.Errorf("got %+v", got)
	}
	lists(api.TaskSucceeded, "a")
	natstest.Eventually(t, 5*time.Second, func() bool {
		c, err := w.conn.JS.Consumer(t.Context(), "mabus_tasks", "work_low")
		return err == nil && w.idle(t, c)
	}, "nothing is left under way")
}

func (w *world) idle(t *testing.T, c jetstream.Consumer) bool {
	t.Helper()
	info, err := c.Info(t.Context())
	return err == nil && info.NumPending == 0 && info.NumAckPending == 0
}
