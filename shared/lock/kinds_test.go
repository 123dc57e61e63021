package lock_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/lock"
	"github.com/mabus-project/mabus/shared/natstest"
)

func TestReadersAndWriters(t *testing.T) {
	r := start(t)
	ctx := within(t, 30*time.Second)
	read := lock.Request{Name: "rw", Kind: api.LockRW, Wait: time.Minute}
	write := lock.Request{Name: "rw", Kind: api.LockRW, Takes: api.MaxLockCapacity, Wait: time.Minute}
	one, two := r.acquire(t, read), r.acquire(t, read)
	writer := r.later(ctx, write)
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "rw") == 3 }, "the writer waits")
	three := r.later(ctx, read)
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "rw") == 4 }, "a reader waits behind the writer")
	r.release(t, one)
	if len(writer) > 0 || len(three) > 0 {
		t.Fatal("somebody was let in beside a reader, or before the writer")
	}
	r.release(t, two)
	got := <-writer
	if got.err != nil || len(three) > 0 {
		t.Fatalf("writer: %v, reader behind it in: %d", got.err, len(three))
	}
	r.release(t, got.grant)
	if got := <-three; got.err != nil {
		t.Fatal(got.err)
	}
	_, err := r.try(ctx, lock.Request{Name: "rw"})
	wantError(t, err, api.Conflict, api.ReasonLockKind)
}

func TestSemaphore(t *testing.T) {
	r := start(t)
	ctx := within(t, 30*time.Second)
	ask := func(n int) lock.Request {
		return lock.Request{Name: "s", Kind: api.LockSemaphore, Capacity: 5, Takes: n, Wait: time.Minute}
	}
	two, three := r.acquire(t, ask(2)), r.acquire(t, ask(3))
	four := r.later(ctx, ask(4))
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "s") == 3 }, "four permits are waited for")
	one := r.later(ctx, ask(1))
	natstest.Eventually(t, 10*time.Second, func() bool { return r.tickets(t, "s") == 4 }, "one more is waited for")
	r.release(t, two)
	if len(four) > 0 || len(one) > 0 {
		t.Fatal("somebody was served who does not fit, or before his turn")
	}
	r.release(t, three)
	for _, c := range []<-chan outcome{four, one} {
		if got := <-c; got.err != nil {
			t.Fatal(got.err)
		}
	}
	for name, bad := range map[string]lock.Request{
		"more than there is": ask(6),
		"less than one":      ask(-1),
		"no capacity":        {Name: "s2", Kind: api.LockSemaphore, Capacity: -1},
		"too much":           {Name: "s2", Kind: api.LockSemaphore, Capacity: api.MaxLockCapacity + 1},
		"no name":            {},
		"a bad name":         {Name: "a.b"},
		"a bad ticket":       {Name: "a", Ticket: "*"},
		"a negative wait":    {Name: "a", Wait: -1},
		"much data":          {Name: "a", Data: make([]byte, api.MaxLockData+1)},
	} {
		if _, err := r.try(ctx, bad); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: got %v, want invalid", name, err)
		}
	}
}

func TestElection(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	ctx := within(t, 30*time.Second)
	observe := func(after uint64, wait time.Duration) *api.Election {
		t.Helper()
		e, err := b.Observe(ctx, "e", after, wait)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := observe(0, time.Millisecond); e.Leader != nil || e.Term != 0 || e.Candidates != 0 || e.Name != "e" {
		t.Fatalf("nobody stands: got %+v", e)
	}
	campaign := func(addr string) lock.Request {
		return lock.Request{Name: "e", Kind: api.LockElection, Data: []byte(`{"addr":"` + addr + `"}`), Wait: time.Minute}
	}
	first := a.acquire(t, campaign("a"))
	if e := observe(0, 0); e.Term != first.Token || e.Leader == nil || string(e.Leader.Data) != `{"addr":"a"}` {
		t.Fatalf("got %+v", e)
	}
	next := a.later(ctx, campaign("b"))
	natstest.Eventually(t, 10*time.Second, func() bool { return observe(0, 0).Candidates == 1 }, "there is a candidate")
	seen := make(chan *api.Election, 1)
	go func() {
		e, _ := b.Observe(ctx, "e", first.Token, time.Minute)
		seen <- e
	}()
	natstest.Eventually(t, 10*time.Second, func() bool { return b.Lines() == 1 }, "somebody observes")
	a.release(t, first)
	second := <-next
	if second.err != nil {
		t.Fatal(second.err)
	}
	if e := <-seen; e == nil || e.Term != second.grant.Token || e.Term <= first.Token || string(e.Leader.Data) != `{"addr":"b"}` {
		t.Fatalf("got %+v, want term %d", e, second.grant.Token)
	}
	a.release(t, second.grant)
	if e := observe(0, 0); e.Leader != nil || e.Term != second.grant.Token {
		t.Fatalf("an empty throne: got %+v", e)
	}
	if e := observe(second.grant.Token, 20*time.Millisecond); e.Leader != nil {
		t.Fatalf("got %+v", e)
	}
	_, err := b.Observe(within(t, 20*time.Millisecond), "e", second.grant.Token, time.Minute)
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	b.acquire(t, lock.Request{Name: "e"})
	if e := observe(0, 0); e.Leader != nil {
		t.Fatalf("a mutex leads: %+v", e)
	}
}

func TestList(t *testing.T) {
	s := natstest.Start(t)
	a, b := open(t, s.Connect(t), 1, lease.Timing{}), open(t, s.Connect(t), 1, lease.Timing{})
	ctx := within(t, 30*time.Second)
	var last *api.LockGrant
	for _, name := range []string{"d", "b", "a", "c", "e"} {
		req := lock.Request{Name: name, Owner: "ann"}
		if name == "c" {
			req.Kind, req.Owner = api.LockElection, "bob"
		}
		last = a.acquire(t, req)
	}
	list := func(r api.LocksListRequest) (names string, p *api.LocksListResponse) {
		t.Helper()
		p, err := b.List(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range p.Locks {
			names += l.Name
			if len(l.Tickets) != 1 || l.Tickets[0].Token == 0 || l.Last != l.Tickets[0].Token || l.Revision == "" {
				t.Errorf("got %+v", l)
			}
		}
		return names, p
	}
	names, p := list(api.LocksListRequest{Limit: 2, MinRevision: last.Revision})
	more, q := list(api.LocksListRequest{Limit: 2, Cursor: p.Next})
	rest, end := list(api.LocksListRequest{Limit: 2, Cursor: q.Next})
	if names+more+rest != "abcde" || end.Next != "" || p.Revision == "" {
		t.Fatalf("got %s, %s, %s, then %q", names, more, rest, end.Next)
	}
	if names, _ := list(api.LocksListRequest{Kind: api.LockElection}); names != "c" {
		t.Errorf("elections: got %s", names)
	}
	if names, _ := list(api.LocksListRequest{Owner: "ann"}); names != "abde" {
		t.Errorf("ann's: got %s", names)
	}
	if err := a.Release(ctx, "e", last.Ticket, "ann"); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, 10*time.Second, func() bool { n, _ := list(api.LocksListRequest{}); return n == "abcd" }, "an empty lock is not listed")
	_, err := b.List(ctx, api.LocksListRequest{MinRevision: "junk"})
	wantError(t, err, api.Invalid, api.ReasonMalformed)
}
