package exec_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/secret"
)

const canary = `can"ary-7Q/x2`

func init() {
	// tells says what it has been given, in every way that a worker has to say something.
	workers["tells"] = func(in *bufio.Reader, out *bufio.Writer) {
		value := os.Getenv("KEY")
		first, _ := os.ReadFile(os.Getenv("KEY_FILE"))
		again, _ := os.ReadFile(os.Getenv("KEY_FILE"))
		quoted, _ := codec.Marshal(value)
		fmt.Fprintf(os.Stderr, "the key is %s\n%s%s\n", value, strings.Repeat("x", 1015), value)
		fmt.Fprintf(out, "the key is %s\n"+`{"type":"log","message":%s}`+"\n", value, quoted)
		for l, ok := nextLine(in); ok; l, ok = nextLine(in) {
			if l.Type != "message" {
				continue
			}
			switch string(l.Payload) {
			case `"error"`:
				fmt.Fprintf(out, `{"type":"error","id":%q,"error":{"message":%s}}`+"\n", l.ID, quoted)
			case `"parts"`:
				fmt.Fprintf(out, `{"type":"chunk","id":%q,"payload":%s}`+"\n"+`{"type":"progress","id":%q,"payload":[%s]}`+"\n", l.ID, quoted, l.ID, quoted)
				result(out, l.ID, []byte(`null`))
			case `"pieces"`, `"texts"`:
				form := `{"type":"chunk","id":%q,"payload":%s}` + "\n"
				if string(l.Payload) == `"texts"` {
					form = `{"type":"chunk","id":%q,"payload":{"text":%s}}` + "\n"
				}
				for _, piece := range []string{"it is ", value[:2], value[2:7], value[7:] + "! or ", value[:5]} {
					text, _ := codec.Marshal(piece)
					fmt.Fprintf(out, form, l.ID, text)
				}
				result(out, l.ID, []byte(`null`))
			case `"die"`:
				fmt.Fprintf(os.Stderr, "panic: %s\n", value)
				os.Exit(3)
			default:
				result(out, l.ID, fmt.Appendf(nil, `{"key":%s,"right":%v,"again":%d,"env":%d}`, quoted, string(first) == value, len(again), len(os.Environ())))
			}
			_ = out.Flush()
		}
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// partsOf keeps what parts say.
type partsOf struct {
	agent.NoParts
	all []string
}

func (p *partsOf) Chunk(_ context.Context, payload json.RawMessage) error {
	p.all = append(p.all, string(payload))
	return nil
}

func (p *partsOf) Progress(_ context.Context, payload json.RawMessage) error {
	p.all = append(p.all, string(payload))
	return nil
}

// A program gets its secrets in its environment and in files that can be read once, and nothing that it says of them passes the host.
func TestSecrets(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log safeBuffer
	values := map[string]*secret.Value{"KEY": secret.NewValue([]byte(canary)), "KEY_FILE": secret.NewValue([]byte(canary))}
	p, err := exec.Start(t.Context(), api.AgentSpec{ID: "a1", Command: []string{exe}, Env: map[string]string{modeEnv: "tells"}},
		exec.Options{Log: zerolog.New(&log), Secrets: values})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		v.Wipe() // the program has them
	}
	t.Cleanup(func() { _ = p.Stop(context.WithoutCancel(t.Context())) })
	ask := func(payload string, parts agent.Parts) (string, error) {
		t.Helper()
		answer, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload), Parts: parts})
		return string(answer), err
	}
	got, err := ask(`"tell"`, agent.NoParts{})
	if err != nil || !strings.HasPrefix(got, `{"key":"***","right":true,"again":0,`) {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := ask(`"error"`, agent.NoParts{}); api.ReasonOf(err) != api.ReasonAgentError || !strings.Contains(err.Error(), secret.Hidden) || strings.Contains(err.Error(), "ary-7Q") {
		t.Errorf("got %v", err)
	}
	parts := &partsOf{}
	if _, err := ask(`"parts"`, parts); err != nil || strings.Join(parts.all, "") != `"***"["***"]` {
		t.Errorf("got %v, %v", parts.all, err)
	}
	parts = &partsOf{}
	if _, err := ask(`"pieces"`, parts); err != nil || strings.Join(parts.all, "") != `"it is ""***! or ""can\"a"` {
		t.Errorf("got %v, %v", parts.all, err)
	}
	parts = &partsOf{}
	if _, err := ask(`"texts"`, parts); err != nil || strings.Join(parts.all, "") != `{"text":"it is "}{"text":"***! or "}{"text":"can\"a"}` {
		t.Errorf("got %v, %v", parts.all, err)
	}
	if _, err := ask(`"die"`, agent.NoParts{}); api.ReasonOf(err) != api.ReasonAgentCrashed {
		t.Errorf("got %v", err)
	}
	<-p.Done()
	said := log.String() + strings.Join(p.LogTail(), "\n") + fmt.Sprint(p.Err())
	if strings.Contains(said, "ary-7Q") || strings.Contains(said, `xcan`) || strings.Count(said, "the key is ***") != 3 || !strings.Contains(said, "panic: ***") {
		t.Errorf("it said %s", said)
	}
}

func TestSecretsThatNoEnvironmentTakes(t *testing.T) {
	t.Parallel()
	_, err := exec.Start(t.Context(), api.AgentSpec{ID: "a1", Command: []string{"true"}},
		exec.Options{Log: zerolog.Nop(), Secrets: map[string]*secret.Value{"KEY": secret.NewValue([]byte("a\x00b"))}})
	if api.ReasonOf(err) != api.ReasonSecretUnreadable {
		t.Errorf("got %v", err)
	}
}
