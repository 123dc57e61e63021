package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The same workers under a real agent host: what the transcripts say is what hosts and callers do.
func TestThroughAHost(t *testing.T) {
	t.Parallel()
	url, _ := cluster(t)
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			h := &hosted{id: language, command: worker(t, language)}
			var err error
			h.c, err = client.Connect(t.Context(), client.Options{URL: url, Principal: "ann", Name: t.Name(), Replicas: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(h.c.Close)
			four := 4
			a, err := h.c.Agents.Start(within(t, eventually), api.AgentStartRequest{Agent: &api.AgentSpec{
				ID: h.id, Capabilities: []string{h.id}, Command: h.command, Concurrency: four, Config: json.RawMessage(`{"wait_ready":true}`),
			}})
			if err != nil || a.Status != api.AgentRunning {
				t.Fatalf("%+v, %v", a, err)
			}
			for name, check := range map[string]func(t *testing.T){
				"answers": h.answers, "streams": h.streams, "questions": h.questions, "cancels": h.cancels, "calls others": h.callsOthers,
				"tells its usage": h.usage, "resumes a task": h.resumes, "asks from a task": h.asksFromTask,
			} {
				t.Run(name, check)
			}
			t.Run("crashes", h.crashes)
			t.Run("keeps its state", h.keeps)
			t.Run("stops", h.stops)
			t.Run("starts where it stopped", h.startsAgain)
		})
	}
}

// hosted is a worker as an agent.
type hosted struct {
	c       *client.Client
	id      string
	command []string
}

func (h *hosted) call(t *testing.T, payload string) (json.RawMessage, error) {
	return h.c.Call(within(t, eventually), h.id, json.RawMessage(payload))
}

