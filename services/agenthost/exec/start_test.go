package exec_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestStartFailures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, want string
		spec       api.AgentSpec
	}{
		{"no command", "has no command", api.AgentSpec{ID: "a1"}},
		{"missing program", "was not found on this host", api.AgentSpec{ID: "a1", Command: []string{"mabus-no-such-program"}}},
		{"missing path", "could not be started", api.AgentSpec{ID: "a1", Command: []string{filepath.Join(dir, "nothing")}}},
		{"not executable", "permission denied", api.AgentSpec{ID: "a1", Command: []string{plain}}},
		{"missing dir", "is no directory", api.AgentSpec{ID: "a1", Command: []string{"sh"}, Dir: filepath.Join(dir, "nowhere")}},
		{"bad config", "wait_ready", api.AgentSpec{ID: "a1", Command: []string{"sh"}, Config: []byte(`{"wait_ready":1}`)}},
		{"broken config", "config must be", api.AgentSpec{ID: "a1", Command: []string{"sh"}, Config: []byte(`{`)}},
		{"broken metadata", "valid JSON", api.AgentSpec{ID: "a1", Command: []string{"sh"}, Metadata: []byte(`{`)}},
		{"ends before ready", "exit status 4; its standard error ends with: no model", api.AgentSpec{
			ID:      "a1",
			Command: []string{"sh", "-c", "echo no model >&2; exit 4"}, Config: []byte(`{"wait_ready":true}`),
		}},
		{"never ready", "no ready frame within 50ms", api.AgentSpec{
			ID:      "a1",
			Command: []string{"sleep", "1000"}, Config: []byte(`{"wait_ready":true}`),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := exec.Start(t.Context(), c.spec, exec.Options{ReadyTimeout: readyTimeout(c.name)})
			if p != nil {
				t.Error("a process together with an error")
			}
			wantError(t, err, api.FailedPrecondition, api.ReasonStartFailed, false)
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := exec.Start(ended, shell(`:`), exec.Options{}); api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v", err)
	}
}

func readyTimeout(name string) time.Duration {
	if name == "never ready" {
		return 50 * time.Millisecond
	}
	return 0
}

func TestWaitReady(t *testing.T) {
	t.Parallel()
	opt, _ := logged()
	spec := shell(`echo loading >&2; echo '{"type":"ready"}'; echo '{"type":"ready"}'; cat >/dev/null`)
	spec.Config = []byte(`{"wait_ready":true}`)
	p := start(t, spec, opt)
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentAndDirectory(t *testing.T) {
	t.Setenv("MABUS_TEST_SECRET", "hidden")
	t.Setenv("LANG", "C")
	spec := shEach(`printf '{"type":"result","id":"%s","payload":["%s","%s","%s","%s","%s"]}\n' "$id" "$MABUS_TEST_SECRET" "$LANG" "$OWN" "$MABUS_AGENT_ID" "$(pwd)"`)
	spec.Dir = t.TempDir()
	spec.Env = map[string]string{"OWN": "given", "MABUS_AGENT_ID": "forged"}
	var got []string
	if err := codec.Read([]byte(ask(t, start(t, spec, exec.Options{}), `1`)), &got); err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(spec.Dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "C", "given", "a1", dir}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %q, want %q", i, got[i], want[i])
		}
	}
}

func TestRelativeProgramStartsAtDir(t *testing.T) {
	t.Parallel()
	spec := api.AgentSpec{ID: "a1", Command: []string{"./worker"}, Dir: t.TempDir()}
	script := "#!/bin/sh\necho 'it runs' >&2\n"
	if err := os.WriteFile(filepath.Join(spec.Dir, "worker"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	p := start(t, spec, exec.Options{})
	await(t, p)
	if p.Err() != nil || strings.Join(p.LogTail(), "") != "it runs" {
		t.Fatal(p.Err(), p.LogTail())
	}
}
