package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// ticket is a ticket that was granted, or waits, with its token.
func ticket(id string, token uint64, takes int, granted bool) api.LockTicket {
	return api.LockTicket{ID: id, Owner: "o-" + id, Lease: "l-" + id, Token: token, Takes: takes, Granted: granted}
}

func lock(kind api.LockKind, capacity int, last uint64, tickets ...api.LockTicket) *api.Lock {
	return &api.Lock{Name: "x", Kind: kind, Capacity: capacity, Last: last, Tickets: tickets}
}

func refusedWith(t *testing.T, err error, code api.Code, reason string) {
	t.Helper()
	if api.CodeOf(err) != code || api.ReasonOf(err) != reason {
		t.Errorf("got error %v, want %s (%s)", err, code, reason)
	}
}

func TestJoin(t *testing.T) {
	const all = api.MaxLockCapacity
	late := ticket("w", 4, 1, false)
	late.Until = t0
	cases := []struct {
		name     string
		old      *api.Lock
		kind     api.LockKind
		capacity int
		takes    int
		want     *api.Lock
	}{
		{"the first", nil, api.LockMutex, 1, 1, lock(api.LockMutex, 1, 0, ticket("t", 0, 1, true))},
		{
			"a mutex that is held", lock(api.LockMutex, 1, 3, ticket("a", 3, 1, true)), api.LockMutex, 1, 1,
			lock(api.LockMutex, 1, 3, ticket("a", 3, 1, true), ticket("t", 0, 1, false)),
		},
		{
			"an empty record of another kind", lock(api.LockMutex, 1, 3), api.LockSemaphore, 5, 2,
			lock(api.LockSemaphore, 5, 3, ticket("t", 0, 2, true)),
		},
		{
			"a reader beside a reader", lock(api.LockRW, all, 3, ticket("r", 3, 1, true)), api.LockRW, all, 1,
			lock(api.LockRW, all, 3, ticket("r", 3, 1, true), ticket("t", 0, 1, true)),
		},
		{
			"a reader behind a writer that waits", lock(api.LockRW, all, 4, ticket("r", 3, 1, true), ticket("w", 4, all, false)), api.LockRW, all, 1,
			lock(api.LockRW, all, 4, ticket("r", 3, 1, true), ticket("w", 4, all, false), ticket("t", 0, 1, false)),
		},
		{
			"a writer behind a reader", lock(api.LockRW, all, 3, ticket("r", 3, 1, true)), api.LockRW, all, all,
			lock(api.LockRW, all, 3, ticket("r", 3, 1, true), ticket("t", 0, all, false)),
		},
		{
			"the last permit", lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true)), api.LockSemaphore, 3, 1,
			lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true), ticket("t", 0, 1, true)),
		},
		{
			"one permit too many", lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true)), api.LockSemaphore, 3, 2,
			lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true), ticket("t", 0, 2, false)),
		},
		{
			"a waiter whose time is up", lock(api.LockMutex, 1, 4, ticket("a", 3, 1, true), late), api.LockMutex, 1, 1,
			lock(api.LockMutex, 1, 4, ticket("a", 3, 1, true), ticket("t", 0, 1, false)),
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := queue.Join(c.old, "x", c.kind, c.capacity, ticket("t", 0, c.takes, false), t0.Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	held := lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true))
	full := lock(api.LockMutex, 1, api.MaxLockWaiters)
	for i := range api.MaxLockWaiters {
		full.Tickets = append(full.Tickets, ticket(fmt.Sprint("t", i), uint64(i+1), 1, i == 0))
	}
	stranger := ticket("s", 0, 2, false)
	stranger.Lease = "l-t"
	cases := []struct {
		name     string
		old      *api.Lock
		kind     api.LockKind
		capacity int
		t        api.LockTicket
		code     api.Code
		reason   string
	}{
		{"another kind", held, api.LockRW, 3, ticket("t", 0, 1, false), api.Conflict, api.ReasonLockKind},
		{"another capacity", held, api.LockSemaphore, 4, ticket("t", 0, 1, false), api.Conflict, api.ReasonLockKind},
		{"the ticket of another lease", held, api.LockSemaphore, 3, stranger, api.Conflict, api.ReasonRequestReused},
		{"too many", full, api.LockMutex, 1, ticket("t", 0, 1, false), api.Overloaded, api.ReasonLockFull},
		{"more than there is", held, api.LockSemaphore, 3, ticket("t", 0, 4, false), api.Invalid, ""},
		{"nothing", held, api.LockSemaphore, 3, ticket("t", 0, 0, false), api.Invalid, ""},
		{"no capacity", nil, api.LockSemaphore, 0, ticket("t", 0, 0, false), api.Invalid, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := queue.Join(c.old, "x", c.kind, c.capacity, c.t, t0)
			refusedWith(t, err, c.code, c.reason)
			_, err = queue.TryJoin(c.old, "x", c.kind, c.capacity, c.t, t0)
			refusedWith(t, err, c.code, c.reason)
		})
	}
}

func TestJoinAgain(t *testing.T) {
	old := lock(api.LockMutex, 1, 4, ticket("a", 3, 1, true), ticket("b", 4, 1, false))
	for _, id := range []string{"a", "b"} {
		if got, err := queue.Join(old, "x", api.LockMutex, 1, ticket(id, 0, 1, false), t0); err != nil || got != old {
			t.Errorf("%s again: %v, %v", id, got, err)
		}
	}
	if got, err := queue.TryJoin(old, "x", api.LockMutex, 1, ticket("a", 0, 1, false), t0); err != nil || got != old {
		t.Errorf("the holder tries again: %v, %v", got, err)
	}
	_, err := queue.TryJoin(old, "x", api.LockMutex, 1, ticket("b", 0, 1, false), t0)
	refusedWith(t, err, api.Conflict, api.ReasonLockHeld)
}

