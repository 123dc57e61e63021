package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// approval asks as many questions as its payload says, one after the other, and answers with the answers.
func approval(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
	var n int
	if json.Unmarshal(m.Payload, &n) != nil {
		return m.Payload, nil
	}
	answers := []json.RawMessage{}
	for i := range n {
		a, err := m.Parts.Ask(ctx, fmt.Appendf(nil, `{"question": %d}`, i/2)) // each is asked twice
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return json.Marshal(answers)
}

func (w *world) waits(t testing.TB, id, question string) {
	t.Helper()
	natstest.Eventually(t, 10*time.Second, func() bool {
		task := w.get(t, id)
		return task.Status == api.TaskWaiting && string(task.Question) == question
	}, "task %s asks %s", id, question)
}

func (w *world) answer(t testing.TB, id, answer string) {
	t.Helper()
	if _, err := w.store.Answer(t.Context(), api.Cause{Principal: "ann"}, &api.TaskAnswerRequest{ID: id, Answer: json.RawMessage(answer)}); err != nil {
		t.Fatalf("answer %s: %v", id, err)
	}
}

func TestATaskThatAsksHoldsNoSlotAndOutlivesItsHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	h := w.host(t, "first", 1, approval)
	w.submit(t, api.TaskSpec{ID: "a", Attempts: 1, Payload: json.RawMessage("3")})
	w.waits(t, "a", `{"question":0}`)
	w.submit(t, api.TaskSpec{ID: "b", Payload: json.RawMessage(`"passes"`)})
	if got := w.ended(t, "b"); got.Status != api.TaskSucceeded {
		t.Fatalf("the only slot is taken: %+v", got)
	}
	list, err := w.store.List(t.Context(), &api.TasksListRequest{Status: api.TaskWaiting})
	if err != nil || len(list.Tasks) != 1 || list.Tasks[0].ID != "a" {
		t.Errorf("listed %+v, %v", list, err)
	}
	h.stop(time.Second)
	w.answer(t, "a", `"yes"`)
	if got := w.get(t, "a"); got.Status != api.TaskQueued {
		t.Errorf("after the answer: %+v", got)
	}
	w.host(t, "second", 1, approval)
	w.waits(t, "a", `{"question":0}`)
	w.answer(t, "a", `"no"`)
	w.waits(t, "a", `{"question":1}`)
	w.answer(t, "a", `{"maybe": true}`)
	got := w.ended(t, "a")
	if string(got.Result) != `["yes","no",{"maybe":true}]` || got.Attempt != 1 {
		t.Errorf("got %s, %v, attempt %d", got.Result, got.Error, got.Attempt)
	}
	parts, _ := w.follow(t, "a", 0)
	want := `need_input/1:{"question": 0} input/1:"yes" need_input/1:{"question": 0} input/1:"no" need_input/1:{"question": 1} input/1:{"maybe":true}`
	if said(parts) != want {
		t.Errorf("the transcript is %s", said(parts))
	}
	w.stateKept(t, 0)
	w.settled(t, 2)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	ask := func(id, answer string, seq uint64, cause api.Cause) error {
		_, err := w.store.Answer(t.Context(), cause, &api.TaskAnswerRequest{ID: id, Answer: json.RawMessage(answer), Seq: seq})
		return err
	}
	wantCode(t, ask("nobody", `1`, 0, api.Cause{}), api.NotFound, api.ReasonTaskNotFound)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("2")})
	wantCode(t, ask("a", `1`, 0, api.Cause{}), api.FailedPrecondition, api.ReasonNotWaiting)
	w.host(t, "h", 1, approval)
	w.waits(t, "a", `{"question":0}`)
	parts, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: "a"})
	if err != nil || len(parts.Parts) != 1 {
		t.Fatal(parts, err)
	}
	seq := parts.Parts[0].Seq
	wantCode(t, ask("a", `{`, seq, api.Cause{}), api.Invalid, api.ReasonMalformed)
	wantCode(t, ask("a", `1`, seq+1, api.Cause{}), api.FailedPrecondition, api.ReasonNotWaiting)
	id := api.Cause{Principal: "ann", RequestID: "r1", BodyHash: "h"}
	for range 2 { // the second is a repetition, and no answer to the next question
		if err := ask("a", `"yes"`, 0, id); err != nil {
			t.Fatal(err)
		}
		w.waits(t, "a", `{"question":0}`)
	}
	if err := ask("a", `"yes"`, seq, api.Cause{}); err != nil {
		t.Error(err)
	}
	wantCode(t, ask("a", `"no"`, seq, api.Cause{}), api.Conflict, api.ReasonAlreadyAnswered)
	w.answer(t, "a", `"no"`)
	if got := w.ended(t, "a"); string(got.Result) != `["yes","no"]` {
		t.Errorf("got %s", got.Result)
	}
	wantCode(t, ask("a", `"no"`, 0, api.Cause{}), api.FailedPrecondition, api.ReasonNotWaiting)
}

