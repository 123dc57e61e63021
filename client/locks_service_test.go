package client_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// quick is lease timing that lets a test see a lease run out.
var quick = lease.Timing{Renew: 100 * time.Millisecond, Hold: 800 * time.Millisecond, Challenge: 1200 * time.Millisecond}

// unhurried is for tests in which nobody dies: a machine that stands still for a second takes nothing from anybody.
var unhurried = lease.Timing{Renew: 200 * time.Millisecond, Hold: 10 * time.Second, Challenge: 12 * time.Second}

// coordinated is NATS with a registry and replicas of coordination.
type coordinated struct {
	url  string
	stop []func() // of each replica of coordination
	cut  []func() // ends its connection, so that it dies without a word
	end  func()
}

func startCoordinated(ctx context.Context, url string, replicas int, timing lease.Timing) (*coordinated, error) {
	c := &coordinated{url: url}
	var ends []func()
	c.end = func() {
		for _, f := range slices.Backward(ends) {
			f()
		}
	}
	quit := func(stop func(context.Context) error) func() {
		return sync.OnceFunc(func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			_ = stop(ctx)
		})
	}
	for i := range replicas + 1 {
		conn, err := rpc.Dial(ctx, rpc.Options{URL: url})
		if err != nil {
			c.end()
			return nil, err
		}
		ends = append(ends, conn.Close)
		if i == 0 {
			r, err := registry.Start(ctx, conn, registry.Config{Timing: timing})
			if err != nil {
				c.end()
				return nil, err
			}
			ends = append(ends, quit(r.Stop))
			continue
		}
		s, err := coordination.Start(ctx, conn, coordination.Config{Timing: timing})
		if err != nil {
			c.end()
			return nil, err
		}
		c.stop, c.cut = append(c.stop, quit(s.Stop)), append(c.cut, conn.Close)
		ends = append(ends, c.stop[i-1])
	}
	return c, nil
}

func coordinate(t *testing.T, replicas int) *coordinated {
	t.Helper()
	return coordinateWith(t, replicas, unhurried)
}

