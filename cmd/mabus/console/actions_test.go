package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What the console may change, and what it refuses.
func actionsAct(t *testing.T, r *rig) {
	b := browse(t, r.serve(t, console.Config{Write: true}))
	r.start(t, "w2", "asker", "edit")
	r.task(t, "t5", "edit")
	r.task(t, "t6", "edit")
	r.asks(t, "t5")
	post := func(action, body string) (int, string) {
		return b.get(http.MethodPost, "api/actions/"+action, body, nil)
	}
	if status, text := post("answer-task", `{"id":"t5","answer":{"publish":true}}`); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	natstest.Eventually(t, patience, func() bool {
		x, err := r.Tasks.Get(within(t), api.TaskGetRequest{ID: "t5"})
		return err == nil && x.Status == api.TaskSucceeded && string(x.Result) == `{"publish":true}`
	}, "the task has the answer")
	var cancelled api.Task
	status, text := post("cancel-task", `{"id":"t6","reason":"not needed"}`)
	if err := json.Unmarshal([]byte(text), &cancelled); err != nil || status != 200 || cancelled.Status != api.TaskCancelled || !strings.Contains(text, "operator") {
		t.Errorf("%v: %d %s", err, status, text)
	}
	if status, text := post("stop-agent", `{"id":"w2"}`); status != 200 || !strings.Contains(text, `"stopped"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text := post("restart-agent", `{"id":"w2"}`); status != 200 || !strings.Contains(text, `"running"`) {
		t.Errorf("%d %s", status, text)
	}
	if _, err := r.Sessions.Start(within(t), api.SessionStartRequest{
		ID: "s1", Type: api.SessionConsensus, Members: []string{"w2"}, Timeout: api.Duration(60e9), Params: json.RawMessage(`{"options":["yes","no"]}`),
	}); err != nil {
		t.Fatal(err)
	}
	// w1 answers the session with an error, since nobody can ask back there: whether it has ended by now is a matter of luck.
	if status, text := post("cancel-session", `{"id":"s1"}`); status != 200 && !strings.Contains(text, api.ReasonSessionEnded) {
		t.Errorf("%d %s", status, text)
	}
	for _, c := range []struct {
		action, body string
		status       int
	}{
		{"answer-task", `{"id":"t5","answer":"another"}`, http.StatusPreconditionFailed},
		{"answer-task", `{"id":"nobody","answer":1}`, http.StatusNotFound},
		{"answer-task", `{"id":"t5"}`, http.StatusBadRequest},
		{"answer-task", `{"id":"t5","answer":1,"more":1}`, http.StatusBadRequest},
		{"answer-task", `[`, http.StatusBadRequest},
		{"answer-task", ``, http.StatusBadRequest},
		{"answer-task", `{"id":"t5","answer":"` + strings.Repeat("x", api.MaxQuestionSize) + `"}`, http.StatusBadRequest},
		{"answer-task", strings.Repeat(" ", 2*api.MaxQuestionSize+1), http.StatusBadRequest},
		{"cancel-task", `{"id":"t5"}`, http.StatusPreconditionFailed},
		{"cancel-task", `{"id":"../x"}`, http.StatusBadRequest},
		{"stop-agent", `{"id":"nobody"}`, http.StatusNotFound},
		{"burn-all", `{}`, http.StatusNotFound},
	} {
		status, text := post(c.action, c.body)
		var e api.Error
		if err := json.Unmarshal([]byte(text), &e); status != c.status || err != nil || e.Code == "" || e.Message == "" {
			t.Errorf("%s %.60s: %d, want %d: %s", c.action, c.body, status, c.status, text)
		}
	}
	if status, _ := b.get(http.MethodPost, "api/actions/stop-agent", `{"id":"w2"}`, header("Content-Type", "text/plain")); status != http.StatusBadRequest {
		t.Errorf("a form may act: %d", status)
	}
	if status, _ := b.get(http.MethodGet, "api/actions/stop-agent", "", nil); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("an action by GET: %d", status)
	}
}
