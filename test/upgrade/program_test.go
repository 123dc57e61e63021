package upgrade_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
)

// programs are the two binaries.
type programs struct{ old, current string }

// build builds the program as it was in a commit, from a working tree of its own, and as it is here.
func build(t *testing.T, commit string) programs {
	t.Helper()
	dir := t.TempDir()
	p := programs{old: *oldProgram, current: filepath.Join(dir, "current")}
	if out, err := git("cat-file", "-e", commit+"^{commit}"); p.old == "" && err != nil {
		t.Fatalf("the history has no commit %s to upgrade from, as in a shallow clone: git fetch --unshallow, or give its program with -old PATH: %s", commit, out)
	}
	compile(t, "../..", p.current)
	if p.old != "" {
		return p
	}
	tree := filepath.Join(dir, "tree")
	if out, err := git("worktree", "add", "--detach", tree, commit); err != nil {
		t.Fatalf("check out %s: %v\n%s", commit, err, out)
	}
	defer func() {
		if out, err := git("worktree", "remove", "--force", tree); err != nil {
			t.Errorf("remove the working tree: %v\n%s", err, out)
		}
	}()
	p.old = filepath.Join(dir, "old")
	compile(t, tree, p.old)
	return p
}

func git(args ...string) ([]byte, error) {
	return exec.Command("git", append([]string{"-C", "../.."}, args...)...).CombinedOutput()
}

func compile(t *testing.T, dir, to string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "./cmd/mabus")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
}

// member is a process of a service: which binary it runs changes.
type member struct {
	name, service string
	program       string
	probe         string
	log           string
	args          []string // beside those that every service gets
	cmd           *exec.Cmd
}

// start starts the process, and waits until it says that it is ready.
func (m *member) start(t *testing.T, url string) {
	t.Helper()
	args := []string{"serve", m.service, "-s", url, "--http", m.probe, "--log-level", "info"}
	if m.service == "agenthost" {
		args = append(args, "--host-id", m.name)
	}
	args = append(args, m.args...)
	out, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	m.cmd = exec.Command(m.program, args...)
	m.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir()}
	m.cmd.Stdout, m.cmd.Stderr = out, out
	if err := m.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", m.name, err)
	}
	natstest.Eventually(t, patience, m.ready, "%s of %s is ready; its log:\n%s", m.name, filepath.Base(m.program), tail(m.log))
}

func (m *member) ready() bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + m.probe + "/readyz") //nolint:noctx // it has a time limit of its own
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stop asks the process to end, as an orchestrator does, and waits for it.
func (m *member) stop(t *testing.T) {
	t.Helper()
	if m.cmd == nil {
		return
	}
	cmd := m.cmd
	m.cmd = nil
	_ = cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s did not end well: %v; its log:\n%s", m.name, err, tail(m.log))
	}
}

// kill ends the process as a power cut does.
func (m *member) kill() {
	cmd := m.cmd
	m.cmd = nil
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // which says that it was killed
}

// run gives a command of the older program in the name of one of the people, and returns what it prints.
func (l *load) run(who string, args ...string) (string, error) {
	cmd := exec.CommandContext(l.t.Context(), l.old, append([]string{"-s", l.url}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + os.TempDir(), "MABUS_PRINCIPAL=" + who, "NATS_CREDS=" + l.credentials[who],
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(l.old), strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// tail returns the end of a file.
func tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-3000):])
}
