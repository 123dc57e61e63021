package registry_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// benchmark runs op from 64 callers against one replica that knows 1000 agents.
func benchmark(b *testing.B, op func(ctx context.Context, c *rpc.Conn, n int64) error) {
	srv := natstest.Start(b)
	var conns [2]*rpc.Conn
	for i := range conns {
		var err error
		if conns[i], err = rpc.Dial(b.Context(), rpc.Options{URL: srv.URL()}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(conns[i].Close)
	}
	s, err := registry.Start(b.Context(), conns[0], registry.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Stop(context.WithoutCancel(b.Context())) })
	c, many := conns[1], &api.AgentsRegisterManyRequest{}
	for n := range 1000 {
		many.Agents = append(many.Agents, api.AgentSpec{ID: fmt.Sprintf("agent-%d", n), Capabilities: []string{"sum", fmt.Sprintf("cap-%d", n%100)}})
	}
	if _, err := rpc.Call(b.Context(), c, api.AgentsRegisterMany, many); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := op(b.Context(), c, n.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// BenchmarkTakeUp has eight hosts claim all agents of a lost one, each its share in batches of 250: run it with
// -benchtime 10000x.
func BenchmarkTakeUp(b *testing.B) {
	for _, replicas := range []int{1, 3} {
		b.Run(fmt.Sprintf("replicas=%d", replicas), func(b *testing.B) { benchmarkTakeUp(b, replicas) })
	}
}

func benchmarkTakeUp(b *testing.B, replicas int) {
	const hosts, batch = 8, 250
	srv := natstest.StartProcess(b)
	conns := make([]*rpc.Conn, replicas+1)
	for i := range conns {
		var err error
		if conns[i], err = rpc.Dial(b.Context(), rpc.Options{URL: srv.URL()}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(conns[i].Close)
	}
	c := conns[replicas]
	for _, conn := range conns[:replicas] {
		s, err := registry.Start(b.Context(), conn, registry.Config{TakeUp: time.Hour})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = s.Stop(context.WithoutCancel(b.Context())) })
	}
	leases := map[string]*api.Lease{}
	for n := range hosts + 1 {
		id := fmt.Sprintf("l%d", n)
		l, err := rpc.Call(b.Context(), c, api.LeasesAcquire, &api.LeaseAcquireRequest{ID: id})
		if err != nil {
			b.Fatal(err)
		}
		leases[id] = l
	}
	many := make([]api.AgentsTransitionManyRequest, 0, b.N/batch+1)
	for from := 0; from < b.N; from += batch {
		var specs api.AgentsRegisterManyRequest
		var lost, over api.AgentsTransitionManyRequest
		for n := from; n < min(from+batch, b.N); n++ {
			id := fmt.Sprintf("agent-%d", n)
			specs.Agents = append(specs.Agents, api.AgentSpec{ID: id, Module: "echo", Capabilities: []string{"sum"}})
			lost.Transitions = append(lost.Transitions, api.AgentTransitionRequest{ID: id, Status: api.AgentStarting, Host: "h0", HostLease: "l0"})
			host := 1 + len(many)%hosts
			claim := takeUp(id, fmt.Sprintf("h%d", host), fmt.Sprintf("l%d", host), "tag")
			claim.Epoch = 1
			over.Transitions = append(over.Transitions, claim)
		}
		many = append(many, over)
		if _, err := rpc.Call(b.Context(), c, api.AgentsRegisterMany, &specs); err != nil {
			b.Fatal(err)
		}
		if _, err := rpc.Call(b.Context(), c, api.AgentsTransitionMany, &lost); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := rpc.Call(b.Context(), c, api.LeasesRelease, &api.LeaseRenewRequest{ID: "l0", Token: leases["l0"].Token}); err != nil {
		b.Fatal(err)
	}
	// Every replica must have seen the lease end; what it has not is refused and asked for again.
	b.ResetTimer()
	var group errgroup.Group
	var again atomic.Int64
	for host := range hosts {
		group.Go(func() error {
			for i := host; i < len(many); i += hosts {
				for req := &many[i]; len(req.Transitions) > 0; {
					resp, err := rpc.Call(b.Context(), c, api.AgentsTransitionMany, req)
					if err != nil {
						return err
					}
					var left []api.AgentTransitionRequest
					for n, r := range resp.Results {
						if r.Error != nil {
							left = append(left, req.Transitions[n])
						}
					}
					again.Add(int64(len(left)))
					req.Transitions = left
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "claims/s")
	b.ReportMetric(float64(again.Load()), "refused")
}

func BenchmarkRegister(b *testing.B) {
	benchmark(b, func(ctx context.Context, c *rpc.Conn, n int64) error {
		_, err := rpc.Call(ctx, c, api.AgentsRegister, &api.AgentSpec{ID: fmt.Sprintf("new-%d", n), Capabilities: []string{"sum"}})
		return err
	})
}

func BenchmarkGet(b *testing.B) {
	benchmark(b, func(ctx context.Context, c *rpc.Conn, n int64) error {
		_, err := rpc.Call(ctx, c, api.AgentsGet, &api.GetRequest{ID: fmt.Sprintf("agent-%d", n%1000)})
		return err
	})
}

func BenchmarkListByCapability(b *testing.B) {
	benchmark(b, func(ctx context.Context, c *rpc.Conn, n int64) error {
		_, err := rpc.Call(ctx, c, api.AgentsList, &api.AgentsListRequest{Capabilities: []string{"sum", fmt.Sprintf("cap-%d", n%100)}})
		return err
	})
}
