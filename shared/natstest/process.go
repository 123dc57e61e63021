package natstest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/natsd"
)

// The environment that turns a copy of the test binary into a server.
const (
	envDir  = "MABUS_NATSTEST_DIR"
	envPort = "MABUS_NATSTEST_PORT"
)

// A test binary that imports this package can be run again as a server, with nothing to do in its TestMain.
func init() {
	dir := os.Getenv(envDir)
	if dir == "" {
		return
	}
	if err := serve(dir, os.Getenv(envPort)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(dir, port string) error {
	number, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	srv, err := natsd.Start(ctx, natsd.Config{DataDir: dir, Port: number, MaxStore: maxStore})
	if err != nil {
		return err
	}
	defer srv.Stop()
	// The parent holds the other end of the standard input; it closes when the parent is gone.
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	<-ctx.Done()
	return nil
}

// Process is a stand-alone server in a process of its own, so that it can be killed. Its methods are for the test's
// goroutine.
type Process struct {
	dir  string
	port int
	cmd  *exec.Cmd
}

// StartProcess runs a server on a directory of its own in another process, which ends with the test.
func StartProcess(t testing.TB) *Process {
	t.Helper()
	p := &Process{dir: t.TempDir(), port: FreePorts(t, 1)[0]}
	t.Cleanup(p.Kill)
	p.start(t)
	return p
}

func (p *Process) start(t testing.TB) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatalf("find the test binary: %v", err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), envDir+"="+p.dir, envPort+"="+strconv.Itoa(p.port))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatalf("start a NATS process: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a NATS process: %v", err)
	}
	p.cmd = cmd
	Eventually(t, 20*time.Second, func() bool {
		nc, err := nats.Connect(p.URL())
		if err == nil {
			nc.Close()
		}
		return err == nil
	}, "the NATS process accepts connections")
}

// URL returns where clients connect. It stays the same over a Restart.
func (p *Process) URL() string { return fmt.Sprintf("nats://127.0.0.1:%d", p.port) }

// Connect returns a connection that lasts as long as the test.
func (p *Process) Connect(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return Connect(t, p.URL(), opts...)
}

// Kill ends the process with SIGKILL, in the middle of whatever it does.
func (p *Process) Kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// Restart kills the process if it runs, and starts it again on the same port and directory.
func (p *Process) Restart(t testing.TB) {
	t.Helper()
	p.Kill()
	p.start(t)
}
