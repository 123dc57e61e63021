package registry_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

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
