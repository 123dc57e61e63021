package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A task that goes on may be put aside again before its old place is cleared.
func TestLettingTasksGoOnLosesNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 64, func(context.Context, *agent.Message) (json.RawMessage, error) {
		return nil, api.Errorf(api.FailedPrecondition, "no money").WithReason(api.ReasonBudgetExhausted)
	})
	all := ids("a", 200)
	for _, id := range all {
		w.submit(t, api.TaskSpec{ID: id, Attempts: 1})
	}
	for range 15 {
		if err := w.store.GoOn(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, 10*time.Second, func() bool { // one that is in the queue may be seen in neither place for a moment
		return !slices.ContainsFunc(all, func(id string) bool {
			_, err := w.store.Get(t.Context(), &api.TaskGetRequest{ID: id})
			return err != nil
		})
	}, "every task is there still")
}

// Agents that make their questions up may ask another one when they are asked anew.
func TestAQuestionThatIsNotAskedAgainIsNoQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	task := w.submit(t, api.TaskSpec{ID: "a"})
	if err := w.store.AskAndDie(t.Context(), task, 1, `"old"`); err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if runs.Add(1) > 20 {
			return nil, api.Errorf(api.Invalid, "it is begun again and again")
		}
		a, err := m.Parts.Ask(ctx, json.RawMessage(`"new"`))
		if err != nil {
			return nil, err
		}
		b, err := m.Parts.Ask(ctx, json.RawMessage(`"old"`))
		if err != nil {
			return nil, err
		}
		return json.Marshal([]json.RawMessage{a, b})
	})
	w.waits(t, "a", `"new"`)
	w.answer(t, "a", "1")
	w.waits(t, "a", `"old"`)
	w.answer(t, "a", "2")
	if got := w.ended(t, "a"); string(got.Result) != "[1,2]" || runs.Load() != 3 {
		t.Errorf("got %s, %v after %d runs", got.Result, got.Error, runs.Load())
	}
}

// A handler that does not heed that it is put aside asks one question all the same.
func TestOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	var runs atomic.Int64
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if runs.Add(1) > 20 {
			return nil, api.Errorf(api.Invalid, "it is begun again and again")
		}
		a, err := m.Parts.Ask(context.WithoutCancel(ctx), json.RawMessage(`1`))
		b, err2 := m.Parts.Ask(context.WithoutCancel(ctx), json.RawMessage(`2`))
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return json.Marshal([]json.RawMessage{a, b})
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	w.waits(t, "a", `1`)
	w.answer(t, "a", "null")
	w.waits(t, "a", `2`)
	w.answer(t, "a", "7")
	if got := w.ended(t, "a"); string(got.Result) != "[null,7]" || runs.Load() != 3 {
		t.Errorf("got %s, %v after %d runs", got.Result, got.Error, runs.Load())
	}
}

func TestAnEarlierAttemptAsksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	task := w.submit(t, api.TaskSpec{ID: "a"})
	if err := w.store.AskAndDie(t.Context(), task, 2, `"second"`); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.store.AskAndDie(t.Context(), task, 1, `"first"`), api.Fenced, api.ReasonCheckpointFenced)
}

// deliver takes a task out of the queue as a host does.
func (w *world) deliver(t *testing.T, attempts int) *nats.Msg {
	t.Helper()
	h := w.host(t, "opens", 1, echo) // makes the queue
	natstest.Eventually(t, 5*time.Second, func() bool {
		_, err := w.conn.JS.Consumer(t.Context(), "mabus_tasks", "work_low")
		return err == nil
	}, "there is a queue")
	h.stop(time.Second)
	w.submit(t, api.TaskSpec{ID: "a", Attempts: attempts, Payload: json.RawMessage("1")})
	msg, err := w.conn.NC.Request("$JS.API.CONSUMER.MSG.NEXT.mabus_tasks.work_low", []byte(`{"batch":1,"expires":5000000000}`), 5*time.Second)
	if err != nil || msg.Reply == "" {
		t.Fatal(msg, err)
	}
	return msg
}

