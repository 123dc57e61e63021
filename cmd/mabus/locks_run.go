package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	// lostGrace is what a command has for its end when its lock is lost. Others may have the lock three seconds later.
	lostGrace = 2 * time.Second
	// stopGrace is what it has when mabus is asked to end, while the lock is still held.
	stopGrace = 10 * time.Second
)

const runLong = `

The command finds its fencing token in MABUS_LOCK_TOKEN; what it writes should carry that. When the lock is lost, because this machine
was paused or NATS was away for 12 seconds, the command gets SIGTERM and two seconds later SIGKILL, with all that it has
started, and the exit status is 1. Otherwise its exit status is passed on.`

func locksRun(o *options) *cobra.Command {
	var l lockFlags
	cmd := &cobra.Command{
		Use: "run NAME [flags] -- COMMAND [ARG...]", Short: "Run a command while holding a lock",
		Long: "Takes a lock, runs the command, and gives the lock back. A lock that is not free in time is an error, and nothing is run." + runLong,
		Example: "  mabus locks run deploy -- ./deploy.sh\n  mabus locks run nightly --wait 0 -- ./report.sh\n" +
			"  mabus locks run db --kind rw --shared -- ./export.sh\n  mabus locks run gpu --kind semaphore --capacity 4 --permits 2 -- python3 train.py",
		Args: args(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req, err := l.request(a[0], "pending")
			if err != nil {
				return err
			}
			return o.holding(cmd, a[1:], func(ctx context.Context, c *client.Client, lease *client.Lease) (*holding, error) {
				take := c.Locks.Acquire
				if l.wait == 0 {
					take = c.Locks.Try
				}
				ctx, cancel := context.WithTimeout(ctx, l.wait+o.timeout)
				defer cancel()
				h, err := take(ctx, lease, req)
				if err != nil {
					return nil, err
				}
				return &holding{h.Token, h.Context(), h.Err, h.Release}, nil
			})
		},
	}
	l.flags(cmd)
	return cmd
}

// holding is a lock, or a leadership, for the length of a command.
type holding struct {
	token   uint64
	ctx     context.Context
	err     func() error
	release func(context.Context) error
}

// holding runs a command while it holds what take takes.
func (o *options) holding(cmd *cobra.Command, command []string, take func(context.Context, *client.Client, *client.Lease) (*holding, error)) error {
	ctx := cmd.Context()
	c, err := o.connect(ctx, o.url(ctx))
	if err != nil {
		return err
	}
	defer c.Close()
	open, cancel := context.WithTimeout(ctx, o.timeout)
	lease, err := c.OpenLease(open)
	cancel()
	if err != nil {
		return err
	}
	defer lease.Close() // which also frees the lock
	h, err := take(ctx, c, lease)
	if err != nil {
		return err
	}
	err = runWhile(ctx, h, command)
	if lost := h.err(); lost != nil {
		return fmt.Errorf("the command was ended, because it no longer held what it ran under: %w", lost)
	}
	give, done := context.WithTimeout(context.WithoutCancel(ctx), o.timeout)
	defer done()
	if gone := h.release(give); err == nil && api.CodeOf(gone) == api.Fenced {
		return fmt.Errorf("the command has ended, but did not hold what it ran under to its end: %w", gone)
	}
	return err
}

// runWhile runs a command until it ends by itself, or has to.
func runWhile(ctx context.Context, h *holding, command []string) error {
	runtime.LockOSThread() // the command ends with the thread that has started it
	defer runtime.UnlockOSThread()
	p := exec.Command(command[0], command[1:]...)
	p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
	p.Env = append(os.Environ(), fmt.Sprintf("MABUS_LOCK_TOKEN=%d", h.token))
	apart := !isTerminal(os.Stdin) // a command in another group could not read from the terminal
	p.SysProcAttr = runAttr(apart)
	if err := p.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command[0], err)
	}
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		endWith(ctx, h, over, func(sig syscall.Signal) {
			if apart {
				_ = syscall.Kill(-p.Process.Pid, sig) // and what it has started
				return
			}
			_ = p.Process.Signal(sig)
		})
	}()
	err := p.Wait()
	close(over)
	<-watched
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return exitStatus(128 + int(status.Signal()))
	}
	return exitStatus(exit.ExitCode())
}

// endWith ends a command when mabus is asked to end or the lock is lost, unless it is over before.
func endWith(ctx context.Context, h *holding, over <-chan struct{}, kill func(syscall.Signal)) {
	grace := stopGrace
	select {
	case <-over:
		return
	case <-ctx.Done():
	case <-h.ctx.Done():
		grace = lostGrace
	}
	kill(syscall.SIGTERM)
	if grace > lostGrace {
		select {
		case <-over:
			return
		case <-time.After(grace):
			grace = 0
		case <-h.ctx.Done():
			grace = lostGrace
		}
	}
	select {
	case <-over: // what it has started may still be there
	case <-time.After(grace):
	}
	kill(syscall.SIGKILL)
}
