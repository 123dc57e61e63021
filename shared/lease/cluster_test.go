package lease_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
)

// The leader of the leases' stream is killed while renewals are in every phase: not sent yet, on their way, and just
// acknowledged. No lease is suspended, let alone lost: an election takes less time than a lease holds.
func TestLeaderIsKilledWhileLeasesAreRenewed(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster")
	}
	t.Parallel()
	timing := lease.Timing{Renew: 500 * time.Millisecond, Hold: 12 * time.Second, Challenge: 15 * time.Second}
	c := natstest.StartCluster(t, 3)
	openAt := func() *lease.Store {
		nc := c.Connect(t)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		s, err := lease.Open(within(t, 20*time.Second), js, "test", 3, timing)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stores := []*lease.Store{openAt(), openAt(), openAt()}
	_, d := watch(t, openAt())
	var leases []*lease.Lease
	var terms []context.Context
	for i := range 24 {
		l := acquire(t, stores[i%len(stores)], fmt.Sprint("l", i))
		leases, terms = append(leases, l), append(terms, l.Context())
	}
	const stream = "KV_test_leases"
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var killed, early, onTheWay, late atomic.Int64 // when renewals were asked for and answered, seen from the kill
		var renewing sync.WaitGroup
		for _, l := range leases {
			renewing.Go(func() {
				for ctx.Err() == nil {
					before := killed.Load()
					err := l.RenewNow(within(t, 30*time.Second))
					switch {
					case before > 0:
						late.Add(1)
					case killed.Load() > 0:
						onTheWay.Add(1)
					default:
						early.Add(1)
					}
					if !l.Held() {
						t.Errorf("%s is not held: %v", l.ID(), err)
						return
					}
				}
			})
		}
		leader := -1
		natstest.Eventually(t, 20*time.Second, func() bool {
			leader = c.StreamLeader(stream)
			return early.Load() > 200 && leader >= 0
		}, "leases are renewed")
		killed.Store(1)
		c.StopNode(leader)
		natstest.Eventually(t, 30*time.Second, func() bool { n := c.StreamLeader(stream); return n >= 0 && n != leader }, "another leads")
		after := late.Load()
		natstest.Eventually(t, 30*time.Second, func() bool { return late.Load() > after+200 }, "leases are renewed again")
		cancel()
		renewing.Wait()
		if early.Load() == 0 || onTheWay.Load() == 0 || late.Load() == 0 {
			t.Errorf("%d renewals were over when the leader was killed, %d on their way, %d came after", early.Load(), onTheWay.Load(), late.Load())
		}
		c.StartNode(t, leader)
		c.WaitReady(t)
	}
	for i, l := range leases {
		if !l.Held() || terms[i].Err() != nil {
			t.Errorf("%s: %v", l.ID(), context.Cause(terms[i]))
		}
	}
	if d.all() != 0 {
		t.Errorf("%d were declared dead", d.all())
	}
}
