package soak_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// ring is how many names of agents, locks and primitives are used, one after the other: their traces stay for an hour, by design, so that new names
// all the time would only show those.
const ring = 32

// piece is one kind of work, done over and over.
type piece struct {
	name string
	do   func(ctx context.Context, n int) error
	rest time.Duration // after a round, at least: where processes are started
}

// staff are the clients of the work that know one another.
type staff struct {
	*world
	seller, buyer *client.Client
	lease         *client.Lease
	program       string        // of exec agents
	endpoint      string        // of http agents
	pause         time.Duration // between two rounds of a kind of work

	gate sync.RWMutex // held for writing while somebody looks
	done sync.Map     // counts by kind of work
}

const credit = 1_000_000

func newStaff(t *testing.T, pause time.Duration) *staff {
	t.Helper()
	s := &staff{world: newWorld(t), pause: pause}
	s.seller, s.buyer = s.connect(t, "seller"), s.connect(t, "buyer")
	ctx := t.Context()
	for _, id := range []string{"m1", "m2", "m3"} {
		must(t, s.c.Agents.Start, ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: "echo", Capabilities: []string{"echo"}}})
	}
	if _, err := s.seller.Ledger.CreateAsset(ctx, "gold", "what is sold"); err != nil {
		t.Fatal(err)
	}
	must(t, s.seller.Ledger.Mint, ctx, api.MintRequest{To: "seller/main/gold", Amount: 1 << 40})
	must(t, s.c.Ledger.Mint, ctx, api.MintRequest{To: "buyer/main/credit", Amount: 1 << 40})
	must(t, s.c.Ledger.Mint, ctx, api.MintRequest{To: "seller/main/credit", Amount: credit})
	var err error
	if s.lease, err = s.c.OpenLease(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.lease.Close)
	s.fleet(t)
	return s
}

func must[Req, Resp any](t *testing.T, f func(context.Context, Req) (Resp, error), ctx context.Context, r Req) Resp { //nolint:revive // it reads as the call does
	t.Helper()
	resp, err := f(ctx, r)
	if err != nil {
		t.Fatalf("%+v: %v", r, err)
	}
	return resp
}

func (s *staff) pieces() []piece {
	return []piece{
		{name: "agents", do: s.agents},
		{name: "messages", do: s.messages},
		{name: "tasks", do: s.tasks},
		{name: "locks", do: s.locks},
		{name: "primitives", do: s.primitives},
		{name: "sessions", do: s.sessions},
		{name: "auctions", do: s.auctions},
		{name: "transfers", do: s.transfers},
		{name: "events", do: s.events},
		{name: "metrics", do: s.metrics},
		{name: "configuration", do: s.configuration},
		{name: "secrets", do: s.secrets},
		{name: "jobs", do: s.jobs, rest: 250 * time.Millisecond},
		{name: "endpoints", do: s.endpoints},
		{name: "budgets", do: s.budgets},
		{name: "clients", do: s.clients},
		{name: "large bodies", do: s.large},
	}
}

// work does every kind of work until ctx ends, and returns the first error.
func (s *staff) work(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, p := range s.pieces() {
		count := new(atomic.Int64)
		s.done.Store(p.name, count)
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				s.gate.RLock()
				round, end := context.WithTimeout(context.WithoutCancel(ctx), patience)
				err := p.do(round, n)
				end()
				s.gate.RUnlock()
				if err != nil {
					cancel(fmt.Errorf("%s, round %d: %w", p.name, n, err))
					return
				}
				count.Add(1)
				select {
				case <-ctx.Done():
				case <-time.After(max(s.pause, p.rest)):
				}
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

func name(what string, n int) string { return fmt.Sprintf("%s-%d", what, n%ring) }

func (s *staff) agents(ctx context.Context, n int) error {
	id := name("agent", n)
	if _, err := s.c.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: "echo", Capabilities: []string{"soak"}}}); err != nil {
		return err
	}
	if _, err := s.c.Call(ctx, id, n); err != nil {
		return err
	}
	if _, err := s.c.Agents.Stop(ctx, id); err != nil {
		return err
	}
	_, err := s.c.Agents.Deregister(ctx, id)
	return err
}

func (s *staff) messages(ctx context.Context, n int) error {
	_, err := s.c.Call(ctx, "m1", n)
	return err
}

