package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// alive keeps a lease alive until the test ends, or end is called; then it dies by neglect.
func alive(t testing.TB, c *rpc.Conn, id string, timing lease.Timing) (end func()) {
	t.Helper()
	leases, err := lease.Open(t.Context(), c.JS, c.Namespace, c.Replicas, timing)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lease.Acquire(t.Context(), leases, id, lease.Options{})
	if err != nil {
		t.Fatal(err)
	}
	end = func() { l.Abandon(errors.New("its process has died")) }
	t.Cleanup(end)
	return end
}

// acquire returns a request for mutex m.
func acquire(ticket string, wait time.Duration) api.LockAcquireRequest {
	return api.LockAcquireRequest{Name: "m", Lease: "l1", Ticket: ticket, Wait: api.Duration(wait)}
}

// waits waits until lock m has n tickets.
func waits(t testing.TB, c *rpc.Conn, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		l, err := look(t, c, api.LocksGet, "m")
		return err == nil && len(l.Tickets) == n || n == 0 && api.ReasonOf(err) == api.ReasonLockNotFound
	}, "lock m has %d tickets", n)
}

func TestMutex(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	refused(t, c, api.LocksGet, api.GetRequest{ID: "m"}, api.NotFound, api.ReasonLockNotFound)
	refused(t, c, api.LocksAcquire, acquire("t1", 0), api.FailedPrecondition, api.ReasonUnknownLease)
	alive(t, c, "l1", steady)
	first := must(t, c, api.LocksAcquire, acquire("t1", 0))
	if first.Ticket != "t1" || first.Token == 0 || first.Kind != api.LockMutex || first.Name != "m" {
		t.Errorf("got %+v", first)
	}
	refused(t, c, api.LocksAcquire, acquire("t2", 0), api.Conflict, api.ReasonLockHeld)
	refused(t, c, api.LocksAcquire, acquire("t2", 30*time.Millisecond), api.Conflict, api.ReasonLockHeld)
	if l := must(t, c, api.LocksGet, api.GetRequest{ID: "m"}); len(l.Tickets) != 1 || l.Tickets[0].Owner != "tester" || !l.Tickets[0].Granted {
		t.Errorf("got %+v", l)
	}
	var queue []<-chan answer[api.LockGrant]
	for n := range 4 {
		queue = append(queue, later(t, c, "", api.LocksAcquire, acquire(fmt.Sprintf("q%d", n), patience)))
		waits(t, c, n+2)
	}
	last, ticket := first.Token, "t1"
	for _, w := range queue {
		silent(t, w)
		must(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: ticket})
		got, err := heard(t, w)
		if err != nil || got.Token <= last {
			t.Fatalf("got %+v, %v after token %d", got, err, last)
		}
		last, ticket = got.Token, got.Ticket
	}
	must(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: ticket})
	refused(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: ticket}, api.Fenced, api.ReasonLockLost)
}

func TestSharedAndCounted(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	alive(t, c, "l1", steady)
	rw := api.LockAcquireRequest{Name: "m", Lease: "l1", Kind: api.LockRW, Shared: true}
	for range 3 {
		must(t, c, api.LocksAcquire, rw)
	}
	refused(t, c, api.LocksAcquire, acquire("t", 0), api.Conflict, api.ReasonLockKind)
	rw.Shared = false
	refused(t, c, api.LocksAcquire, rw, api.Conflict, api.ReasonLockHeld)
	sem := api.LockAcquireRequest{Name: "s", Lease: "l1", Kind: api.LockSemaphore, Capacity: 3, Permits: 2}
	must(t, c, api.LocksAcquire, sem)
	refused(t, c, api.LocksAcquire, sem, api.Conflict, api.ReasonLockHeld)
	sem.Permits = 1
	last := must(t, c, api.LocksAcquire, sem)
	all := must(t, c, api.LocksList, api.LocksListRequest{Owner: "tester", MinRevision: last.Revision})
	if len(all.Locks) != 2 || all.Locks[0].Name != "m" || len(all.Locks[0].Tickets) != 3 || len(all.Locks[1].Tickets) != 2 {
		t.Errorf("got %+v", all)
	}
}

// A request with an id takes the lock once: its repetition, however late, neither waits a second time nor takes it again.
func TestAcquireIsMadeOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	alive(t, c, "l1", steady)
	held := must(t, c, api.LocksAcquire, acquire("held", 0))
	var asks []<-chan answer[api.LockGrant]
	for range 4 {
		asks = append(asks, later(t, c, "r1", api.LocksAcquire, acquire("", patience)))
	}
	waits(t, c, 2)
	must(t, c, api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: held.Ticket})
	var grant *api.LockGrant
	for _, w := range asks {
		got, err := heard(t, w)
		if err != nil || grant != nil && (got.Token != grant.Token || got.Ticket != grant.Ticket) {
			t.Fatalf("got %+v and %+v, %v", grant, got, err)
		}
		grant = got
	}
	if _, err := callID(t, c, "r2", api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: grant.Ticket}); err != nil {
		t.Fatal(err)
	}
	if _, err := callID(t, c, "r2", api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: grant.Ticket}); err != nil {
		t.Errorf("released again: %v", err)
	}
	for range 4 {
		got, err := callID(t, c, "r1", api.LocksAcquire, acquire("", patience))
		if err != nil || got.Token != grant.Token {
			t.Errorf("repeated: %+v, %v", got, err)
		}
	}
	waits(t, c, 0)
}