// The last attempt at a task asks, and its host dies at each step on the way to putting it aside.
func TestAQuestionOfTheLastAttemptSurvivesTheHost(t *testing.T) {
	t.Parallel()
	for name, aside := range map[string]bool{"before it is aside": false, "before that is acknowledged": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tasks.Small{AckWait: 2 * time.Second}) // so long may the machine stand still while its only attempt runs
			msg := w.deliver(t, 1)
			if err := w.store.AskAndDie(t.Context(), w.get(t, "a"), 1, `{"question":0}`); err != nil {
				t.Fatal(err)
			}
			if aside {
				if err := w.store.PutAsideAndDie(t.Context(), msg); err != nil {
					t.Fatal(err)
				}
			}
			w.host(t, "h", 1, approval)
			natstest.Eventually(t, 10*time.Second, func() bool { return w.left(t) == "mabus.task.work.later.a" || w.get(t, "a").Status.Ended() }, "the delivery is settled")
			w.waits(t, "a", `{"question":0}`)
			w.answer(t, "a", `"yes"`)
			if got := w.ended(t, "a"); string(got.Result) != `["yes"]` || got.Attempt != 1 {
				t.Errorf("got %s, %v, attempt %d", got.Result, got.Error, got.Attempt)
			}
			w.settled(t, 1)
		})
	}
}

func TestAQuestionOfAHostThatStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	h := w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		<-ctx.Done()
		return m.Parts.Ask(context.WithoutCancel(ctx), json.RawMessage(`"wait?"`))
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "it runs")
	h.stop(50 * time.Millisecond)
	w.waits(t, "a", `"wait?"`)
}

// What is left of a task whose outcome is gone is nothing to another one of its id.
func TestAnIDIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	first := w.submit(t, api.TaskSpec{ID: "a", Attempts: 3, Payload: json.RawMessage(`"first"`)})
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if string(m.Payload) == `"first"` && m.Attempt == 1 {
			return nil, errors.New("once more")
		}
		if m.Checkpoint != nil && string(m.Checkpoint) != `"second"` {
			return nil, fmt.Errorf("got %s", m.Checkpoint)
		}
		if err := errors.Join(m.Parts.Chunk(ctx, m.Payload), m.Parts.Checkpoint(ctx, m.Payload)); err != nil {
			return nil, err
		}
		if string(m.Payload) == `"second"` {
			return m.Parts.Ask(ctx, json.RawMessage(`"sure?"`))
		}
		return m.Payload, nil
	})
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded {
		t.Fatalf("got %+v", got)
	}
	w.settled(t, 1)
	w.stateKept(t, 0)
	// The store was away when this was to be removed.
	if err := w.store.AskAndDie(t.Context(), first, 3, `"sure?"`); err != nil {
		t.Fatal(err)
	}
	results, err := w.conn.JS.Stream(t.Context(), "mabus_results")
	if err != nil {
		t.Fatal(err)
	}
	if err := results.Purge(t.Context()); err != nil { // as when their room is used up
		t.Fatal(err)
	}
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 1, Payload: json.RawMessage(`"second"`)})
	w.waits(t, "a", `"sure?"`)
	w.answer(t, "a", `"yes"`)
	parts, got := w.follow(t, "a", 0)
	if said(parts) != `chunk/1:"second" need_input/1:"sure?" input/1:"yes" chunk/1:"second"` || string(got.Result) != `"yes"` {
		t.Errorf("got %s, %+v", said(parts), got)
	}
	w.stateKept(t, 0)
}

func TestACancelledHandlerLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	h := w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		err := m.Parts.Checkpoint(ctx, json.RawMessage(`1`))
		if err == nil {
			<-ctx.Done()
			<-time.After(100 * time.Millisecond) // until the state is removed
			err = m.Parts.Checkpoint(context.WithoutCancel(ctx), json.RawMessage(`2`))
		}
		return nil, err
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	w.stateKept(t, 1)
	natstest.Eventually(t, 5*time.Second, func() bool { return w.get(t, "a").Status == api.TaskRunning }, "it runs")
	if _, err := w.store.Cancel(t.Context(), api.Cause{}, &api.TaskCancelRequest{ID: "a"}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 5*time.Second, h.agents.idle, "the handler has ended")
	h.stop(time.Second)
	w.stateKept(t, 0)
}

// A body in the object store goes by its age, which may be sooner than the task ends.
func TestACheckpointThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	big, err := json.Marshal(strings.Repeat("x", 2<<20))
	if err != nil {
		t.Fatal(err)
	}
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Attempt > 1 {
			return m.Payload, nil
		}
		if err := m.Parts.Checkpoint(ctx, big); err != nil {
			return nil, err
		}
		bodies, err := w.conn.JS.Stream(ctx, "OBJ_mabus_blobs")
		if err != nil {
			return nil, err
		}
		return nil, errors.Join(errors.New("once more"), bodies.Purge(ctx))
	})
	w.submit(t, api.TaskSpec{ID: "a", Backoff: api.Duration(time.Millisecond)})
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded || got.Attempt != 2 {
		t.Errorf("got %+v", got)
	}
}

