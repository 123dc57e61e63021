package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

const (
	pace    = 200 * time.Millisecond // between the beginnings of two calls of one caller
	longest = 30 * time.Second       // that a call may take
)

// tally counts what one kind of work came to.
type tally struct {
	mu            sync.Mutex
	done, failed  int // since the last mark
	slowest       time.Duration
	total, broken int // in all
}

func (t *tally) add(who string, took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done++
	t.total++
	t.slowest = max(t.slowest, took)
	if err != nil {
		t.failed++
		t.broken++
		fmt.Fprintf(os.Stderr, "%s  %s: failed after %s: %v\n", time.Now().UTC().Format("15:04:05.000"), who, took.Round(time.Millisecond), err)
	}
}

// mark returns how many there were since the last mark, how many of them failed, and the milliseconds of the slowest.
func (t *tally) mark() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d %d %d", t.done, t.failed, t.slowest.Milliseconds())
	t.done, t.failed, t.slowest = 0, 0, 0
	return line
}

// load works until in ends. For each line of in it writes one of six numbers, three for calls and three for locks, as mark has
// them. The error says what failed in all.
func load(ctx context.Context, c *client.Client, in io.Reader, out io.Writer) error {
	agents, err := list(ctx, c)
	if err != nil {
		return err
	}
	lease, err := c.OpenLease(ctx)
	if err != nil {
		return err
	}
	defer lease.Close()
	var calls, locks tally
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var work sync.WaitGroup
	for i, a := range agents {
		work.Go(func() {
			if wait(ctx, pace*time.Duration(i)/time.Duration(len(agents))) { // not all at the same moments
				callAgain(ctx, c, &calls, a)
			}
		})
	}
	work.Go(func() { lockAgain(ctx, c, lease, &locks) })
	marks := bufio.NewScanner(in)
	for marks.Scan() {
		fmt.Fprintln(out, calls.mark(), locks.mark())
	}
	stop()
	work.Wait()
	fmt.Fprintf(os.Stderr, "%d calls of %d agents, %d failed; %d locks, %d failed\n", calls.total, len(agents), calls.broken, locks.total, locks.broken)
	if calls.broken+locks.broken > 0 {
		return errors.New("something failed")
	}
	return marks.Err()
}

// again does something at its pace until ctx ends. Nothing is cut off by that end.
func again(ctx context.Context, t *tally, who string, do func(context.Context) error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		begin := time.Now()
		one, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
		err := do(one)
		cancel()
		t.add(who, time.Since(begin), err)
	}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// callAgain calls one agent, which may handle a message twice. What an agent has counted must never be less than it was.
func callAgain(ctx context.Context, c *client.Client, t *tally, a api.Agent) {
	last := 0
	again(ctx, t, a.ID, func(ctx context.Context) error {
		answer, err := c.Call(client.Idempotent(ctx), a.ID, 1)
		if err != nil || a.Capabilities[0] != counts {
			return err
		}
		n, err := strconv.Atoi(string(answer))
		if err == nil && n <= last {
			err = fmt.Errorf("it has counted %d, and had counted %d before", n, last)
		}
		last = max(last, n)
		return err
	})
}

// lockAgain takes one lock and gives it back. Its lease must last, and tokens must rise.
func lockAgain(ctx context.Context, c *client.Client, lease *client.Lease, t *tally) {
	last := uint64(0)
	again(ctx, t, "the lock", func(ctx context.Context) error {
		return c.Locks.Do(ctx, lease, api.LockAcquireRequest{Name: "compose-check"}, func(_ context.Context, token uint64) error {
			if token <= last {
				return fmt.Errorf("token %d after %d", token, last)
			}
			last = token
			return nil
		})
	})
}
