package coordination_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestStrict(t *testing.T) {
	t.Parallel()
	c, srv := run(t, 1, coordination.Config{Strict: true})
	nobody, other := dial(t, srv.URL(), ""), dial(t, srv.URL(), "other")
	alive(t, c, "l1", steady)
	refused(t, nobody, api.LocksAcquire, acquire("t", 0), api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, nobody, api.CountersAdd, api.CounterAddRequest{Name: "c"}, api.Unauthenticated, api.ReasonPrincipalMissing)
	must(t, nobody, api.CountersGet, api.GetRequest{ID: "c"})

	must(t, c, api.LocksAcquire, acquire("t", 0))
	refused(t, other, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: "t"}, api.PermissionDenied, "")
	waits(t, c, 1)
	w := later(t, c, "", api.LocksAcquire, acquire("w", patience))
	waits(t, c, 2)
	refused(t, other, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: "w"}, api.PermissionDenied, "")
	must(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: "t"})
	if _, err := heard(t, w); err != nil {
		t.Error(err)
	}
	must(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: "w"})
	// A request id is its principal's: that of another is no repetition.
	for n, conn := range []*rpc.Conn{c, other} {
		if got, err := callID(t, conn, "r1", api.CountersAdd, api.CounterAddRequest{Name: "c"}); err != nil || got.Value != int64(n+1) {
			t.Errorf("got %+v, %v", got, err)
		}
	}
}

// Requests that wait leave room for others, and more of them than the bound are refused at once.
func TestWaitersAreBounded(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{Waiters: 20, Limit: 4})
	alive(t, c, "l1", steady)
	must(t, c, api.LatchesCreate, api.LatchCreateRequest{Name: "l", Count: 1})
	must(t, c, api.LocksAcquire, acquire("held", 0))
	var waiting []<-chan answer[api.Latch]
	for range 10 {
		waiting = append(waiting, seated(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(patience)}))
	}
	for n := range 9 {
		later(t, c, fmt.Sprintf("r%d", n), api.LocksAcquire, acquire("", patience))
	}
	later(t, c, "", api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 2, Wait: api.Duration(patience)})
	arrived(t, c, 1)
	waits(t, c, 10)
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, c, api.LatchesWait, api.LatchWaitRequest{Name: "l", Wait: api.Duration(time.Millisecond)})
		return api.ReasonOf(err) == api.ReasonServerFull
	}, "all seats are taken")
	refused(t, c, api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 2}, api.Overloaded, api.ReasonServerFull)
	refused(t, c, api.LocksAcquire, acquire("", time.Second), api.Overloaded, api.ReasonServerFull)
	must(t, c, api.LatchesCountDown, api.LatchCountDownRequest{Name: "l"})
	for _, w := range waiting {
		if _, err := heard(t, w); err != nil {
			t.Error(err)
		}
	}
	must(t, c, api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 2})
}
