package contract_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func tasksDoneOnce(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	for n := range 2 {
		start(t, c, api.AgentSpec{ID: fmt.Sprintf("tasker%d", n), Module: "echo", Capabilities: []string{"done"}, Concurrency: 4})
	}
	var specs []api.TaskSpec
	for n := range 50 {
		specs = append(specs, api.TaskSpec{ID: fmt.Sprintf("done%d", n), Job: "done", Capability: "done", Payload: json.RawMessage(fmt.Sprint(n))})
	}
	results, err := c.Tasks.SubmitMany(ctx, specs)
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range results {
		if r.Error != nil {
			t.Fatal(r.Error)
		}
		task, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: r.ID, Wait: api.Duration(patience)})
		if err != nil || task.Status != api.TaskSucceeded || string(task.Result) != fmt.Sprint(n) || task.Attempt != 1 {
			t.Fatalf("task %d: %+v, %v", n, task, err)
		}
	}
	listed := map[string]int{}
	for task, err := range c.Tasks.All(ctx, api.TasksListRequest{Status: api.TaskSucceeded, Job: "done", Limit: 20}) {
		if err != nil {
			t.Fatal(err)
		}
		listed[task.ID]++
	}
	if len(listed) != 50 {
		t.Errorf("%d outcomes are listed", len(listed))
	}
}

func tasksEndOtherwise(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	start(t, c, api.AgentSpec{ID: "failing", Capabilities: []string{"failing"}, Command: shell(
		`printf '{"type":"error","id":"%s","error":{"code":"failed_precondition","message":"no"}}\n' "$id"`)})
	if _, err := c.Tasks.Submit(ctx, api.TaskSpec{ID: "bad", Capability: "failing", Attempts: 2, Backoff: api.Duration(10 * time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	task, err := c.Tasks.Get(ctx, api.TaskGetRequest{ID: "bad", Wait: api.Duration(patience)})
	if err != nil || task.Status != api.TaskFailed || task.Attempt != 2 || task.Error == nil {
		t.Errorf("%+v, %v", task, err)
	}
	_, err = c.Tasks.Cancel(ctx, "bad", "too late")
	wantError(t, err, api.FailedPrecondition, api.ReasonCannotCancel)
	if again, err := c.Tasks.Replay(ctx, "bad"); err != nil || again.ReplayOf != "bad" {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := c.Tasks.Submit(ctx, api.TaskSpec{ID: "idle", Capability: "nobodys-task"}); err != nil {
		t.Fatal(err)
	}
	if task, err := c.Tasks.Cancel(ctx, "idle", "not wanted"); err != nil || task.Status != api.TaskCancelled {
		t.Errorf("%+v, %v", task, err)
	}
}

func taskIDs(t *testing.T, c *client.Client) {
	ctx := within(t, patience)
	spec := api.TaskSpec{ID: "same", Capability: "nobodys-task", Payload: json.RawMessage(`1`)}
	if won := race(t, "", "", func() error {
		_, err := c.Tasks.Submit(ctx, spec)
		return err
	}); won != 12 {
		t.Errorf("%d submissions were answered", won)
	}
	spec.Payload = json.RawMessage(`2`)
	_, err := c.Tasks.Submit(ctx, spec)
	wantError(t, err, api.Conflict, api.ReasonTaskExists)
	queued := 0
	for task, err := range c.Tasks.All(ctx, api.TasksListRequest{Status: api.TaskQueued, Capability: "nobodys-task"}) {
		if err != nil {
			t.Fatal(err)
		}
		if task.ID == "same" {
			queued++
		}
	}
	if queued != 1 {
		t.Errorf("the task is queued %d times", queued)
	}
}
