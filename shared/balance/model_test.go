package balance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// Whatever comes and goes and however it ends, what is outstanding adds up, and nobody is chosen who is not there or lacks what is asked.
func TestPickerAgainstModel(t *testing.T) {
	capabilities := []string{"c0", "c1", "c2", "c3"}
	rapid.Check(t, func(t *rapid.T) {
		cfg := api.DefaultBalanceConfig()
		cfg.Strategy = rapid.SampledFrom(api.BalanceStrategies).Draw(t, "strategy")
		cfg.Shed = rapid.Bool().Draw(t, "shed")
		cfg.MaxActive = rapid.IntRange(0, 4).Draw(t, "most")
		p, err := balance.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		there, out := map[string][]string{}, map[string]int{}
		var open []balance.Pick
		born := map[string]int{}
		bornOf := []int{}
		now, gone := time.Duration(0), false // whether nobody has listened for any so far
		id := func() string { return fmt.Sprintf("m%d", rapid.IntRange(0, 7).Draw(t, "member")) }
		some := func(name string) []string { return rapid.SliceOfN(rapid.SampledFrom(capabilities), 0, 3).Draw(t, name) }
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				m := balance.Member{ID: id(), Capabilities: some("has"), Host: fmt.Sprintf("h%d", rapid.IntRange(0, 3).Draw(t, "host")), Slots: rapid.IntRange(-1, 20).Draw(t, "slots")}
				if there[m.ID] == nil {
					born[m.ID]++
					out[m.ID] = 0
				}
				there[m.ID] = append([]string{}, m.Capabilities...)
				p.Put(m, now)
			},
			"remove": func(t *rapid.T) {
				m := id()
				delete(there, m)
				delete(out, m)
				p.Remove(m)
			},
			"pick": func(t *rapid.T) {
				r := balance.Request{
					Capabilities: some("requires"), Prefer: some("prefers"), Now: now, Key: rapid.SampledFrom([]string{"", "k", "l"}).Draw(t, "key"),
					Tenant: rapid.SampledFrom([]string{"", "t", "u"}).Draw(t, "tenant"), Strategy: rapid.SampledFrom(append(api.BalanceStrategies, "")).Draw(t, "by"),
				}
				k, err := p.Pick(r, rapid.Uint64().Draw(t, "random"))
				suits := 0
				for _, caps := range there {
					if !slices.ContainsFunc(r.Capabilities, func(c string) bool { return !slices.Contains(caps, c) }) {
						suits++
					}
				}
				if none := api.ReasonOf(err) == api.ReasonNoSuitableAgent; none != (suits == 0) && !(none && gone) {
					t.Fatalf("%d would do: %v", suits, err)
				}
				if err != nil {
					return
				}
				caps, ok := there[k.ID]
				if !ok || slices.ContainsFunc(r.Capabilities, func(c string) bool { return !slices.Contains(caps, c) }) {
					t.Fatalf("%s has %v, required are %v", k.ID, caps, r.Capabilities)
				}
				open, bornOf = append(open, k), append(bornOf, born[k.ID])
				out[k.ID]++
			},
			"done": func(t *rapid.T) {
				if len(open) == 0 {
					t.Skip("nothing is open")
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				k := open[i]
				if _, ok := there[k.ID]; ok && bornOf[i] == born[k.ID] {
					out[k.ID]--
				}
				open, bornOf = slices.Delete(open, i, i+1), slices.Delete(bornOf, i, i+1)
				absent := rapid.IntRange(0, 9).Draw(t, "gone") == 0
				gone = gone || absent
				p.Done(k, balance.Outcome{
					Now: now, Latency: time.Duration(rapid.Int64Range(-1, 1e10).Draw(t, "took")), Failed: rapid.Bool().Draw(t, "failed"),
					Unknown: rapid.Bool().Draw(t, "unknown"), Gone: absent,
				})
			},
			"told": func(t *rapid.T) {
				p.Observe(id(), balance.Load{
					Waiting: rapid.IntRange(-1, 20).Draw(t, "waiting"), Active: rapid.IntRange(-1, 20).Draw(t, "active"), Errors: rapid.Float64().Draw(t, "errors"),
					CPU: rapid.Float64().Draw(t, "cpu"), Latency: time.Duration(rapid.Int64Range(-1, 1e10).Draw(t, "latency")),
				}, now)
			},
			"later": func(t *rapid.T) { now += time.Duration(rapid.Int64Range(0, 5e9).Draw(t, "by")) },
			"": func(t *rapid.T) {
				seen, left := 0, 0
				p.Range(now, func(v balance.View) bool {
					seen++
					if v.Ejected {
						left++
					}
					if n, ok := out[v.ID]; !ok || n != v.Outstanding {
						t.Fatalf("%s has %d outstanding, want %d", v.ID, v.Outstanding, n)
					}
					return true
				})
				if seen != len(there) || p.Len() != seen {
					t.Fatalf("%d members, want %d", seen, len(there))
				}
			},
		})
	})
}

func TestPickAllocatesNothing(t *testing.T) {
	p := fleet(t, 1000, nil)
	for _, strategy := range api.BalanceStrategies {
		r, now := balance.Request{Capabilities: []string{"all"}, Key: "k", Strategy: strategy}, time.Duration(0)
		if n := testing.AllocsPerRun(100, func() {
			now += time.Millisecond
			r.Now = now
			k, err := p.Pick(r, uint64(now))
			if err != nil {
				t.Fatal(err)
			}
			p.Done(k, balance.Outcome{Now: now, Latency: time.Millisecond})
		}); n != 0 {
			t.Errorf("%s: %v allocations", strategy, n)
		}
	}
}

// Many at once: what is outstanding comes back to nothing.
func TestPickerIsSafeForConcurrentUse(t *testing.T) {
	p := fleet(t, 20, nil)
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(w, 1))
			for i := range 2000 {
				now := time.Duration(i) * time.Millisecond
				r := balance.Request{Now: now, Strategy: api.BalanceStrategies[rnd.IntN(len(api.BalanceStrategies))], Key: fmt.Sprint(i % 7), Tenant: []string{"", "t"}[i%2]}
				if k, err := p.Pick(r, rnd.Uint64()); err == nil {
					p.Done(k, balance.Outcome{Now: now, Latency: time.Millisecond, Failed: i%9 == 0})
				}
				id := fmt.Sprintf("agent-%05d", rnd.IntN(20))
				switch rnd.IntN(50) {
				case 0:
					p.Remove(id)
				case 1:
					p.Put(balance.Member{ID: id, Capabilities: []string{"all"}, Host: "h"}, now)
				case 2:
					p.Observe(id, balance.Load{Active: 3}, now)
				case 3:
					p.ObserveHost("h", balance.HostLoad{CPU: 0.5}, now)
				case 4:
					p.Stats(now)
				}
			}
		})
	}
	wg.Wait()
	if s := p.Stats(time.Hour); s.Outstanding != 0 {
		t.Errorf("%+v", s)
	}
	for tenant, n := range p.Tenants() {
		if n != 0 {
			t.Errorf("%q has %d under way", tenant, n)
		}
	}
}
