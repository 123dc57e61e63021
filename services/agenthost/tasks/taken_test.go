package tasks_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of what a dead host has in hand, one task is taken out of the queue because its time is over, and the others are done elsewhere.
func TestATaskThatIsTakenAwayTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tasks.Small{})
	conn, store := w.open(t)
	begun := make(chan string, 2)
	startHost(t, store, "dies", 2, func(ctx context.Context, m *agent.Message) (json.RawMessage, error) {
		begun <- m.Task
		<-ctx.Done()
		return nil, ctx.Err()
	})
	w.submit(t, api.TaskSpec{ID: "a"})
	<-begun
	w.submit(t, api.TaskSpec{ID: "b", Deadline: time.Now().Add(w.small.AckWait / 3)}) // it is in hand by then
	<-begun
	conn.NC.Close()
	w.host(t, "lives", 2, echo)
	wantCode(t, w.ended(t, "b").Error, api.DeadlineExceeded, api.ReasonTaskDeadline)
	w.submit(t, api.TaskSpec{ID: "c"})
	w.ended(t, "c")
	if got := w.ended(t, "a"); got.Status != api.TaskSucceeded || got.Host != "lives" {
		t.Errorf("got %+v", got)
	}
	natstest.Eventually(t, 20*time.Second, func() bool { return streamState(t, w.conn, "mabus_tasks").Msgs == 0 }, "nothing stands in the queue")
}
