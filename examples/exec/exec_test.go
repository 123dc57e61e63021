package exec_test

import (
	osexec "os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExamples(t *testing.T) {
	for _, c := range []struct {
		command       []string
		payload, want string
		code          api.Code
	}{
		{command: []string{"./echo.sh"}, payload: `{"say":"a \"payload\":\\n, \"id\":\"9\" %s"}`, want: `{"say":"a \"payload\":\\n, \"id\":\"9\" %s"}`},
		{command: []string{"dash", "echo.sh"}, payload: `[" two  spaces ", {"payload":{}}]`, want: `[" two  spaces ", {"payload":{}}]`},
		{command: []string{"busybox", "sh", "echo.sh"}, payload: `"ä\u0000"`, want: `"ä\u0000"`},
		{command: []string{"python3", "wordcount.py"}, payload: `{"text":"to be or not to be"}`, want: `{"to": 2, "be": 2, "or": 1, "not": 1}`},
		{command: []string{"python3", "wordcount.py"}, payload: `7`, code: api.Invalid},
		{command: []string{"python3", "stream.py"}, payload: `{"text":"to be"}`, want: `{"text": "to be"}`},
		{command: []string{"python3", "stream.py"}, payload: `7`, code: api.Invalid},
	} {
		t.Run(c.command[0], func(t *testing.T) {
			if _, err := osexec.LookPath(c.command[0]); err != nil {
				t.Skipf("%s is not installed here, so this example is not run", c.command[0])
			}
			p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a1", Command: c.command}, exec.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				got, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(c.payload), Principal: `"payload":"`, Task: "t1", Attempt: 1})
				if api.CodeOf(err) != c.code || string(got) != c.want {
					t.Errorf("got %s, %v; want %s, %q", got, err, c.want, c.code)
				}
			}
			if err := p.Stop(t.Context()); err != nil || p.Err() != nil {
				t.Error(err, p.Err())
			}
		})
	}
}
