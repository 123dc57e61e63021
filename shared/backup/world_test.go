package backup_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// system is the services on one server, and a client of them.
type system struct {
	*client.Client
	stop func()
}

// run starts the services that have stores which refer to one another.
func run(t testing.TB, url string, replicas int) *system {
	t.Helper()
	services := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: "0.0.1", Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{Version: "0.0.1", Operators: []string{"operator"}, Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{Modules: []agent.Module{echo.Module}}),
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		done <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: url, Replicas: replicas}, Version: "0.0.1", OnReady: func(*rpc.Conn) { once.Do(func() { close(ready) }) },
		}, services)
	}()
	var ended sync.Once
	stop := func() { ended.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatalf("the services ended: %v", err)
	case <-time.After(3 * patience):
		t.Fatal("the services do not start")
	}
	c, err := client.Connect(t.Context(), client.Options{URL: url, Principal: "operator", Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &system{c, stop}
}

// load writes to every part of a namespace, and remembers what was acknowledged.
type load struct {
	t       testing.TB
	stopped atomic.Bool
	wg      sync.WaitGroup

	mu     sync.Mutex
	paid   int64 // micro-units that alice has sent to bob and were acknowledged
	counts int64
	tasks  []string
	agents []string
	failed int
}

const minted = 1_000_000

func start(t testing.TB, s *system) *load {
	t.Helper()
	l := &load{t: t}
	ctx := within(t)
	natstest.Eventually(t, patience, func() bool {
		_, err := s.Ledger.Mint(ctx, api.MintRequest{To: api.Account("alice", "", ""), Amount: minted})
		return err == nil
	}, "the ledger mints")
	alice, err := client.Connect(t.Context(), client.Options{URL: s.Conn().NC.ConnectedUrl(), Principal: "alice", Name: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(alice.Close)
	l.loop(func(ctx context.Context, n int) error {
		_, err := alice.Ledger.Transfer(ctx, api.TransferRequest{From: api.Account("alice", "", ""), To: api.Account("bob", "", ""), Amount: 1})
		if err == nil {
			l.mu.Lock()
			l.paid++
			l.mu.Unlock()
		}
		return err
	})
	l.loop(func(ctx context.Context, n int) error {
		c, err := s.Counters.Add(ctx, "c", 1)
		if err == nil {
			l.mu.Lock()
			l.counts = max(l.counts, c.Value)
			l.mu.Unlock()
		}
		return err
	})
	l.loop(func(ctx context.Context, n int) error {
		id := fmt.Sprintf("t%d", n)
		_, err := s.Tasks.Submit(ctx, api.TaskSpec{ID: id, Capability: "echo", Payload: []byte(`{}`)})
		if err == nil {
			l.mu.Lock()
			l.tasks = append(l.tasks, id)
			l.mu.Unlock()
		}
		return err
	})
	l.loop(func(ctx context.Context, n int) error {
		id := fmt.Sprintf("a%d", n)
		_, err := s.Agents.Register(ctx, api.AgentSpec{ID: id, Type: "x"})
		if err == nil {
			l.mu.Lock()
			l.agents = append(l.agents, id)
			l.mu.Unlock()
		}
		return err
	})
	natstest.Eventually(t, patience, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.paid > 20 && l.counts > 20 && len(l.tasks) > 20 && len(l.agents) > 20
	}, "work is done")
	return l
}

func (l *load) loop(f func(ctx context.Context, n int) error) {
	l.wg.Go(func() {
		for n := 0; !l.stopped.Load(); n++ {
			ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Second)
			err := f(ctx, n)
			cancel()
			if err != nil {
				l.mu.Lock()
				l.failed++
				l.mu.Unlock()
			}
		}
	})
}

// acknowledged is a copy of what was so far.
func (l *load) acknowledged() *load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &load{t: l.t, paid: l.paid, counts: l.counts, tasks: append([]string(nil), l.tasks...), agents: append([]string(nil), l.agents...)}
}

func (l *load) end() *load {
	l.stopped.Store(true)
	l.wg.Wait()
	return l.acknowledged()
}

// judge compares what a system has with what was acknowledged before some moment and, when it is known, in all.
func (l *load) judge(s *system, all *load) {
	t := l.t
	t.Helper()
	var audit *api.AuditResponse
	natstest.Eventually(t, patience, func() bool {
		var err error
		audit, err = s.Ledger.Audit(within(t))
		return err == nil
	}, "the ledger answers")
	if !audit.Agree {
		t.Errorf("the ledger does not agree: %s", audit.Fault)
	}
	a, errA := s.Ledger.Account(within(t), api.Account("alice", "", ""))
	b, errB := s.Ledger.Account(within(t), api.Account("bob", "", ""))
	if errA != nil || errB != nil {
		t.Fatal(errors.Join(errA, errB))
	}
	if sum := int64(a.Available + b.Available); sum != minted {
		t.Errorf("there are %d in all", sum)
	}
	if int64(b.Available) < l.paid || int64(b.Available) > all.paid+int64(all.failed) {
		t.Errorf("%d were paid; %d before and %d in all were acknowledged", b.Available, l.paid, all.paid)
	}
	entries := 0
	for _, err := range s.Ledger.Statement(within(t), api.Account("bob", "", ""), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		entries++
	}
	if int64(entries) != int64(b.Available) {
		t.Errorf("the statement has %d entries", entries)
	}
	c, err := s.Counters.Get(within(t), "c")
	if err != nil || c.Value < l.counts {
		t.Errorf("the counter is %+v, was %d: %v", c, l.counts, err)
	}
	for _, id := range l.agents {
		if _, err := s.Agents.Get(within(t), api.GetRequest{ID: id}); err != nil {
			t.Fatalf("agent %s: %v", id, err)
		}
	}
	worker := api.AgentSpec{ID: "worker", Capabilities: []string{"echo"}, Module: "echo"}
	if _, err := s.Agents.Start(within(t), api.AgentStartRequest{Agent: &worker}); err != nil {
		t.Fatal(err)
	}
	for _, id := range l.tasks {
		natstest.Eventually(t, patience, func() bool {
			task, err := s.Tasks.Get(within(t), api.TaskGetRequest{ID: id})
			return err == nil && task.Status == api.TaskSucceeded
		}, "task %s is done", id)
	}
}
