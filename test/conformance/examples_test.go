package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The same two examples in each language do the same.
func TestExamples(t *testing.T) {
	t.Parallel()
	_, c := cluster(t)
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			for _, name := range []string{"summarise", "approval"} {
				spec := api.AgentSpec{ID: language + "-" + name, Capabilities: []string{language + "-" + name}}
				switch language {
				case "go":
					spec.Command = []string{built(t, "example "+name, func(t *testing.T, dir string) (string, error) {
						path := filepath.Join(dir, name)
						return path, run(t, root(t, "examples/goworker"), "go", "build", "-o", path, "./"+name)
					})}
				case "python":
					spec.Command = []string{need(t, "python3"), root(t, "examples/python/"+name+".py")}
					spec.Env = map[string]string{"PYTHONPATH": root(t, "client/python")}
				default:
					spec.Command = typescript(t, name+".js")
				}
				if _, err := c.Agents.Start(within(t, eventually), api.AgentStartRequest{Agent: &spec}); err != nil {
					t.Fatal(err)
				}
			}
			summarise(t, c, language+"-summarise")
			approval(t, c, language+"-approval")
		})
	}
}

// The tally goes on where it was stopped.
func TestStatefulExamples(t *testing.T) {
	t.Parallel()
	_, c := cluster(t)
	for _, language := range []string{"go", "python"} {
		t.Run(language, func(t *testing.T) {
			spec := api.AgentSpec{ID: language + "-tally"}
			if language == "go" {
				spec.Command = []string{built(t, "example tally", func(t *testing.T, dir string) (string, error) {
					path := filepath.Join(dir, "tally")
					return path, run(t, root(t, "examples"), "go", "build", "-o", path, "./stateful")
				})}
			} else {
				spec.Command = []string{need(t, "python3"), root(t, "examples/python/tally.py")}
				spec.Env = map[string]string{"PYTHONPATH": root(t, "client/python")}
			}
			start := api.AgentStartRequest{Agent: &spec}
			for _, want := range []string{`{"be":2,"to":1}`, `{"be":4,"to":2}`} {
				if _, err := c.Agents.Start(within(t, eventually), start); err != nil {
					t.Fatal(err)
				}
				if got, err := c.Call(within(t, eventually), spec.ID, json.RawMessage(`{"text":"To be be"}`)); err != nil || canonical(t, got) != want {
					t.Errorf("%s, %v, want %s", got, err, want)
				}
				if _, err := c.Agents.Stop(within(t, eventually), spec.ID); err != nil {
					t.Fatal(err)
				}
				start = api.AgentStartRequest{ID: spec.ID}
			}
		})
	}
}

func summarise(t *testing.T, c *client.Client, id string) {
	s, err := c.Stream(within(t, eventually), id, json.RawMessage(`{"text":"to be or not to be to go","top":2}`))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var said []string
	for {
		part, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, string(part.Kind)+canonical(t, part.Body))
	}
	const want = `chunk{"count":3,"word":"to"} progress{"done":1,"of":2} chunk{"count":2,"word":"be"} progress{"done":2,"of":2} result{"different":5,"words":8}`
	if got := strings.Join(said, " "); got != want {
		t.Errorf("%s\nhave %s\nwant %s", id, got, want)
	}
	_, err = c.Call(within(t, eventually), id, json.RawMessage(`{"text":7}`))
	if api.CodeOf(err) != api.Invalid {
		t.Errorf("%s: %v", id, err)
	}
}

func approval(t *testing.T, c *client.Client, capability string) {
	task, err := c.Tasks.Submit(within(t, eventually), api.TaskSpec{
		Capability: capability, Payload: json.RawMessage(`{"orders":[{"id":"a","amount":20},{"id":"b","amount":5000},{"id":"c","amount":30},{"id":"d","amount":7000}],"limit":100}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []struct{ question, answer string }{
		{`{"approve":{"amount":5000,"id":"b"}}`, `true`}, {`{"approve":{"amount":7000,"id":"d"}}`, `"no"`},
	} {
		natstest.Eventually(t, eventually, func() bool {
			got, err := c.Tasks.Get(within(t, eventually), api.TaskGetRequest{ID: task.ID})
			return err == nil && got.Status == api.TaskWaiting && canonical(t, got.Question) == ask.question
		}, "%s asks %s", capability, ask.question)
		if _, err := c.Tasks.Answer(within(t, eventually), api.TaskAnswerRequest{ID: task.ID, Answer: json.RawMessage(ask.answer)}); err != nil {
			t.Fatal(err)
		}
	}
	for f, err := range c.Tasks.Follow(within(t, eventually), task.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Task != nil && f.Task.Status.Ended() {
			task = f.Task
		}
	}
	if task.Status != api.TaskSucceeded || canonical(t, task.Result) != `{"paid":["a","b","c"],"refused":["d"]}` {
		t.Errorf("%s: %+v", capability, task)
	}
}

// canonical writes JSON with its names in order, as all languages would.
func canonical(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var v any
	if err := codec.Read(raw, &v); err != nil {
		t.Fatal(err)
	}
	text, err := codec.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
