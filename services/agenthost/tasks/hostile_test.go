package tasks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/tasks"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// While a task is being submitted, another one of its id ends: the submission is told, and taken back.
func TestAnotherTaskEndsMeanwhile(t *testing.T) {
	w := newWorld(t, tasks.Small{})
	other, _ := w.open(t)
	_, err := other.NC.Subscribe("mabus.task.work.*.*", func(m *nats.Msg) {
		var task api.Task
		if codec.Read(m.Data, &task) != nil {
			return
		}
		task.SubmittedAt, task.Status = task.SubmittedAt.Add(-1), api.TaskSucceeded
		body, err := codec.Marshal(task)
		if err == nil {
			_ = other.NC.PublishMsg(&nats.Msg{Subject: api.ResultSubject("mabus", "", task.ID), Data: body, Header: nats.Header{"Mabus-Hash": []string{"other"}}})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	conflicts := 0
	for i := range 100 {
		task, err := w.store.Submit(t.Context(), api.Cause{Principal: "p"}, api.TaskSpec{ID: fmt.Sprint("x", i), Capability: "work"})
		switch {
		case err != nil && api.ReasonOf(err) == api.ReasonTaskExists:
			conflicts++
		case err != nil || task == nil:
			t.Fatalf("got %+v, %v", task, err)
		}
	}
	if conflicts == 0 {
		t.Error("no submission heard of the other task")
	}
}

// What an agent says of its failure is cut to what can be stored.
func TestALargeErrorIsCut(t *testing.T) {
	w := newWorld(t, tasks.Small{})
	w.host(t, "h1", 1, func(context.Context, *agent.Message) (json.RawMessage, error) {
		return nil, api.Errorf(api.Invalid, "no").WithReason(strings.Repeat("x", 2<<20))
	})
	w.submit(t, api.TaskSpec{ID: "big"})
	if got := w.ended(t, "big"); got.Status != api.TaskFailed || got.Error.Code != api.Invalid {
		t.Fatalf("got %s, %.200v", got.Status, got.Error)
	}
}
