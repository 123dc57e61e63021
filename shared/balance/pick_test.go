package balance_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// The reference system gave 500 of 500 assignments to one agent.
func TestAssignmentsSpread(t *testing.T) {
	for _, strategy := range api.BalanceStrategies {
		t.Run(string(strategy), func(t *testing.T) {
			for seed := range uint64(12) {
				p := fleet(t, 100, func(c *api.BalanceConfig) { c.Strategy = strategy })
				rnd := rand.New(rand.NewPCG(seed, 1))
				got := map[string]int{}
				for i := range 500 {
					k, err := p.Pick(balance.Request{Capabilities: []string{"all"}, Key: fmt.Sprint(seed, i), Strategy: strategy}, rnd.Uint64())
					if err != nil {
						t.Fatal(err)
					}
					got[k.ID]++
				}
				for id, n := range got {
					if n > 15 {
						t.Fatalf("seed %d: %s has %d of 500, the mean is 5", seed, id, n)
					}
				}
			}
		})
	}
}

func two(t testing.TB, change func(*api.BalanceConfig)) *balance.Picker {
	t.Helper()
	cfg := api.DefaultBalanceConfig()
	cfg.Shed = true
	if change != nil {
		change(&cfg)
	}
	p, err := balance.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.Put(balance.Member{ID: "a", Host: "ha", Capabilities: []string{"c"}, Limit: 20, Warm: true}, 0)
	p.Put(balance.Member{ID: "b", Host: "hb", Capabilities: []string{"c", "d"}, Limit: 20, Warm: true}, 0)
	return p
}

// Two that are compared are two: where there are no others, the better one is found each time.
func TestOfTwoTheCheaperIsChosenAlways(t *testing.T) {
	p := two(t, nil)
	p.Hint("a", time.Second)
	p.Hint("b", time.Millisecond)
	for seed := range uint64(20_000) {
		k, err := p.Pick(balance.Request{}, seed)
		if err != nil || k.ID != "b" {
			t.Fatalf("seed %d: %s, %v", seed, k.ID, err)
		}
		p.Done(k, balance.Outcome{Unknown: true})
	}
}

// Thresholds are strict: what is exactly at one may be chosen.
func TestThresholds(t *testing.T) {
	quiet := balance.Load{CPU: -1}
	cases := map[string]struct {
		load     balance.Load
		host     balance.HostLoad
		excluded bool
	}{
		"idle":                  {quiet, balance.HostLoad{}, false},
		"processors at 0.9":     {quiet, balance.HostLoad{CPU: 0.9}, false},
		"processors above":      {quiet, balance.HostLoad{CPU: 0.9001}, true},
		"memory at 0.9":         {quiet, balance.HostLoad{Memory: 0.9}, false},
		"memory above":          {quiet, balance.HostLoad{Memory: 0.91}, true},
		"10 messages":           {balance.Load{Active: 1, Waiting: 9, CPU: -1}, balance.HostLoad{}, false},
		"11 messages":           {balance.Load{Active: 1, Waiting: 10, CPU: -1}, balance.HostLoad{}, true},
		"1 GiB of its own":      {balance.Load{MemoryBytes: 1 << 30, CPU: -1}, balance.HostLoad{}, false},
		"a byte more":           {balance.Load{MemoryBytes: 1<<30 + 1, CPU: -1}, balance.HostLoad{}, true},
		"its own processors":    {balance.Load{CPU: 0.91}, balance.HostLoad{CPU: 0.1}, true},
		"not those of the host": {balance.Load{CPU: 0.5}, balance.HostLoad{CPU: 0.95}, false},
		"the host drains":       {quiet, balance.HostLoad{Draining: true}, true},
	}
	for name, c := range cases {
		for _, strategy := range api.BalanceStrategies {
			t.Run(name+", "+string(strategy), func(t *testing.T) {
				p := two(t, func(cfg *api.BalanceConfig) { cfg.Strategy = strategy })
				rnd, n := rand.New(rand.NewPCG(1, 1)), 0
				for i := range 100 {
					p.Observe("a", c.load, 0)
					p.ObserveHost("ha", c.host, 0)
					k, err := p.Pick(balance.Request{Key: fmt.Sprint(i), Strategy: strategy}, rnd.Uint64())
					if err != nil {
						t.Fatal(err)
					}
					if k.ID == "a" {
						n++
					}
					p.Done(k, balance.Outcome{Unknown: true})
				}
				if c.excluded && n > 0 {
					t.Errorf("it was chosen %d times", n)
				}
				if !c.excluded && n == 0 && c.load.Active == 0 && c.host.CPU == 0 && c.host.Memory == 0 && c.load.CPU <= 0 && c.load.MemoryBytes == 0 {
					t.Error("it was never chosen")
				}
				// What is at a threshold is fit when the other is not.
				p.ObserveHost("hb", balance.HostLoad{CPU: 1}, 0)
				p.Observe("b", balance.Load{CPU: 1}, 0)
				k, err := p.Pick(balance.Request{Key: "k", Strategy: strategy}, 1)
				switch {
				case !c.excluded && (err != nil || k.ID != "a"):
					t.Errorf("%s, %v", k.ID, err)
				case c.excluded && c.host.Draining && (err != nil || k.ID != "a"):
					t.Errorf("an agent that is about to move: %s, %v", k.ID, err)
				case c.excluded && !c.host.Draining && api.ReasonOf(err) != api.ReasonAllOverloaded:
					t.Errorf("both are over: %s, %v", k.ID, err)
				}
			})
		}
	}
}

