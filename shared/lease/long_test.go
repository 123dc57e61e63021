package lease_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

var long = flag.Bool("long", false, "run what takes minutes, in real time")

// NATS is away for a minute, with the durations that are used: no live lease is lost, and no dead one lives on.
func TestAMinuteWithoutNATS(t *testing.T) {
	if !*long {
		t.Skip("takes two minutes: run it with -long")
	}
	t.Parallel()
	srv := natstest.Start(t)
	s := open(t, srv.Connect(t), lease.Timing{})
	timing := s.Timing()
	w, d := watch(t, open(t, srv.Connect(t), lease.Timing{}))
	var leases []*lease.Lease
	var terms []context.Context
	for i := range 100 {
		l := acquire(t, s, fmt.Sprint("l", i))
		leases, terms = append(leases, l), append(terms, l.Context())
	}
	gone := srv.Connect(t)
	acquire(t, open(t, gone, lease.Timing{}), "gone")
	gone.Close()
	srv.Stop()
	over(t, time.Minute)
	for i, l := range leases {
		if l.Held() || terms[i].Err() == nil || isClosed(l.Lost()) {
			t.Errorf("%s without NATS: held %v", l.ID(), l.Held())
		}
	}
	srv.Restart(t)
	back := time.Now()
	for _, l := range leases {
		natstest.Eventually(t, timing.Hold, l.Held, "%s is held again", l.ID())
	}
	t.Logf("all leases were held again after %s", time.Since(back))
	if err := w.Wait(within(t, 2*timing.Challenge), "gone", lease.Dead); err != nil {
		t.Fatal(err)
	}
	took := time.Since(back)
	t.Logf("the dead one was declared dead after %s", took)
	if took < timing.Challenge-timing.Renew || took > timing.Challenge+timing.Challenge*2/15+3*time.Second {
		t.Errorf("the dead one was declared dead after %s", took)
	}
	over(t, timing.Challenge)
	for _, l := range leases {
		if !l.Held() || w.State(l.ID()) != lease.Live {
			t.Errorf("%s: %v", l.ID(), l.Err())
		}
	}
	if d.all() != 1 {
		t.Errorf("%d were declared dead", d.all())
	}
}
