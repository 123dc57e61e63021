package lease_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The environment that turns a copy of the test binary into a holder.
const (
	envURL   = "MABUS_LEASETEST_URL"
	envLease = "MABUS_LEASETEST_LEASE"
)

func init() {
	if os.Getenv(envURL) == "" {
		return
	}
	if err := holdAndTell(os.Getenv(envURL), os.Getenv(envLease), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// clock is the same for all processes of a machine.
func clock() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// holdAndTell writes a line with the time whenever its lease is held, and ends when it is lost. The time is that before the
// lease was asked, so it is late for no answer.
func holdAndTell(url, id string, out io.Writer) error {
	go func() { // the end of the test's process is the end of this one
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) //nolint:forbidigo // no test runs in this process
	defer cancel()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	s, err := lease.Open(ctx, js, "test", 1, slow)
	if err != nil {
		return err
	}
	l, err := lease.Acquire(ctx, s, id, lease.Options{})
	if err != nil {
		return err
	}
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		at := clock()
		if l.Held() {
			fmt.Fprintln(out, "held", at)
		}
		select {
		case <-l.Lost():
			fmt.Fprintln(out, "lost", at)
			return nil
		case <-tick.C:
		}
	}
	return ctx.Err()
}

// child is a holder in a process of its own.
type child struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	held int64 // when it last said so
	lost bool
}

func startChild(t *testing.T, url, id string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.Command(exe)}
	c.cmd.Env = append(os.Environ(), envURL+"="+url, envLease+"="+id)
	c.cmd.Stderr = os.Stderr
	if _, err := c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			if n, err := fmt.Sscanf(lines.Text(), "held %d", &c.held); n == 0 || err != nil {
				c.lost = strings.HasPrefix(lines.Text(), "lost ")
			}
			c.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-read
		_ = c.cmd.Wait()
	})
	return c
}

func (c *child) says() (held int64, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held, c.lost
}

func (c *child) heldAfter(at int64) bool {
	held, _ := c.says()
	return held > at
}

func (c *child) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// Processes are stopped in the midst of whatever they do. After a short stop they go on; after one in which their lease was
// declared dead they never say that it is held.
func TestStoppedHolderKnowsThatItsLeaseIsDead(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w, d := watch(t, open(t, srv.Connect(t), slow))
	var children []*child
	for i := range 4 {
		children = append(children, startChild(t, srv.URL(), fmt.Sprint("c", i)))
	}
	for i, c := range children {
		natstest.Eventually(t, 20*time.Second, func() bool { return c.heldAfter(0) }, "the lease is held")
		id := fmt.Sprint("c", i)
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			for n := range 3 {
				over(t, slow.Renew*time.Duration(7*i+3*n)/30) // another phase of the renewal for each
				c.signal(t, syscall.SIGSTOP)
				over(t, slow.Hold/4)
				c.signal(t, syscall.SIGCONT)
				start := clock()
				natstest.Eventually(t, 10*time.Second, func() bool { return c.heldAfter(start) }, "%s goes on", id)
			}
			if d.of(id) != 0 {
				t.Fatal("declared dead after a short stop")
			}
			c.signal(t, syscall.SIGSTOP)
			if err := w.Wait(within(t, time.Minute), id, lease.Dead); err != nil {
				t.Fatal(err)
			}
			dead := clock()
			c.signal(t, syscall.SIGCONT)
			natstest.Eventually(t, 10*time.Second, func() bool { _, lost := c.says(); return lost }, "%s hears that its lease is lost", id)
			if held, _ := c.says(); held > dead {
				t.Errorf("held %s after it was dead", time.Duration(held-dead))
			}
		})
	}
}
