package hostile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// Removals work with the permissions that operators, services and hosts have.
func TestOperatorsRemove(t *testing.T) {
	w := newWorld(t)
	ctx := w.within(t)
	large := json.RawMessage(`"` + strings.Repeat("x", 2<<20) + `"`)
	if _, err := w.op.Tasks.Submit(ctx, api.TaskSpec{ID: "t1", Job: "j1", Capability: "echo", Payload: large}); err != nil {
		t.Fatal(err)
	}
	if x, err := w.op.Tasks.Get(ctx, api.TaskGetRequest{ID: "t1", Wait: api.Duration(patience)}); err != nil || x.Status != api.TaskSucceeded {
		t.Fatalf("%+v, %v", x, err)
	}
	if gone, err := w.op.Jobs.Remove(ctx, "j1", false); err != nil || gone.Tasks != 1 {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := w.op.Agents.Stop(ctx, "hosted"); err != nil {
		t.Fatal(err)
	}
	if existed, err := w.op.Agents.Purge(ctx, "hosted"); err != nil || !existed {
		t.Errorf("%v, %v", existed, err)
	}
}