// What anybody else writes among the parts and questions of a task is in nobody's way.
func TestJunkBesideATask(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	for _, subject := range []string{"mabus.parts.a", "mabus.questions.a"} {
		if _, err := w.conn.JS.Publish(t.Context(), subject, []byte("{{{")); err != nil {
			t.Fatal(err)
		}
	}
	w.host(t, "h", 1, approval)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("1")})
	w.waits(t, "a", `{"question":0}`)
	w.answer(t, "a", "1")
	if parts, task := w.follow(t, "a", 0); len(parts) != 2 || string(task.Result) != "[1]" {
		t.Errorf("got %s, %+v", said(parts), task)
	}
}

// A request id stands for one answer.
func TestAnAnswersRequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 1, approval)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("2")})
	w.waits(t, "a", `{"question":0}`)
	ask := func(answer string) error {
		_, err := w.store.Answer(t.Context(), api.Cause{Principal: "ann", RequestID: "r1"}, &api.TaskAnswerRequest{ID: "a", Answer: json.RawMessage(answer)})
		return err
	}
	if err := ask("1"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool {
		parts, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "a"})
		return err == nil && len(parts.Parts) == 3
	}, "the next question is asked")
	w.waits(t, "a", `{"question":0}`)
	wantCode(t, ask("2"), api.Conflict, api.ReasonRequestReused)
}

// A checkpoint knows what was asked before it, so that an old yes does not stand for a new one.
func TestAQuestionAfterACheckpointIsANewOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		var answers []json.RawMessage
		if m.Checkpoint != nil {
			if err := json.Unmarshal(m.Checkpoint, &answers); err != nil {
				return nil, err
			}
		}
		for len(answers) < 3 {
			a, err := m.Parts.Ask(ctx, json.RawMessage(`"go on?"`))
			if err != nil {
				return nil, err
			}
			answers = append(answers, a)
			state, err := json.Marshal(answers)
			if err == nil {
				err = m.Parts.Checkpoint(ctx, state)
			}
			if err != nil {
				return nil, err
			}
		}
		return json.Marshal(answers)
	})
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 1})
	for _, answer := range []string{"1", "2", "3"} {
		w.waits(t, "a", `"go on?"`)
		w.answer(t, "a", answer)
		natstest.Eventually(t, 10*time.Second, func() bool { // it has gone on
			parts, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "a"})
			asked := 0
			if err == nil {
				for _, p := range parts.Parts {
					if p.Kind == api.PartNeedInput {
						asked++
					}
				}
			}
			return strconv.Itoa(asked) > answer || w.get(t, "a").Status.Ended()
		}, "the next question")
	}
	if got := w.ended(t, "a"); string(got.Result) != "[1,2,3]" {
		t.Errorf("got %s, %v", got.Result, got.Error)
	}
}

// Values that JSON calls empty are answers, checkpoints and parts like any other.
func TestEmptyValuesAreValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 4, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if m.Checkpoint == nil {
			if err := errors.Join(m.Parts.Chunk(ctx, m.Payload), m.Parts.Checkpoint(ctx, m.Payload)); err != nil {
				return nil, err
			}
		} else if string(m.Checkpoint) != string(m.Payload) {
			return nil, fmt.Errorf("the checkpoint is %s", m.Checkpoint)
		}
		return m.Parts.Ask(ctx, json.RawMessage(`"and?"`))
	})
	for i, value := range []string{`""`, "null", "{}", "[]", "0", "false"} {
		id := fmt.Sprintf("a%d", i)
		w.submit(t, api.TaskSpec{ID: id, Attempts: 1, Payload: json.RawMessage(value)})
		w.waits(t, id, `"and?"`)
		w.answer(t, id, value)
		parts, task := w.follow(t, id, 0)
		if want := fmt.Sprintf(`chunk/1:%s need_input/1:"and?" input/1:%s`, value, value); said(parts) != want || task.Status != api.TaskSucceeded {
			t.Errorf("%s: %s, %s, %v", value, said(parts), task.Status, task.Error)
		}
	}
}