func TestErrors(t *testing.T) {
	p := two(t, nil)
	for _, r := range []balance.Request{{Capabilities: []string{"x"}}, {Capabilities: []string{"c", "x"}}, {Capabilities: []string{"c", "d"}, Not: []string{"b"}}} {
		if k, err := p.Pick(r, 1); api.CodeOf(err) != api.Unavailable || api.ReasonOf(err) != api.ReasonNoSuitableAgent {
			t.Errorf("%v: %s, %v", r, k.ID, err)
		}
	}
	// Knowledge that is too old does not shed.
	for _, id := range []string{"a", "b"} {
		p.Observe(id, balance.Load{Waiting: 20, Active: 1, Latency: time.Second, CPU: -1}, 0)
	}
	if _, err := p.Pick(balance.Request{Now: 11 * time.Second}, 1); api.CodeOf(err) != api.Overloaded {
		t.Errorf("got %v", err)
	}
	if _, err := p.Pick(balance.Request{Now: 11*time.Second + 1}, 1); err != nil {
		t.Errorf("old news: %v", err)
	}
	// Without thresholds only mailboxes that must still be full are spared.
	caller := two(t, func(c *api.BalanceConfig) { *c = api.CallerBalanceConfig() })
	for _, id := range []string{"a", "b"} {
		caller.Observe(id, balance.Load{Waiting: 21, Active: 1, Latency: 100 * time.Millisecond, CPU: -1}, 0)
	}
	if _, err := caller.Pick(balance.Request{Now: 99 * time.Millisecond}, 1); api.ReasonOf(err) != api.ReasonAllOverloaded {
		t.Errorf("got %v", err)
	}
	if _, err := caller.Pick(balance.Request{Now: 101 * time.Millisecond}, 1); err != nil {
		t.Errorf("a place is free by now: %v", err)
	}
	bad := api.DefaultBalanceConfig()
	bad.Strategy = "fastest"
	if err := p.Configure(bad); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	if _, err := balance.New(api.BalanceConfig{}); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	if _, err := p.Pick(balance.Request{Strategy: "fastest"}, 1); api.CodeOf(err) != api.Invalid {
		t.Errorf("got %v", err)
	}
	p.Done(balance.Pick{}, balance.Outcome{}) // of nothing
}

func TestCapabilityBasedMatchesAndRanks(t *testing.T) {
	p := two(t, func(c *api.BalanceConfig) { c.Strategy = api.StrategyCapability; c.MaxActive = 0 })
	for id, caps := range map[string][]string{"exact": {"x", "y"}, "more": {"x", "y", "z", "w"}, "liked": {"x", "y", "z", "p", "q"}, "half": {"x"}} {
		p.Put(balance.Member{ID: id, Capabilities: caps, Warm: true}, 0)
	}
	for want, r := range map[string]balance.Request{
		"exact": {Capabilities: []string{"x", "y"}},
		"more":  {Capabilities: []string{"y", "x", "w"}},
		"liked": {Capabilities: []string{"x", "y"}, Prefer: []string{"p", "w", "q"}},
		"half":  {Capabilities: []string{"x", "x"}},
		"b":     {Capabilities: []string{"c"}, Prefer: []string{"d"}},
		"a":     {Capabilities: []string{"c"}},
	} {
		for seed := range uint64(20) {
			if k, err := p.Pick(r, seed); err != nil || k.ID != want {
				t.Errorf("%v: %s, %v, want %s", r, k.ID, err, want)
			}
		}
	}
	// Of equal matches the least loaded.
	p.Put(balance.Member{ID: "twin", Capabilities: []string{"x", "y"}, Warm: true}, 0)
	p.Observe("exact", balance.Load{Active: 200, CPU: -1}, 0)
	if k, err := p.Pick(balance.Request{Capabilities: []string{"x", "y"}}, 3); err != nil || k.ID != "twin" {
		t.Errorf("%s, %v", k.ID, err)
	}
}