func TestJoinAtNoTimeDropsNobody(t *testing.T) {
	late := ticket("b", 4, 1, false)
	late.Until = t0
	old := lock(api.LockMutex, 1, 4, ticket("a", 3, 1, true), late)
	if got, err := queue.Join(old, "x", api.LockMutex, 1, ticket("t", 0, 1, false), time.Time{}); err != nil || len(got.Tickets) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestTryJoin(t *testing.T) {
	free := lock(api.LockSemaphore, 3, 3, ticket("s", 3, 2, true))
	if got, err := queue.TryJoin(free, "x", api.LockSemaphore, 3, ticket("t", 0, 1, false), t0); err != nil || len(got.Tickets) != 2 {
		t.Errorf("what fits: %v, %v", got, err)
	}
	queued := lock(api.LockSemaphore, 3, 4, ticket("s", 3, 2, true), ticket("w", 4, 2, false))
	_, err := queue.TryJoin(queued, "x", api.LockSemaphore, 3, ticket("t", 0, 1, false), t0)
	refusedWith(t, err, api.Conflict, api.ReasonLockHeld) // what would fit, were nobody waiting before
}

func TestLeave(t *testing.T) {
	late := ticket("b", 4, 1, false)
	late.Until = t0
	old := lock(api.LockMutex, 1, 5, ticket("a", 3, 1, true), late, ticket("c", 5, 1, false))
	cases := []struct {
		name, ticket, owner string
		now                 time.Time
		want                *api.Lock
	}{
		{"the holder, just in time", "a", "o-a", t0, lock(api.LockMutex, 1, 5, func() api.LockTicket { b := late; b.Granted = true; return b }(), ticket("c", 5, 1, false))},
		{"the holder, too late for the next", "a", "o-a", t0.Add(1), lock(api.LockMutex, 1, 5, ticket("c", 5, 1, true))},
		{"the holder, at no time", "a", "", time.Time{}, lock(api.LockMutex, 1, 5, func() api.LockTicket { b := late; b.Granted = true; return b }(), ticket("c", 5, 1, false))},
		{"a waiter", "c", "o-c", t0, lock(api.LockMutex, 1, 5, ticket("a", 3, 1, true), late)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := queue.Leave(old, c.ticket, c.owner, c.now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	_, err := queue.Leave(old, "a", "o-c", t0)
	refusedWith(t, err, api.PermissionDenied, "")
	_, err = queue.Leave(old, "z", "", t0)
	refusedWith(t, err, api.Fenced, api.ReasonLockLost)
	_, err = queue.Leave(nil, "a", "", t0)
	refusedWith(t, err, api.Fenced, api.ReasonLockLost)
}

func TestTheLastLeavesAnEmptyRecord(t *testing.T) {
	got, err := queue.Leave(lock(api.LockMutex, 1, 3, ticket("a", 3, 1, true)), "a", "", t0)
	if diff := cmp.Diff(lock(api.LockMutex, 1, 3), got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestPrune(t *testing.T) {
	dead := func(leases ...string) func(string) bool {
		return func(l string) bool {
			for _, d := range leases {
				if d == l {
					return true
				}
			}
			return false
		}
	}
	held := ticket("a", 3, 1, true)
	held.Until = t0.Add(-time.Hour)
	late := ticket("b", 4, 1, false)
	late.Until = t0.Add(-time.Second)
	old := lock(api.LockMutex, 1, 5, held, late, ticket("c", 5, 1, false))
	if got := queue.Prune(old, dead("l-z"), time.Time{}); got != old {
		t.Errorf("nobody is dead, and no time is given: %v", got)
	}
	if got := queue.Prune(nil, dead("l-a"), t0); got != nil {
		t.Errorf("no record: %v", got)
	}
	cases := []struct {
		name string
		dead func(string) bool
		now  time.Time
		want *api.Lock
	}{
		{"a waiter whose time is up, not so a holder", nil, t0, lock(api.LockMutex, 1, 5, held, ticket("c", 5, 1, false))},
		{"a dead holder", dead("l-a"), t0, lock(api.LockMutex, 1, 5, ticket("c", 5, 1, true))},
		{"a dead waiter", dead("l-c"), time.Time{}, lock(api.LockMutex, 1, 5, held, late)},
		{"all dead", dead("l-a", "l-b", "l-c"), t0, lock(api.LockMutex, 1, 5)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, queue.Prune(old, c.dead, c.now)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStand(t *testing.T) {
	leader := ticket("a", 3, 1, true)
	cases := []struct {
		name string
		l    *api.Lock
		want api.Election
	}{
		{"never held", nil, api.Election{}},
		{"nobody leads", lock(api.LockElection, 1, 7), api.Election{Name: "x", Term: 7}},
		{
			"a leader and two candidates", lock(api.LockElection, 1, 5, leader, ticket("b", 4, 1, false), ticket("c", 5, 1, false)),
			api.Election{Name: "x", Term: 3, Leader: &leader, Candidates: 2},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, queue.Stand(c.l)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