// A task that has gone on and waits for its next answer is not begun anew for the last one, whoever brings that once more or late.
func TestAnAnswerLetsNoLaterQuestionGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	var runs atomic.Int64
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		runs.Add(1)
		return approval(ctx, m)
	})
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("3")})
	w.waits(t, "a", `{"question":0}`)
	first := &api.TaskAnswerRequest{ID: "a", Answer: json.RawMessage("1"), Seq: w.questionSeq(t, "a")}
	for _, next := range []string{`{"question":0}`, `{"question":1}`} {
		w.answer(t, "a", "1")
		w.waits(t, "a", next)
		if got, err := w.store.Answer(t.Context(), api.Cause{}, first); err != nil || got.Status != api.TaskWaiting {
			t.Errorf("the first answer again: %+v, %v", got, err)
		}
	}
	w.answer(t, "a", "1")
	if got := w.ended(t, "a"); string(got.Result) != "[1,1,1]" || runs.Load() != 4 {
		t.Errorf("got %s, %v after %d runs", got.Result, got.Error, runs.Load())
	}
}

// questionSeq is the sequence of the first question of a task.
func (w *world) questionSeq(t *testing.T, id string) uint64 {
	t.Helper()
	said, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: id})
	if err != nil || len(said.Parts) == 0 {
		t.Fatal(said, err)
	}
	return said.Parts[0].Seq
}

// Whoever reads the question may answer before the task is aside.
func TestAnswersInTheMomentOfTheQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h1", 4, approval)
	w.host(t, "h2", 4, approval)
	var people sync.WaitGroup
	all := ids("a", 24)
	for _, id := range all {
		w.submit(t, api.TaskSpec{ID: id, Payload: json.RawMessage("2")})
		people.Go(func() {
			from := uint64(0)
			for asked := 0; asked < 2; {
				resp, err := w.store.Follow(t.Context(), &api.TaskFollowRequest{ID: id, From: from, Wait: api.Duration(5 * time.Second)})
				if err != nil {
					t.Error(err)
					return
				}
				from = resp.Next
				for _, p := range resp.Parts {
					if p.Kind != api.PartNeedInput {
						continue
					}
					// The part is there a moment before the question can be answered.
					natstest.Eventually(t, 5*time.Second, func() bool {
						_, err := w.store.Answer(t.Context(), api.Cause{}, &api.TaskAnswerRequest{ID: id, Answer: json.RawMessage("1"), Seq: p.Seq})
						if err != nil && api.ReasonOf(err) != api.ReasonNotWaiting {
							t.Error(err)
						}
						return err == nil
					}, "the question of %s is answered", id)
					asked++
				}
			}
		})
	}
	people.Wait()
	for _, id := range all {
		if got := w.ended(t, id); string(got.Result) != `[1,1]` {
			t.Errorf("task %s: %s, %v", id, got.Result, got.Error)
		}
	}
	w.settled(t, len(all))
}

func TestATaskThatAsksCanBeCancelledAndHasADeadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 2, approval)
	w.submit(t, api.TaskSpec{ID: "a", Payload: json.RawMessage("1")})
	w.waits(t, "a", `{"question":0}`)
	var late []string
	for d, asked := 2*time.Second, false; !asked && d < 15*time.Second; d *= 2 { // a busy machine may not come to the question in time
		id := fmt.Sprint("b", len(late))
		w.submit(t, api.TaskSpec{ID: id, Payload: json.RawMessage("1"), Deadline: time.Now().Add(d)})
		natstest.Eventually(t, 15*time.Second, func() bool {
			task := w.get(t, id)
			asked = task.Status == api.TaskWaiting && string(task.Question) == `{"question":0}`
			return asked || task.Status.Ended()
		}, "it asks, or its time is over")
		late = append(late, id)
		if !asked && 2*d >= 15*time.Second {
			t.Error("no task has asked before its deadline")
		}
	}
	if _, err := w.store.Cancel(t.Context(), api.Cause{}, &api.TaskCancelRequest{ID: "a"}); err != nil {
		t.Error(err)
	}
	if got := w.ended(t, "a"); got.Status != api.TaskCancelled {
		t.Errorf("got %+v", got)
	}
	for _, id := range late {
		wantCode(t, w.ended(t, id).Error, api.DeadlineExceeded, api.ReasonTaskDeadline)
	}
	w.stateKept(t, 0)
	w.settled(t, 1+len(late))
}