func coordinateWith(t *testing.T, replicas int, timing lease.Timing) *coordinated {
	t.Helper()
	c, err := startCoordinated(within(t, patience), natstest.Start(t).URL(), replicas, timing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	return c
}

// join returns a client with a lease.
func (c *coordinated) join(t *testing.T) (*client.Client, *client.Lease) {
	t.Helper()
	cl, err := client.Connect(t.Context(), client.Options{URL: c.url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl, openLease(t, cl)
}

// joined has a client with a lease do something, and another one when the machine stood still for longer than the lease is held.
func (c *coordinated) joined(t *testing.T, do func(*client.Client, *client.Lease) error) {
	t.Helper()
	for until := time.Now().Add(2 * patience); ; {
		cl, l := c.join(t)
		err := do(cl, l)
		if err == nil {
			return
		}
		if api.ReasonOf(err) != api.ReasonLeaseLost || time.Now().After(until) {
			t.Fatal(err)
		}
		l.Close()
	}
}

func TestMutualExclusion(t *testing.T) {
	w := coordinate(t, 2)
	var inside, most atomic.Int64
	var mu sync.Mutex
	var tokens []uint64
	var all sync.WaitGroup
	for range 4 {
		c, l := w.join(t)
		for range 3 {
			all.Go(func() {
				for range 5 {
					err := c.Locks.Do(within(t, patience), l, api.LockAcquireRequest{Name: "m"}, func(_ context.Context, token uint64) error {
						n := inside.Add(1)
						if n > most.Load() {
							most.Store(n)
						}
						mu.Lock()
						tokens = append(tokens, token)
						mu.Unlock()
						inside.Add(-1)
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if most.Load() != 1 || len(tokens) != 60 || !slices.IsSorted(tokens) {
		t.Errorf("%d at once; %d tokens: %v", most.Load(), len(tokens), tokens)
	}
}

func TestKindsOfLocks(t *testing.T) {
	w := coordinate(t, 1)
	c, l := w.join(t)
	take := func(req api.LockAcquireRequest) *client.Held {
		t.Helper()
		h, err := c.Locks.Try(within(t, patience), l, req)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	refused := func(req api.LockAcquireRequest, reason string) {
		t.Helper()
		if _, err := c.Locks.Try(within(t, patience), l, req); api.ReasonOf(err) != reason {
			t.Fatalf("got %v, want %s", err, reason)
		}
	}
	m := api.LockAcquireRequest{Name: "m"}
	held := take(m)
	refused(m, api.ReasonLockHeld)
	refused(api.LockAcquireRequest{Name: "m", Kind: api.LockRW}, api.ReasonLockKind)
	read, write := api.LockAcquireRequest{Name: "rw", Kind: api.LockRW, Shared: true}, api.LockAcquireRequest{Name: "rw", Kind: api.LockRW}
	r1, r2 := take(read), take(read)
	refused(write, api.ReasonLockHeld)
	for _, h := range []*client.Held{r1, r2} {
		if err := h.Release(within(t, patience)); err != nil {
			t.Fatal(err)
		}
	}
	take(write)
	refused(read, api.ReasonLockHeld)
	sem := api.LockAcquireRequest{Name: "s", Kind: api.LockSemaphore, Capacity: 3, Permits: 2}
	take(sem)
	refused(sem, api.ReasonLockHeld)
	sem.Permits = 1
	take(sem)

	names := []string{}
	for lock, err := range c.Locks.All(within(t, patience), api.LocksListRequest{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, lock.Name)
	}
	if !slices.Equal(names, []string{"m", "rw", "s"}) {
		t.Errorf("got %v", names)
	}
	got, err := c.Locks.Get(within(t, patience), "m")
	if err != nil || len(got.Tickets) != 1 || got.Tickets[0].ID != held.Ticket || got.Tickets[0].Token != held.Token || !got.Tickets[0].Granted {
		t.Errorf("got %+v, %v", got, err)
	}
	// The wait is over before the context is.
	_, err = c.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "m", Wait: api.Duration(50 * time.Millisecond)})
	if api.ReasonOf(err) != api.ReasonLockHeld {
		t.Errorf("got %v", err)
	}
	if _, err = c.Locks.Acquire(within(t, 3*time.Second), l, m); api.ReasonOf(err) != api.ReasonLockHeld {
		t.Errorf("got %v", err)
	}
	if got, err = c.Locks.Get(within(t, patience), "m"); err != nil || len(got.Tickets) != 1 {
		t.Errorf("a place was left behind: %+v, %v", got, err)
	}
}

// Whoever waits at a replica that stops, or dies without a word, goes on waiting at another, in its place.
func TestWaitersOutliveAReplica(t *testing.T) {
	t.Run("that stops", func(t *testing.T) { t.Parallel(); outlive(t, func(w *coordinated) { w.stop[0]() }) })
	t.Run("that dies", func(t *testing.T) { t.Parallel(); outlive(t, func(w *coordinated) { w.cut[0]() }) })
}

func outlive(t *testing.T, end func(*coordinated)) {
	w := coordinate(t, 2)
	c, l := w.join(t)
	held, err := c.Locks.Try(within(t, patience), l, api.LockAcquireRequest{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	const waiters = 6
	ctx, order := within(t, 4*patience), make(chan int, waiters)
	var all sync.WaitGroup
	for i := range waiters {
		all.Go(func() {
			if err := c.Locks.Do(ctx, l, api.LockAcquireRequest{Name: "m"}, func(context.Context, uint64) error { order <- i; return nil }); err != nil {
				t.Error(err)
			}
		})
		natstest.Eventually(t, patience, func() bool {
			lock, err := c.Locks.Get(ctx, "m")
			return err == nil && len(lock.Tickets) == i+2
		}, "waiter %d is in the queue", i)
	}
	end(w)
	if err := held.Release(ctx); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	close(order)
	i := 0
	for got := range order {
		if got != i {
			t.Errorf("%d where %d belongs", got, i)
		}
		i++
	}
}

// A restart of NATS, over which answers are lost, takes nobody's place.
func TestWaitersOutliveARestartOfNATS(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	w, err := startCoordinated(within(t, patience), srv.URL(), 2, unhurried)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	c, l := w.join(t)
	ctx := within(t, 3*patience)
	held, err := c.Locks.Try(ctx, l, api.LockAcquireRequest{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	const waiters = 4
	turn := make(chan struct{})
	var order []int
	var all sync.WaitGroup
	for i := range waiters {
		all.Go(func() {
			err := c.Locks.Do(ctx, l, api.LockAcquireRequest{Name: "m"}, func(context.Context, uint64) error {
				order = append(order, i) // the lock guards it
				if i%2 == 0 {
					turn <- struct{}{}
					<-turn
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
		natstest.Eventually(t, patience, func() bool {
			lock, err := c.Locks.Get(ctx, "m")
			return err == nil && len(lock.Tickets) == i+2
		}, "waiter %d is in the queue", i)
	}
	if err := held.Release(ctx); err != nil {
		t.Fatal(err)
	}
	for range waiters / 2 { // while the others wait, and one is about to release
		select {
		case <-turn:
		case <-ctx.Done():
			t.Fatal("nobody gets the lock")
		}
		srv.Restart(t)
		turn <- struct{}{}
	}
	all.Wait()
	if !slices.Equal(order, []int{0, 1, 2, 3}) {
		t.Errorf("got %v", order)
	}
}

// What a client holds that says no goodbye is free when its lease is declared dead.
func TestLocksOfTheDead(t *testing.T) {
	w := coordinateWith(t, 1, quick)
	var h *client.Held
	var lead *client.Leadership
	w.joined(t, func(dead *client.Client, l *client.Lease) (err error) {
		if h, err = dead.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "m"}); err == nil {
			lead, err = dead.Elections.Campaign(within(t, patience), l, "e", map[string]string{"at": "here"})
		}
		if err == nil {
			dead.Close()
		}
		return err
	})
	var next *client.Held
	w.joined(t, func(c *client.Client, l *client.Lease) (err error) {
		next, err = c.Locks.Acquire(within(t, patience), l, api.LockAcquireRequest{Name: "m"})
		return err
	})
	if h.Err() == nil || h.Context().Err() == nil || lead.Err() == nil {
		t.Error("two hold it")
	}
	if next.Token <= h.Token {
		t.Errorf("token %d after %d", next.Token, h.Token)
	}
}
