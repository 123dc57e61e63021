package lease_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A principal has so many leases and no more, whatever it asks at once; others have theirs, and those that have ended make room.
func TestAPrincipalHasItsShare(t *testing.T) {
	t.Parallel()
	const keep = 5 * 144 * time.Second // so that what has ended makes room after five seconds
	// None dies in the meantime, which would make room as well.
	s := open(t, natstest.Start(t).Connect(t), lease.Timing{Hold: 50 * time.Minute, Challenge: time.Hour, Keep: keep})
	w := lease.NewWatcher(s, lease.WatcherOptions{})
	w.Start()
	t.Cleanup(w.Stop)
	ctx := within(t, 5*time.Minute)
	tokens := make([]string, api.MaxLeases+200)
	var some errgroup.Group
	some.SetLimit(64)
	for i := range tokens {
		some.Go(func() (err error) {
			if tokens[i], err = w.AcquireFor(ctx, fmt.Sprint("l", i), "", "ann"); api.ReasonOf(err) == api.ReasonLeasesFull && api.CodeOf(err) == api.Overloaded {
				return nil
			}
			return err
		})
	}
	if err := some.Wait(); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{}
	for i, token := range tokens {
		if token != "" {
			given[fmt.Sprint("l", i)] = token
		}
	}
	if len(given) != api.MaxLeases {
		t.Errorf("%d leases were given", len(given))
	}
	refused := func(id string) bool {
		_, err := w.AcquireFor(ctx, id, "", "ann")
		return api.ReasonOf(err) == api.ReasonLeasesFull
	}
	if !refused("more") {
		t.Error("one more is given")
	}
	for _, other := range []string{"bob", ""} { // without a principal it is a process of the namespace
		if _, err := w.AcquireFor(ctx, "of-"+other, "", other); err != nil {
			t.Errorf("%q: %v", other, err)
		}
	}
	for id, token := range given {
		if err := s.ReleaseFor(ctx, id, token, "ann"); err != nil {
			t.Fatal(err)
		}
		if refused(id) || !refused("more") { // its own id is taken, and that an ended one makes room at once would be to have no bound
			t.Error("the bound is gone")
		}
		break
	}
	natstest.Eventually(t, 20*time.Second, func() bool { return !refused("more") }, "what has ended makes room")
	if !refused("much-more") {
		t.Error("more room was made than there is")
	}
	// Another watcher counts what is there.
	two := lease.NewWatcher(s, lease.WatcherOptions{Passive: true})
	two.Start()
	t.Cleanup(two.Stop)
	<-two.Ready()
	if _, err := two.AcquireFor(ctx, "much-more", "", "ann"); api.ReasonOf(err) != api.ReasonLeasesFull {
		t.Errorf("another watcher: %v", err)
	}
}

// What was refused, or not stored, is not counted.
func TestWhatIsNotThereIsNotCounted(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).Connect(t), lease.Timing{})
	w := lease.NewWatcher(s, lease.WatcherOptions{})
	w.Start()
	t.Cleanup(w.Stop)
	ctx := within(t, 30*time.Second)
	if _, err := w.AcquireFor(ctx, "bobs", "", "bob"); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for i := range api.MaxLeases + 1 {
		if _, err := w.AcquireFor(gone, fmt.Sprint("l", i), "", "ann"); err == nil || api.ReasonOf(err) == api.ReasonLeasesFull {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if _, err := w.AcquireFor(ctx, "bobs", "", "ann"); api.CodeOf(err) != api.Conflict {
		t.Errorf("%v", err)
	}
	first, err := w.AcquireFor(ctx, "mine", "nonce", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.AcquireFor(ctx, "mine", "nonce", "ann"); err != nil || again != first {
		t.Errorf("again: %s, %v", again, err)
	}
}

// A lease that was declared dead is still its principal's.
func TestDeathKeepsThePrincipal(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).Connect(t), fast)
	w := lease.NewWatcher(s, lease.WatcherOptions{})
	w.Start()
	t.Cleanup(w.Stop)
	ctx := within(t, 30*time.Second)
	token, err := w.AcquireFor(ctx, "l", "", "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(ctx, "l", lease.Dead); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RenewFor(ctx, "l", token, "ann"); api.ReasonOf(err) != api.ReasonLeaseLost {
		t.Errorf("ann: %v", err)
	}
	if _, err := s.RenewFor(ctx, "l", token, "bob"); api.ReasonOf(err) != api.ReasonNotSelf {
		t.Errorf("bob: %v", err)
	}
}