// Whoever answers may die at any step; the task goes on, once.
func TestAnAnswerThatIsCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{Recheck: 1500 * time.Millisecond})
	w.host(t, "h", 1, approval)
	for _, id := range []string{"a", "b"} {
		w.submit(t, api.TaskSpec{ID: id, Attempts: 1, Payload: json.RawMessage("1")})
		w.waits(t, id, `{"question":0}`)
	}
	if err := w.store.AnswerAndDie(t.Context(), "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := w.store.RequeueAndDie(t.Context(), "b", []byte("1")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if got := w.ended(t, id); string(got.Result) != `[1]` || got.Attempt != 1 {
			t.Errorf("%s: got %s, %v", id, got.Result, got.Error)
		}
	}
	w.settled(t, 2)
}

// On three NATS nodes innocent writes of others are in the way of each other.
func TestQuestionsOnThreeNodes(t *testing.T) {
	t.Parallel()
	c := natstest.StartCluster(t, 3)
	conn, err := rpc.Dial(t.Context(), rpc.Options{URL: c.URLs(), Replicas: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	store, err := tasks.OpenSmall(t.Context(), conn, tasks.Small{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{conn: conn, store: store}
	natstest.Eventually(t, 30*time.Second, func() bool { // the node that we are connected to may not know yet who leads the stream
		_, err := store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: "first", Capability: "none"})
		return err == nil
	}, "tasks are taken")
	startHost(t, store, "h", 8, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		err := errors.Join(m.Parts.Chunk(ctx, m.Payload), m.Parts.Chunk(ctx, m.Payload), m.Parts.Checkpoint(ctx, m.Payload))
		if err != nil {
			return nil, err
		}
		return approval(ctx, m)
	})
	all := ids("a", 12)
	for _, id := range all {
		w.submit(t, api.TaskSpec{ID: id, Attempts: 1, Payload: json.RawMessage("1")})
	}
	var people sync.WaitGroup
	for _, id := range all {
		people.Go(func() {
			w.waits(t, id, `{"question":0}`)
			w.answer(t, id, "7")
		})
	}
	people.Wait()
	for _, id := range all {
		parts, task := w.follow(t, id, 0)
		if want := `chunk/1:1 chunk/1:1 need_input/1:{"question": 0} input/1:7 chunk/1:1 chunk/1:1`; said(parts) != want || string(task.Result) != "[7]" {
			t.Errorf("%s: %s, %s, %v", id, said(parts), task.Result, task.Error)
		}
	}
	w.stateKept(t, 0)
}

func TestATaskWithoutMoneyWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	var mu sync.Mutex
	paid, busy := false, 2
	pay := func() { mu.Lock(); paid = true; mu.Unlock() }
	w.host(t, "h", 2, func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case m.Job == "rich" && busy > 0:
			busy--
			return nil, api.Errorf(api.Overloaded, "later").WithReason(api.ReasonBudgetReserved)
		case m.Job != "rich" && !paid:
			return nil, api.Errorf(api.FailedPrecondition, "no money").WithReason(api.ReasonBudgetExhausted)
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a", Job: "poor", Attempts: 1})
	w.submit(t, api.TaskSpec{ID: "b", Job: "poorer", Attempts: 1})
	w.submit(t, api.TaskSpec{ID: "c", Job: "rich", Attempts: 1})
	if got := w.ended(t, "c"); got.Status != api.TaskSucceeded || got.Attempt != 1 {
		t.Errorf("a task that another's reservation kept back: %+v", got)
	}
	unpaid := func(id string) bool {
		got := w.get(t, id)
		return got.Status == api.TaskUnpaid && api.ReasonOf(got.Error) == api.ReasonBudgetExhausted
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return unpaid("a") && unpaid("b") }, "both wait for money")
	if err := w.store.GoOn(t.Context(), "poor"); err != nil { // still no money
		t.Fatal(err)
	}
	natstest.Eventually(t, 5*time.Second, func() bool { return unpaid("a") }, "it was tried again and waits again")
	pay()
	if err := w.store.GoOn(t.Context(), "poor"); err != nil {
		t.Fatal(err)
	}
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	if !unpaid("b") {
		t.Errorf("another job's task went on: %+v", w.get(t, "b"))
	}
	if err := w.store.GoOn(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if got := w.ended(t, "b"); got.Status != api.TaskSucceeded {
		t.Errorf("got %+v", got)
	}
	w.settled(t, 3)
}

func TestAHandlerMayAnswerWithoutItsQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		_, err := m.Parts.Ask(ctx, json.RawMessage(`"may I?"`))
		if api.ReasonOf(err) != api.ReasonWaitingInput || !errors.Is(ctx.Err(), context.Canceled) {
			return nil, fmt.Errorf("asked: %w, %w", err, ctx.Err())
		}
		return json.RawMessage(`"did it anyway"`), nil
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	if got := w.ended(t, "a"); string(got.Result) != `"did it anyway"` {
		t.Errorf("got %+v", got)
	}
	w.stateKept(t, 0)
}
