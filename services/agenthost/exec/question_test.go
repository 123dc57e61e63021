package exec_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

// asker is a worker that says something, asks its payload, says something again, and answers with the input frame.
func asker() api.AgentSpec {
	return shEach(`printf '{"type":"chunk","id":"%s","payload":"before"}\n{"type":"need_input","id":"%s","payload":%s}\n' "$id" "$id" "$payload"
printf '{"type":"chunk","id":"%s","payload":"after"}\n' "$id"
IFS= read -r input
printf '{"type":"result","id":"%s","payload":%s}\n' "$id" "$input"`)
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	p := start(t, asker(), exec.Options{})
	r := &reader{answer: func(_ context.Context, question string) (string, error) {
		switch question {
		case `"none"`:
			return "", nil
		case `"refused"`:
			return "", api.Errorf(api.PermissionDenied, "ask somebody else")
		case `"fault"`:
			return "", errors.New("secret detail")
		case `"forged"`:
			return "1}\n{\"type\":\"stop\"}", nil
		}
		return `{"you asked":` + question + "\n}", nil
	}}
	for _, c := range []struct {
		question string
		reader   agent.Parts
		want     string
	}{
		{`"name?"`, r, `"payload":{"you asked":"name?" }}`},
		{`"none"`, r, `"payload":null}`},
		{`"refused"`, r, `"error":{"code":"permission_denied","message":"ask somebody else"}}`},
		{`"fault"`, r, `"error":{"code":"internal",`},
		{`"forged"`, r, `"error":{"code":"invalid",`},
		{`"name?"`, agent.NoParts{}, `"error":{"code":"failed_precondition","message":"the caller wants one answer`},
		{`"name?"`, nil, `"error":{"code":"failed_precondition","message":"the caller wants one answer`},
	} {
		r.seen = nil
		got := read(t, p, c.question, c.reader)
		if !strings.HasPrefix(got, `{"type":"input","id":"`) || !strings.Contains(got, `",`+c.want) {
			t.Errorf("%s: the worker got %s, want %s", c.question, got, c.want)
		}
		if want := []string{`chunk "before"`, "ask " + c.question, `chunk "after"`}; c.reader == r && !slices.Equal(r.seen, want) {
			t.Errorf("the reader saw %q, want %q", r.seen, want)
		}
	}
}

func TestQuestionEndsWithItsMessage(t *testing.T) {
	t.Parallel()
	// The worker asks for one message; with the next it goes on without the answer.
	for name, on := range map[string]string{
		"answered": `printf '{"type":"chunk","id":"%s","payload":1}\n{"type":"result","id":"%s","payload":"alone"}\n' "$first" "$first"`,
		"crashed":  `exit 1`,
	} {
		t.Run(name, func(t *testing.T) {
			spec := shEach(`case $payload in '"ask"') first=$id; printf '{"type":"need_input","id":"%s"}\n' "$id" ;;
*) ` + on + `; printf '{"type":"result","id":"%s"}\n' "$id" ;; esac`)
			spec.Concurrency = 2
			p := start(t, spec, exec.Options{})
			next := make(chan error, 1)
			r := &reader{answer: func(ctx context.Context, _ string) (string, error) {
				go func() {
					_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"go on"`)})
					next <- err
				}()
				<-ctx.Done()
				return "", ctx.Err()
			}}
			got, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(`"ask"`), Parts: r})
			if name == "crashed" {
				wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, true)
				wantError(t, <-next, api.Unavailable, api.ReasonAgentCrashed, true)
				return
			}
			if err := <-next; err != nil {
				t.Error(err)
			}
			if want := []string{"ask null", "chunk 1"}; err != nil || string(got) != `"alone"` || !slices.Equal(r.seen, want) {
				t.Errorf("got %s, %v after %q, want %q", got, err, r.seen, want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		p := start(t, asker(), exec.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		r := &reader{answer: func(ctx context.Context, _ string) (string, error) {
			cancel()
			<-ctx.Done()
			return "", ctx.Err()
		}}
		_, err := p.Handle(ctx, &agent.Message{Payload: []byte(`1`), Parts: r})
		wantError(t, err, api.Cancelled, "", true)
		if got := read(t, p, `2`, &reader{answer: func(context.Context, string) (string, error) { return "3", nil }}); !strings.Contains(got, `"payload":3`) {
			t.Errorf("the next question got %s", got)
		}
	})
}
