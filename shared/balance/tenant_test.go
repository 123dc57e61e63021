package balance_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// The level is that of weighted max-min fairness: nobody has more than it wants, all is used that is wanted, and whoever has less than
// it wants has no less by weight than anybody.
func TestWaterLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "tenants")
		capacity := rapid.Float64Range(0, 100).Draw(t, "capacity")
		weights, wants, asked := make([]float64, n), make([]float64, n), make([]balance.Want, n)
		for i := range n {
			weights[i] = float64(rapid.IntRange(1, 10).Draw(t, "weight"))
			wants[i] = math.Inf(1)
			if bounded := rapid.Bool().Draw(t, "bounded"); bounded {
				wants[i] = rapid.Float64Range(0, 60).Draw(t, "most")
			}
			asked[i] = balance.NewWant(weights[i], wants[i], !math.IsInf(wants[i], 1))
		}
		level := balance.WaterLevel(capacity, asked)
		used, wanted := 0.0, 0.0
		for i := range n {
			used += min(wants[i], weights[i]*level)
			wanted += wants[i]
		}
		if math.Abs(used-min(capacity, wanted)) > 1e-6 {
			t.Fatalf("the level %v uses %v of %v, %v is wanted", level, used, capacity, wanted)
		}
	})
}

// asks has a tenant keep so many messages under way, as far as it is let.
func asks(s *sim, p *balance.Picker, tenant string, n int) {
	for range n {
		var again func()
		again = func() { s.ask(p, balance.Request{Tenant: tenant}, again) }
		s.after(time.Duration(s.rnd.Int64N(int64(time.Millisecond))), again)
	}
}

func TestAGreedyTenantDoesNotStarveOthers(t *testing.T) {
	cfg := api.CallerBalanceConfig()
	cfg.Tenants = map[string]int{"gold": 3}
	s := newSim(t, 9, crowd(4, 2*time.Millisecond)...) // which take 40 messages in all
	p := s.picker(func(c *api.BalanceConfig) { *c = cfg })
	asks(s, p, "greedy", 80)
	s.run(time.Second)
	alone := len(s.calls)
	if alone == 0 || s.calls[alone-1].shed {
		t.Fatal("a tenant alone is bound")
	}
	asks(s, p, "modest", 3)
	asks(s, p, "gold", 60)
	s.run(2 * time.Second)
	// Shares by weight: 3 wanted by modest, the rest of 40 by 1 and 3.
	tally := map[string][]int{}
	for range 200 {
		s.run(s.now + time.Millisecond)
		for tenant, n := range p.Tenants() {
			tally[tenant] = append(tally[tenant], n)
		}
	}
	mean := func(tenant string) float64 {
		sum := 0
		for _, n := range tally[tenant] {
			sum += n
		}
		return float64(sum) / float64(len(tally[tenant]))
	}
	t.Logf("greedy %.1f, gold %.1f, modest %.1f", mean("greedy"), mean("gold"), mean("modest"))
	if g := mean("greedy"); g < 7 || g > 12 {
		t.Errorf("greedy has %.1f under way, its share is 9", g)
	}
	if g := mean("gold"); g < 23 || g > 34 {
		t.Errorf("gold has %.1f under way, its share is 28", g)
	}
	if g := mean("modest"); g < 2.5 {
		t.Errorf("modest has %.1f under way of 3 that it wants", g)
	}
}

// The tenants that are known are bounded; those beyond share one place.
func TestManyTenants(t *testing.T) {
	p := fleet(t, 2, nil)
	rnd := rand.New(rand.NewPCG(1, 1))
	var open []balance.Pick
	refused := 0
	for range 2000 {
		k, err := p.Pick(balance.Request{Tenant: "t" + string(rune('a'+rnd.IntN(26))) + string(rune('a'+rnd.IntN(26))) + string(rune('a'+rnd.IntN(26)))}, rnd.Uint64())
		switch {
		case err == nil:
			open = append(open, k)
		case api.CodeOf(err) != api.Overloaded || api.ReasonOf(err) != api.ReasonTenantOverShare:
			t.Fatal(err)
		default:
			refused++
		}
	}
	if n := len(p.Tenants()); n > 257 || refused == 0 {
		t.Errorf("%d tenants are known, %d requests were refused", n, refused)
	}
	for _, k := range open {
		p.Done(k, balance.Outcome{})
	}
	for tenant, n := range p.Tenants() {
		if n != 0 {
			t.Errorf("%s has %d under way", tenant, n)
		}
	}
}