func TestAcquireIsGivenUp(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	alive(t, c, "l1", steady)
	must(t, c, api.LocksAcquire, acquire("held", 0))
	ctx, cancel := context.WithCancel(rpc.WithRequestID(t.Context(), "r1"))
	done := make(chan error, 1)
	go func() {
		req := acquire("", patience)
		_, err := rpc.Call(ctx, c, api.LocksAcquire, &req)
		done <- err
	}()
	waits(t, c, 2)
	cancel()
	if err := <-done; api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v", err)
	}
	waits(t, c, 1)
	natstest.Eventually(t, patience, func() bool { // the answer may still be late where the machine is
		short, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer stop()
		req := acquire("late", patience)
		_, err := rpc.Call(short, c, api.LocksAcquire, &req)
		if api.CodeOf(err) != api.DeadlineExceeded {
			wantError(t, err, api.Conflict, api.ReasonLockHeld)
		}
		return api.ReasonOf(err) == api.ReasonLockHeld
	}, "the wait is over before the caller's time is")
	waits(t, c, 1)
}

// A replica stops, or loses its connection, while others wait at it for a lock. Repeating the request keeps the place.
func TestLockReplicaDies(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			srv := natstest.Start(t)
			first := dial(t, srv.URL(), "")
			_, stop := replicaOn(t, first, coordination.Config{})
			c := dial(t, srv.URL(), "")
			alive(t, c, "l1", steady)
			held := must(t, c, api.LocksAcquire, acquire("held", 0))
			var queue []<-chan answer[api.LockGrant]
			for n := range 5 {
				queue = append(queue, untilAnswered(t, c, fmt.Sprintf("r%d", n), api.LocksAcquire, acquire("", patience)))
				waits(t, c, n+2)
			}
			replica(t, srv.URL(), coordination.Config{})
			if how == "stop" {
				stop()
			} else {
				first.NC.Close()
			}
			ticket, last := held.Ticket, held.Token
			for _, w := range queue {
				// The first one may still go to the dead replica.
				if err := insist(t, c, "free-"+ticket[:min(len(ticket), 40)], api.LocksRelease, api.LockReleaseRequest{Name: "m", Ticket: ticket}); err != nil {
					t.Fatal(err)
				}
				got, err := heard(t, w)
				if err != nil || got.Token <= last {
					t.Fatalf("got %+v, %v after token %d", got, err, last)
				}
				ticket, last = got.Ticket, got.Token
			}
		})
	}
}

func TestElection(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{Timing: quick})
	alive(t, c, "l1", quick)
	end := alive(t, c, "l2", quick)
	if e := must(t, c, api.ElectionsObserve, api.ObserveRequest{Name: "e"}); e.Leader != nil || e.Term != 0 {
		t.Errorf("before: %+v", e)
	}
	seen := later(t, c, "", api.ElectionsObserve, api.ObserveRequest{Name: "e", Wait: api.Duration(patience)})
	data := json.RawMessage(`{"address":"here"}`)
	first := must(t, c, api.ElectionsCampaign, api.CampaignRequest{Name: "e", Lease: "l2", Ticket: "a", Data: data})
	if e, err := heard(t, seen); err != nil || e.Term != first.Token || e.Leader == nil || e.Leader.ID != "a" || cmp.Diff(e.Leader.Data, data) != "" {
		t.Errorf("observed %+v, %v", e, err)
	}
	next := later(t, c, "", api.ElectionsCampaign, api.CampaignRequest{Name: "e", Lease: "l1", Ticket: "b", Wait: api.Duration(patience)})
	natstest.Eventually(t, patience, func() bool {
		list := must(t, c, api.ElectionsList, api.LocksListRequest{})
		return len(list.Elections) == 1 && list.Elections[0].Candidates == 1 && list.Elections[0].Term == first.Token
	}, "there is a candidate")
	seen = later(t, c, "", api.ElectionsObserve, api.ObserveRequest{Name: "e", After: first.Token, Wait: api.Duration(patience)})
	end() // the leader's process dies
	second, err := heard(t, next)
	if err != nil || second.Token <= first.Token {
		t.Fatalf("got %+v, %v", second, err)
	}
	if e, err := heard(t, seen); err != nil || e.Term != second.Token || e.Leader == nil || e.Leader.ID != "b" {
		t.Errorf("observed %+v, %v", e, err)
	}
	refused(t, c, api.ElectionsResign, api.LockReleaseRequest{Name: "e", Ticket: "a"}, api.Fenced, api.ReasonLockLost)
	must(t, c, api.ElectionsResign, api.LockReleaseRequest{Name: "e", Ticket: "b"})
	if e := must(t, c, api.ElectionsObserve, api.ObserveRequest{Name: "e"}); e.Leader != nil || e.Term != second.Token {
		t.Errorf("after: %+v", e)
	}
	refused(t, c, api.ElectionsList, api.LocksListRequest{Kind: api.LockMutex}, api.Invalid, "")
}
