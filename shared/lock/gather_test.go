package lock_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The mirror is late only while what comes is of no use here.
func TestMirrorIsPromptWhenItMatters(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	for range 50 {
		a.release(t, a.acquire(t, lock.Request{Name: "own"}))
	}
	if !a.Gathers() {
		t.Error("its own changes make the mirror prompt")
	}
	natstest.Eventually(t, 10*time.Second, func() bool { return !b.Gathers() }, "the changes of others do")
	natstest.Eventually(t, 10*time.Second, b.Gathers, "but not for ever")
	held := a.acquire(t, lock.Request{Name: "m"})
	ctx := within(t, 30*time.Second)
	waits := a.later(ctx, lock.Request{Name: "m", Wait: time.Minute})
	natstest.Eventually(t, 10*time.Second, func() bool { return !a.Gathers() }, "so does somebody who waits")
	observes := make(chan error, 1)
	go func() {
		_, err := b.Observe(ctx, "e", 0, time.Minute)
		observes <- err
	}()
	natstest.Eventually(t, 10*time.Second, func() bool { return !b.Gathers() && b.Lines() == 1 }, "or observes")
	a.release(t, held)
	got := <-waits
	if got.err != nil {
		t.Fatal(got.err)
	}
	a.release(t, got.grant)
	natstest.Eventually(t, 10*time.Second, a.Gathers, "nobody waits any more")
	a.acquire(t, lock.Request{Name: "e", Kind: "election"})
	if err := <-observes; err != nil {
		t.Fatal(err)
	}
}
