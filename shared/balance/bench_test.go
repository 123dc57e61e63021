package balance_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// fleet returns a picker with n equal members that have run for a while.
func fleet(t testing.TB, n int, change func(*api.BalanceConfig)) *balance.Picker {
	t.Helper()
	cfg := api.CallerBalanceConfig()
	if change != nil {
		change(&cfg)
	}
	p, err := balance.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		p.Put(balance.Member{
			ID: fmt.Sprintf("agent-%05d", i), Capabilities: []string{"all", fmt.Sprintf("one-in-ten-%d", i%10)}, Host: fmt.Sprintf("host-%d", i%50), Warm: true,
		}, 0)
	}
	return p
}

func BenchmarkPick(b *testing.B) {
	for _, strategy := range api.BalanceStrategies {
		for _, n := range []int{100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", strategy, n), func(b *testing.B) {
				p := fleet(b, n, func(c *api.BalanceConfig) { c.Strategy = strategy })
				b.ReportAllocs()
				rnd := rand.New(rand.NewPCG(1, 2))
				now := time.Duration(0)
				required := []string{"all"}
				for b.Loop() {
					now += 10 * time.Microsecond
					k, err := p.Pick(balance.Request{Capabilities: required, Key: "key", Strategy: strategy, Now: now}, rnd.Uint64())
					if err != nil {
						b.Fatal(err)
					}
					p.Done(k, balance.Outcome{Now: now, Latency: time.Millisecond})
				}
			})
		}
	}
}

// BenchmarkPickAlone is the choice alone, with all thresholds on and every load told.
func BenchmarkPickAlone(b *testing.B) {
	p := fleet(b, 10_000, func(c *api.BalanceConfig) { *c = api.DefaultBalanceConfig(); c.MaxActive = 0 })
	for i := range 50 {
		p.ObserveHost(fmt.Sprintf("host-%d", i), balance.HostLoad{CPU: 0.5, Memory: 0.5}, 0)
	}
	for i := range 10_000 {
		p.Observe(fmt.Sprintf("agent-%05d", i), balance.Load{Active: i % 5, Latency: time.Millisecond}, 0)
	}
	b.ReportAllocs()
	rnd := rand.New(rand.NewPCG(1, 2))
	required := []string{"all"}
	for b.Loop() {
		if _, err := p.Pick(balance.Request{Capabilities: required, Now: time.Second}, rnd.Uint64()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPickTogether(b *testing.B) {
	p := fleet(b, 10_000, nil)
	required := []string{"all"}
	var seed atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		rnd := rand.New(rand.NewPCG(seed.Add(1), 2))
		for pb.Next() {
			k, err := p.Pick(balance.Request{Capabilities: required, Now: time.Second}, rnd.Uint64())
			if err != nil {
				b.Error(err)
				return
			}
			p.Done(k, balance.Outcome{Now: time.Second, Latency: time.Millisecond})
		}
	})
}
