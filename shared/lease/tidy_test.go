package lease_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Many times as many leases come and go as the bucket has room for: those that have ended make way, and the ones that live stay.
func TestEndedLeasesMakeWay(t *testing.T) {
	t.Parallel()
	nc := natstest.Start(t).Connect(t)
	// What has ended may go after a quarter of a second, and the one that lives is not renewed until the end, whenever that is.
	s := open(t, nc, lease.Timing{Renew: 2 * time.Second, Hold: 50 * time.Minute, Challenge: time.Hour, Keep: 36 * time.Second})
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 5*time.Minute)
	stream, err := js.Stream(ctx, "KV_"+s.Bucket().Name())
	if err != nil {
		t.Fatal(err)
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxBytes = 32 << 10
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	w := lease.NewWatcher(s, lease.WatcherOptions{})
	w.Start()
	t.Cleanup(w.Stop)
	alive, err := s.AcquireOnce(ctx, "alive", "")
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	room := func(f func() error) {
		t.Helper()
		natstest.Eventually(t, 20*time.Second, func() bool {
			err := f()
			if api.CodeOf(err) == api.Overloaded {
				full++
				return false
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		}, "there is room again")
	}
	for i := range 600 {
		id, token := fmt.Sprint("l", i), ""
		room(func() (err error) { token, err = s.AcquireOnce(ctx, id, ""); return err })
		room(func() error { return s.ReleaseOnce(ctx, id, token) })
	}
	room(func() error { _, err := s.Renew(ctx, "alive", alive); return err }) // it lives
	t.Logf("it was full %d times", full)
}

// While there is room, what has ended stays as long as it should.
func TestEndedLeasesStayWhileThereIsRoom(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Start(t).Connect(t), lease.Timing{Keep: 14400 * time.Millisecond}) // looked at each 10 ms
	w := lease.NewWatcher(s, lease.WatcherOptions{})
	w.Start()
	t.Cleanup(w.Stop)
	ctx := within(t, 30*time.Second)
	for i, begin := 0, time.Now(); i < 10 || time.Since(begin) < 300*time.Millisecond; i++ { // it could go after 100 ms
		id := fmt.Sprint("l", i)
		token, err := s.AcquireOnce(ctx, id, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.ReleaseOnce(ctx, id, token); err != nil {
			t.Fatal(err)
		}
		if err := w.Wait(ctx, id, lease.Dead); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AcquireOnce(ctx, "l0", ""); api.CodeOf(err) != api.Conflict {
		t.Errorf("the first: %v", err)
	}
}
