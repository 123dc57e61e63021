package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestBalanceConfig(t *testing.T) {
	for name, cfg := range map[string]api.BalanceConfig{"default": api.DefaultBalanceConfig(), "caller": api.CallerBalanceConfig()} {
		if err := cfg.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		body, err := codec.Marshal(&cfg)
		if err != nil {
			t.Fatal(err)
		}
		var back api.BalanceConfig
		if err := codec.Decode(body, &back); err != nil || !cmp.Equal(cfg, back) {
			t.Errorf("%s reads back as %+v, %v", name, back, err)
		}
	}
	for field, change := range map[string]func(*api.BalanceConfig){
		"strategy":                    func(c *api.BalanceConfig) { c.Strategy = "fastest" },
		"max_cpu":                     func(c *api.BalanceConfig) { c.MaxCPU = api.One + 1 },
		"max_memory":                  func(c *api.BalanceConfig) { c.MaxMemory = -1 },
		"max_memory_bytes":            func(c *api.BalanceConfig) { c.MaxMemoryBytes = -1 },
		"max_active":                  func(c *api.BalanceConfig) { c.MaxActive = api.MaxBalanceActive + 1 },
		"stale_after":                 func(c *api.BalanceConfig) { c.StaleAfter = 0 },
		"decay":                       func(c *api.BalanceConfig) { c.Decay = api.Duration(2 * time.Hour) },
		"error_cost":                  func(c *api.BalanceConfig) { c.ErrorCost = -1 },
		"slow_start":                  func(c *api.BalanceConfig) { c.SlowStart = -1 },
		"load_bound":                  func(c *api.BalanceConfig) { c.LoadBound = api.One },
		"ejection.consecutive_errors": func(c *api.BalanceConfig) { c.Ejection.ConsecutiveErrors = -1 },
		"ejection.error_share":        func(c *api.BalanceConfig) { c.Ejection.ErrorShare = api.One + 1 },
		"ejection.slow_factor":        func(c *api.BalanceConfig) { c.Ejection.SlowFactor = api.One },
		"ejection.max_share":          func(c *api.BalanceConfig) { c.Ejection.MaxShare = -1 },
		"ejection.time":               func(c *api.BalanceConfig) { c.Ejection.Time = 0 },
		"ejection.max_time":           func(c *api.BalanceConfig) { c.Ejection.MaxTime = c.Ejection.Time - 1 },
		"tenants":                     func(c *api.BalanceConfig) { c.Tenants = map[string]int{"a": 0} },
	} {
		t.Run(field, func(t *testing.T) {
			cfg := api.DefaultBalanceConfig()
			change(&cfg)
			wantInvalid(t, cfg.Validate(), field)
		})
	}
	many := api.DefaultBalanceConfig()
	many.Tenants = map[string]int{}
	for i := range api.MaxBalanceTenants + 1 {
		many.Tenants[fmt.Sprint(i)] = 1
	}
	wantInvalid(t, many.Validate(), "tenants")
}

func wantInvalid(t *testing.T, err error, field string) {
	t.Helper()
	e := api.AsError(err)
	if e == nil || e.Code != api.Invalid || !slices.Contains(e.Details.Fields, field) {
		t.Errorf("got %v, want invalid for %s", err, field)
	}
}

func TestHostLoad(t *testing.T) {
	good := func() api.HostLoad {
		return api.HostLoad{Host: "h", Lease: "l", Seq: 1, CPU: 1, Agents: []api.AgentLoad{{ID: "a", Waiting: 1, Errors: 1}}}
	}
	if l := good(); l.Validate() != nil {
		t.Error(l.Validate())
	}
	for name, c := range map[string]struct {
		field  string
		change func(*api.HostLoad)
	}{
		"no host":          {"host", func(l *api.HostLoad) { l.Host = "" }},
		"no lease":         {"lease", func(l *api.HostLoad) { l.Lease = "a b" }},
		"negative":         {"memory", func(l *api.HostLoad) { l.Memory = -1 }},
		"beyond one":       {"cpu", func(l *api.HostLoad) { l.CPU = 1.01 }},
		"below zero":       {"memory_share", func(l *api.HostLoad) { l.MemoryShare = -0.01 }},
		"agent without id": {"agents", func(l *api.HostLoad) { l.Agents[0].ID = "" }},
		"negative wait":    {"agents", func(l *api.HostLoad) { l.Agents[0].Waiting = -1 }},
		"too many errors":  {"agents", func(l *api.HostLoad) { l.Agents[0].Errors = 2 }},
		"too many agents":  {"agents", func(l *api.HostLoad) { l.Agents = make([]api.AgentLoad, api.MaxLoadAgents+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			l := good()
			c.change(&l)
			wantInvalid(t, l.Validate(), c.field)
		})
	}
}

// FuzzHostLoad: whatever comes as a report, it is refused or within its bounds.
func FuzzHostLoad(f *testing.F) {
	f.Add([]byte(`{"host":"h","lease":"l","seq":1,"cpus":4,"cpu":0.5,"agents":[{"id":"a","waiting":3,"errors":0.1,"latency":"1ms"}]}`))
	f.Add([]byte(`{"host":"h","lease":"l","cpu":1e999}`))
	f.Add([]byte(`{"host":"","agents":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var l api.HostLoad
		if codec.Read(body, &l) != nil || l.Validate() != nil {
			return
		}
		if !(l.CPU >= 0 && l.CPU <= 1) || !(l.MemoryShare >= 0 && l.MemoryShare <= 1) || len(l.Agents) > api.MaxLoadAgents {
			t.Errorf("%+v", l)
		}
		for _, a := range l.Agents {
			if !(a.Errors >= 0 && a.Errors <= 1) || a.Waiting < 0 || a.Latency < 0 {
				t.Errorf("%+v", a)
			}
		}
	})
}