func (h *hosted) stream(t *testing.T, payload string) *client.Stream {
	t.Helper()
	s, err := h.c.Stream(within(t, eventually), h.id, json.RawMessage(payload))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func (h *hosted) answers(t *testing.T) {
	for _, value := range []string{`[1,"ä",null]`, `"` + strings.Repeat("x", 3<<20) + `"`} {
		got, err := h.call(t, `{"do":"echo","value":`+value+`}`)
		if err != nil || string(got) != value {
			t.Errorf("%.100s, %v", got, err)
		}
	}
	_, err := h.call(t, `{"do":"fail","code":"not_found","message":"no such page","reason":"bad_page"}`)
	wantError(t, err, api.NotFound, "bad_page")
	_, err = h.call(t, `{"do":"fail","message":"out of paper"}`)
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	_, err = h.call(t, `{"do":"nan"}`)
	wantError(t, err, api.FailedPrecondition, api.ReasonAgentError)
	if _, err = h.call(t, `{"do":"noise"}`); err != nil {
		t.Error(err)
	}
	natstest.Eventually(t, eventually, func() bool {
		state, err := h.c.Agents.Status(within(t, eventually), h.id)
		return err == nil && strings.Contains(strings.Join(state.Live.LogTail, "\n"), "noise on standard error")
	}, "the noise is in the agent's status")
}

func (h *hosted) streams(t *testing.T) {
	s := h.stream(t, `{"do":"stream","n":200}`)
	var chunks, progress int
	for {
		part, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch part.Kind {
		case api.PartChunk:
			chunks++
			if string(part.Body) != fmt.Sprint(chunks) {
				t.Fatalf("chunk %d is %s", chunks, part.Body)
			}
		case api.PartProgress:
			progress++
		}
	}
	if chunks != 200 || progress != 200 {
		t.Errorf("%d chunks, %d times progress", chunks, progress)
	}
}

func (h *hosted) questions(t *testing.T) {
	_, err := h.call(t, `{"do":"ask","question":"which?"}`)
	wantError(t, err, api.FailedPrecondition, api.ReasonNoReader)
	s := h.stream(t, `{"do":"ask","question":"which?"}`)
	part, err := s.Next()
	if err != nil || part.Kind != api.PartNeedInput || string(part.Body) != `"which?"` {
		t.Fatalf("%+v, %v", part, err)
	}
	if err := s.Answer(part, []byte(`"blue"`)); err != nil {
		t.Fatal(err)
	}
	if part, err = s.Next(); err != nil || part.Kind != api.PartResult || string(part.Body) != `{"answer":"blue"}` {
		t.Errorf("%s, %v", part.Body, err)
	}
}

// A stream that is closed is cancelled, and the agent, which takes four messages at once, is free again.
func (h *hosted) cancels(t *testing.T) {
	before, err := h.c.Agents.Status(within(t, eventually), h.id)
	if err != nil || before.Live.PID == 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	for range 6 {
		s := h.stream(t, `{"do":"slow"}`)
		if part, err := s.Next(); err != nil || string(part.Body) != `"begun"` {
			t.Fatalf("%+v, %v", part, err)
		}
		s.Close()
	}
	if _, err := h.call(t, `{"do":"echo","value":1}`); err != nil {
		t.Error(err)
	}
	var after *api.AgentState
	natstest.Eventually(t, eventually, func() bool {
		after, err = h.c.Agents.Status(within(t, eventually), h.id)
		return err == nil && after.Live.Active == 0
	}, "no message is left")
	if after.Live.PID != before.Live.PID { // the host kills one that does not end what was cancelled in time
		t.Errorf("it was process %d and is %d", before.Live.PID, after.Live.PID)
	}
}

func (h *hosted) callsOthers(t *testing.T) {
	call := fmt.Sprintf(`{"do":"call","agent":%q,"payload":{"do":"echo","value":[7]}}`, h.id)
	got, err := h.call(t, call)
	if err != nil || string(got) != `[7]` {
		t.Errorf("%s, %v", got, err)
	}
	got, err = h.call(t, fmt.Sprintf(`{"do":"call","capability":%q,"payload":%s}`, h.id, call))
	if err != nil || string(got) != `[7]` {
		t.Errorf("%s, %v", got, err)
	}
	_, err = h.call(t, `{"do":"call","agent":"nobody","payload":1}`)
	wantError(t, err, api.NotFound, api.ReasonAgentNotFound)
	_, err = h.call(t, fmt.Sprintf(`{"do":"call","agent":%q,"payload":{"do":"slow"},"timeout":0.1}`, h.id))
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	if _, err = h.call(t, fmt.Sprintf(`{"do":"cast","agent":%q,"payload":{"do":"echo","value":1}}`, h.id)); err != nil {
		t.Error(err)
	}
}

func (h *hosted) usage(t *testing.T) {
	for _, fail := range []bool{false, true} {
		msg := &nats.Msg{Subject: "mabus.agent." + h.id, Data: fmt.Appendf(nil, `{"do":"spend","tokens_in":812,"tokens_out":64,"cost":1520,"fail":%v}`, fail)}
		answer, err := h.c.Conn().NC.RequestMsgWithContext(within(t, eventually), msg)
		if err != nil || answer.Header.Get(api.HeaderUsage) != `{"tokens_in":812,"tokens_out":64,"cost":"1520"}` || (answer.Header.Get(api.HeaderErrorCode) != "") != fail {
			t.Errorf("%+v, %v", answer, err)
		}
	}
}

// A task whose agent crashes goes on from its checkpoint.
func (h *hosted) resumes(t *testing.T) {
	task := h.submit(t, `{"do":"steps","n":4,"crash_at":2}`)
	task = h.await(t, task.ID)
	if task.Status != api.TaskSucceeded || string(task.Result) != `{"from":2,"done":4}` && string(task.Result) != `{"done":4,"from":2}` || task.Attempt != 2 {
		t.Errorf("%+v", task)
	}
}

// A task that asks is put aside, and goes on with the answer and its checkpoint.
func (h *hosted) asksFromTask(t *testing.T) {
	task := h.submit(t, `{"do":"approve","question":"may I?"}`)
	natstest.Eventually(t, eventually, func() bool {
		got, err := h.c.Tasks.Get(within(t, eventually), api.TaskGetRequest{ID: task.ID})
		return err == nil && got.Status == api.TaskWaiting && string(got.Question) == `"may I?"`
	}, "the task waits for an answer")
	if _, err := h.c.Tasks.Answer(within(t, eventually), api.TaskAnswerRequest{ID: task.ID, Answer: json.RawMessage(`"yes"`)}); err != nil {
		t.Fatal(err)
	}
	if task = h.await(t, task.ID); task.Status != api.TaskSucceeded || string(task.Result) != `{"answer":"yes"}` {
		t.Errorf("%+v", task)
	}
}

func (h *hosted) submit(t *testing.T, payload string) *api.Task {
	t.Helper()
	task, err := h.c.Tasks.Submit(within(t, eventually), api.TaskSpec{
		Capability: h.id, Payload: json.RawMessage(payload), Backoff: api.Duration(10 * time.Millisecond),
	})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func (h *hosted) await(t *testing.T, id string) *api.Task {
	t.Helper()
	var task *api.Task
	natstest.Eventually(t, eventually, func() bool {
		var err error
		task, err = h.c.Tasks.Get(within(t, eventually), api.TaskGetRequest{ID: id, Wait: api.Duration(eventually / 2)})
		return err == nil && task.Status.Ended()
	}, "task %s has an outcome", id)
	return task
}

func (h *hosted) crashes(t *testing.T) {
	_, err := h.call(t, `{"do":"crash"}`)
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if got, err := h.call(t, `{"do":"echo","value":"back"}`); err != nil || string(got) != `"back"` {
		t.Errorf("%s, %v", got, err)
	}
}

// What it has saved is there after a crash.
func (h *hosted) keeps(t *testing.T) {
	if got, err := h.call(t, `{"do":"state"}`); err != nil || !sameState(t, got, `null`, 0) {
		t.Errorf("%s, %v", got, err)
	}
	for _, value := range []string{`[1,"ä"]`, `7`} {
		if got, err := h.call(t, `{"do":"keep","value":`+value+`}`); err != nil || string(got) != "null" {
			t.Errorf("%s, %v", got, err)
		}
	}
	_, err := h.call(t, `{"do":"crash"}`)
	wantError(t, err, api.Unavailable, api.ReasonAgentCrashed)
	if got, err := h.call(t, `{"do":"state"}`); err != nil || !sameState(t, got, `7`, 2) {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := h.call(t, `{"do":"keep","value":8}`); err != nil {
		t.Error(err)
	}
}

func sameState(t *testing.T, got json.RawMessage, state string, version int) bool {
	t.Helper()
	return canonical(t, got) == fmt.Sprintf(`{"state":%s,"version":%d}`, state, version)
}

// It was asked for its state when it was stopped.
func (h *hosted) startsAgain(t *testing.T) {
	if a, err := h.c.Agents.Start(within(t, eventually), api.AgentStartRequest{ID: h.id}); err != nil || a.Status != api.AgentRunning {
		t.Fatalf("%+v, %v", a, err)
	}
	if got, err := h.call(t, `{"do":"state"}`); err != nil || !sameState(t, got, `{"last":8}`, 4) {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := h.c.Agents.Stop(within(t, eventually), h.id); err != nil {
		t.Error(err)
	}
}

// It ends at once when it is told to, also with a message in hand.
func (h *hosted) stops(t *testing.T) {
	s := h.stream(t, `{"do":"ask","question":"which?"}`)
	if part, err := s.Next(); err != nil || part.Kind != api.PartNeedInput {
		t.Fatalf("%+v, %v", part, err)
	}
	begun := time.Now()
	if a, err := h.c.Agents.Stop(within(t, eventually), h.id); err != nil || a.Status != api.AgentStopped {
		t.Errorf("%+v, %v", a, err)
	}
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}