func (s *staff) tasks(ctx context.Context, n int) error {
	task, err := s.c.Tasks.Submit(ctx, api.TaskSpec{ID: fmt.Sprintf("task-%d", n), Job: "soak", Capability: "echo", Payload: json.RawMessage(`{"n":1}`)})
	if err != nil {
		return err
	}
	done, err := s.c.Tasks.Get(ctx, api.TaskGetRequest{ID: task.ID, Wait: api.Duration(patience)})
	if err == nil && done.Status != api.TaskSucceeded {
		err = fmt.Errorf("task %s is %s", done.ID, done.Status)
	}
	return err
}

func (s *staff) locks(ctx context.Context, n int) error {
	return s.c.Locks.Do(ctx, s.lease, api.LockAcquireRequest{Name: name("lock", n)}, func(context.Context, uint64) error { return nil })
}

func (s *staff) primitives(ctx context.Context, n int) error {
	if _, err := s.c.Counters.Add(ctx, name("counter", n), 1); err != nil {
		return err
	}
	_, err := s.c.Counters.Remove(ctx, name("counter", n))
	return err
}

func (s *staff) sessions(ctx context.Context, n int) error {
	x, err := s.c.Sessions.Run(ctx, api.SessionStartRequest{
		ID: fmt.Sprintf("session-%d", n), Type: api.SessionAnnouncement, Members: []string{"m1", "m2", "m3"}, Question: json.RawMessage(`"hear"`), Timeout: api.Duration(patience),
	})
	if err == nil && x.State != api.SessionCompleted {
		err = fmt.Errorf("session %s is %s: %s", x.ID, x.State, x.Reason)
	}
	return err
}

func (s *staff) auctions(ctx context.Context, n int) error {
	id, long := fmt.Sprintf("auction-%d", n), api.Duration(time.Hour)
	if _, err := s.seller.Auctions.Create(ctx, api.AuctionSpec{ID: id, Type: api.AuctionEnglish, Asset: "gold", Increment: 1, Duration: &long}); err != nil {
		return err
	}
	if _, err := s.buyer.Auctions.Bid(ctx, id, credit); err != nil {
		return err
	}
	x, err := s.seller.Auctions.Close(ctx, id)
	if err == nil && (x.Outcome == nil || len(x.Outcome.Awards) != 1) {
		err = fmt.Errorf("auction %s is %s and was not sold", id, x.State)
	}
	return err
}

func (s *staff) transfers(ctx context.Context, _ int) error {
	if _, err := s.seller.Ledger.Transfer(ctx, api.TransferRequest{From: "seller/main/credit", To: "buyer/main/credit", Amount: 1}); err != nil {
		return err
	}
	_, err := s.buyer.Ledger.Transfer(ctx, api.TransferRequest{From: "buyer/main/credit", To: "seller/main/credit", Amount: 1})
	return err
}

func (s *staff) events(ctx context.Context, _ int) error {
	_, err := s.c.Events.Append(ctx, api.Event{Type: "soak.round"})
	return err
}

func (s *staff) metrics(ctx context.Context, n int) error {
	return s.c.Metrics.Record(ctx, api.MetricRecord{Metric: "rounds", ID: name("source", n), Value: new(api.Measure)})
}

func (s *staff) budgets(ctx context.Context, n int) error {
	if _, err := s.c.Budgets.Set(ctx, api.BudgetSetRequest{Scope: api.BudgetJob, ID: name("job", n), Cap: credit}); err != nil {
		return err
	}
	return s.c.Budgets.Remove(ctx, api.BudgetKey{Scope: api.BudgetJob, ID: name("job", n)})
}

// clients connects one that measures itself, looks, holds a lock and goes.
func (s *staff) clients(ctx context.Context, n int) error {
	c, err := client.Connect(ctx, client.Options{URL: s.url, Principal: "guest"})
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := c.OpenLease(ctx)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := c.Locks.Do(ctx, l, api.LockAcquireRequest{Name: name("lock", n)}, func(context.Context, uint64) error { return nil }); err != nil {
		return err
	}
	_, err = c.Agents.List(ctx, api.AgentsListRequest{})
	return err
}

// large sends a body that goes by way of the object store.
func (s *staff) large(ctx context.Context, _ int) error {
	_, err := s.c.Call(ctx, "m2", string(make([]byte, 300_000))) // six bytes of JSON each
	return err
}