func TestStrategiesLookAtWhatTheyAreFor(t *testing.T) {
	for name, c := range map[string]struct {
		strategy api.BalanceStrategy
		a, b     balance.Load
	}{
		"fewest messages": {api.StrategyLeastOutstanding, balance.Load{Active: 3}, balance.Load{Active: 2}},
		"processors":      {api.StrategyResourceAware, balance.Load{CPU: 0.6}, balance.Load{CPU: 0.5}},
		"messages":        {api.StrategyResourceAware, balance.Load{CPU: 0.5, Active: 1}, balance.Load{CPU: 0.5}},
		"memory":          {api.StrategyResourceAware, balance.Load{MemoryBytes: 600 << 20}, balance.Load{MemoryBytes: 500 << 20}},
		"all of them": { // 0.4*0.5 + 0.3*0.5 + 0.3*0.2 = 0.41 against 0.4*0.9 = 0.36
			api.StrategyResourceAware, balance.Load{CPU: 0.5, MemoryBytes: 512 << 20, Active: 2}, balance.Load{CPU: 0.9},
		},
		"time": {api.StrategyP2C, balance.Load{Latency: 3 * time.Millisecond}, balance.Load{Latency: time.Millisecond, Active: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := two(t, func(cfg *api.BalanceConfig) { cfg.Strategy = c.strategy })
			for seed := range uint64(50) {
				p.Observe("a", c.a, 0)
				p.Observe("b", c.b, 0)
				k, err := p.Pick(balance.Request{}, seed)
				if err != nil || k.ID != "b" {
					t.Fatalf("%s, %v", k.ID, err)
				}
				p.Done(k, balance.Outcome{Unknown: true})
			}
		})
	}
}

// performance_weighted gives each in proportion to its speed.
func TestPerformanceWeighted(t *testing.T) {
	p := two(t, func(c *api.BalanceConfig) { c.Strategy = api.StrategyPerformance; c.Ejection.SlowFactor = 0 })
	rnd, got := rand.New(rand.NewPCG(1, 1)), map[string]int{}
	for i := range 1000 {
		now := time.Duration(i) * time.Millisecond
		k, err := p.Pick(balance.Request{Now: now}, rnd.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		got[k.ID]++
		took := 10 * time.Millisecond
		if k.ID == "b" {
			took = 40 * time.Millisecond
		}
		p.Done(k, balance.Outcome{Now: now, Latency: took})
	}
	if got["b"] < 180 || got["b"] > 220 {
		t.Errorf("one of a quarter of the speed got %d of 1000", got["b"])
	}
}

// A new member comes to its share little by little.
func TestSlowStart(t *testing.T) {
	for _, strategy := range []api.BalanceStrategy{api.StrategyP2C, api.StrategyRoundRobin, api.StrategyPerformance} {
		s := newSim(t, 8, crowd(4, time.Millisecond)...)
		p := s.picker(func(c *api.BalanceConfig) { c.Strategy = strategy })
		p.Remove("a3")
		s.closed(p, 6, time.Millisecond)
		s.run(2 * time.Second)
		p.Put(balance.Member{ID: "a3"}, s.now)
		s.run(10 * time.Second)
		first, later := part(s.since(2*time.Second, 2500*time.Millisecond), 3), part(s.since(8*time.Second, 10*time.Second), 3)
		t.Logf("%s: %.3f, then %.3f", strategy, first, later)
		if first > 0.15 || later < 0.2 {
			t.Errorf("%s: %.3f of the calls in the first half second, %.3f later", strategy, first, later)
		}
	}
}

// What is usual counts when nothing better is known, and no longer than that.
func TestHint(t *testing.T) {
	p := two(t, nil)
	p.Hint("a", 50*time.Millisecond)
	p.Hint("b", time.Millisecond)
	p.Hint("absent", time.Millisecond)
	for seed := range uint64(20) {
		k, err := p.Pick(balance.Request{}, seed)
		if err != nil || k.ID != "b" {
			t.Fatalf("%s, %v", k.ID, err)
		}
		p.Done(k, balance.Outcome{Unknown: true})
	}
	p.Observe("a", balance.Load{Latency: time.Millisecond, CPU: -1}, 0)
	p.Observe("b", balance.Load{Latency: 50 * time.Millisecond, CPU: -1}, 0)
	if k, err := p.Pick(balance.Request{}, 1); err != nil || k.ID != "a" {
		t.Fatalf("%s, %v", k.ID, err)
	}
}

// A cast that succeeds says nothing of latency; one that fails counts.
func TestUntimed(t *testing.T) {
	p := two(t, func(c *api.BalanceConfig) { robin(c) })
	for i := range 20 {
		k, err := p.Pick(balance.Request{}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		p.Done(k, balance.Outcome{Latency: time.Hour, Untimed: true, Failed: k.ID == "b"})
	}
	a, _ := p.View("a", 0)
	b, _ := p.View("b", 0)
	if a.Latency != 0 || 2*a.Errors > b.Errors || b.Latency != 0 || !b.Ejected {
		t.Errorf("%+v, %+v", a, b)
	}
}
