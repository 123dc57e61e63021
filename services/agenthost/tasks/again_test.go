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

// A task that had no money and is tried again after a while does not wait for money while it runs.
func TestATaskThatIsTriedAgainDoesNotWaitForMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{Recheck: 300 * time.Millisecond})
	runs, paid := make(chan struct{}, 1), make(chan struct{})
	var begun atomic.Int64
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		if begun.Add(1) == 1 {
			return nil, api.Errorf(api.FailedPrecondition, "no money").WithReason(api.ReasonBudgetExhausted)
		}
		runs <- struct{}{}
		select {
		case <-paid:
		case <-ctx.Done():
		}
		return m.Payload, nil
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	<-runs
	page, err := w.store.List(t.Context(), &api.TasksListRequest{Status: api.TaskQueued})
	if err != nil || len(page.Tasks) != 1 || page.Tasks[0].Status != api.TaskQueued {
		t.Errorf("%v, %+v", err, page)
	}
	close(paid)
	w.ended(t, "a")
}

// The attempts before the one that asked have been begun, also when its host could not say what became of it.
func TestAQuestionOfALaterAttemptSurvivesTheHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{AckWait: 2 * time.Second}) // a machine that stands still for that long makes it run twice, rightly
	first := w.deliver(t, 3)
	if err := w.store.AskAndDie(t.Context(), w.get(t, "a"), 2, `{"question":0}`); err != nil { // the second, on another host
		t.Fatal(err)
	}
	natstest.Eventually(t, 15*time.Second, func() bool { // that dies as well
		msg, err := w.conn.NC.Request("$JS.API.CONSUMER.MSG.NEXT.mabus_tasks.work_low", []byte(`{"batch":1,"expires":1000000000}`), 2*time.Second)
		return err == nil && msg.Reply != "" && msg.Subject == first.Subject
	}, "it is delivered again")
	var runs atomic.Int64
	w.host(t, "h", 1, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		runs.Add(1)
		if err := m.Parts.Chunk(ctx, json.RawMessage("1")); err != nil {
			return nil, err
		}
		return m.Parts.Ask(ctx, json.RawMessage(`{"question":0}`))
	})
	natstest.Eventually(t, 10*time.Second, func() bool { return strings.Contains(w.left(t), ".later.") || w.get(t, "a").Status.Ended() }, "the delivery is settled")
	w.waits(t, "a", `{"question":0}`)
	w.answer(t, "a", `"yes"`)
	if got := w.ended(t, "a"); string(got.Result) != `"yes"` || runs.Load() != 1 {
		t.Errorf("got %s, %v after %d runs, attempt %d", got.Result, got.Error, runs.Load(), got.Attempt)
	}
}
