package balance_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// rounds has every member asked in turn, and tells how often each was.
func rounds(t *testing.T, p *balance.Picker, from, to time.Duration, outcome func(id string) balance.Outcome) map[string]int {
	t.Helper()
	got, rnd := map[string]int{}, rand.New(rand.NewPCG(uint64(from), 3))
	for now := from; now < to; now += 10 * time.Millisecond {
		k, err := p.Pick(balance.Request{Now: now}, rnd.Uint64())
		if err != nil {
			t.Fatal(err)
		}
		got[k.ID]++
		o := outcome(k.ID)
		o.Now = now
		p.Done(k, o)
	}
	return got
}

func robin(c *api.BalanceConfig) { c.Strategy, c.SlowStart = api.StrategyRoundRobin, 0 }

func well(string) balance.Outcome { return balance.Outcome{Latency: time.Millisecond} }

func badly(ids ...string) func(string) balance.Outcome {
	return func(id string) balance.Outcome {
		for _, bad := range ids {
			if id == bad {
				return balance.Outcome{Latency: time.Microsecond, Failed: true}
			}
		}
		return well(id)
	}
}

func TestErrorsInARowLeaveAMemberOut(t *testing.T) {
	p := fleet(t, 4, robin)
	rounds(t, p, 0, time.Second, well)
	got := rounds(t, p, time.Second, 2*time.Second, badly("agent-00001"))
	if n := got["agent-00001"]; n != 5 {
		t.Errorf("it was asked %d times, want 5", n)
	}
	v, ok := p.View("agent-00001", 2*time.Second)
	if !ok || !v.Ejected {
		t.Fatalf("%+v", v)
	}
	// It is tried once each time, after 1, 2, 4 and 8 seconds.
	got = rounds(t, p, 2*time.Second, 17*time.Second, badly("agent-00001"))
	if n := got["agent-00001"]; n < 3 || n > 4 {
		t.Errorf("it was tried %d times in 15 s", n)
	}
	got = rounds(t, p, 60*time.Second, 62*time.Second, well)
	if n := got["agent-00001"]; n < 40 {
		t.Errorf("it is back, and was asked %d times of 200", n)
	}
}

func TestNeverAllAreLeftOut(t *testing.T) {
	all := []string{"agent-00000", "agent-00001", "agent-00002", "agent-00003"}
	for name, c := range map[string]struct {
		bad  []string
		want int
	}{
		"half":               {all[:2], 2},
		"three of four":      {all[:3], 0}, // the others do no better
		"all":                {all, 0},
		"none may be at all": {all[:1], 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := fleet(t, 4, func(cfg *api.BalanceConfig) {
				robin(cfg)
				if name == "none may be at all" {
					cfg.Ejection.MaxShare = 0
				}
			})
			rounds(t, p, 0, time.Second, badly(c.bad...))
			if s := p.Stats(time.Second); s.Ejected != c.want || s.Members != 4 || s.Available != 4-c.want || s.Outstanding != 0 {
				t.Errorf("%+v, want %d left out", s, c.want)
			}
		})
	}
	one := fleet(t, 1, robin)
	rounds(t, one, 0, time.Second, badly("agent-00000"))
	if s := one.Stats(time.Second); s.Ejected != 0 {
		t.Error("the last one is left out")
	}
}

func TestASlowMemberIsLeftOut(t *testing.T) {
	p := fleet(t, 4, robin)
	slow := func(id string) balance.Outcome {
		if id == "agent-00002" {
			return balance.Outcome{Latency: 6 * time.Millisecond}
		}
		return well(id)
	}
	got := rounds(t, p, 0, time.Second, slow)
	if n := got["agent-00002"]; n != 5 {
		t.Errorf("it was asked %d times, want 5", n)
	}
	p = fleet(t, 4, func(c *api.BalanceConfig) { robin(c); c.Ejection.SlowFactor = 7 * api.One })
	if got := rounds(t, p, 0, time.Second, slow)["agent-00002"]; got != 25 {
		t.Errorf("within the factor it was asked %d times, want 25", got)
	}
}

func TestAShareOfErrorsLeavesAMemberOut(t *testing.T) {
	n := 0
	p := fleet(t, 4, func(c *api.BalanceConfig) { robin(c); c.Ejection.ErrorShare = 300_000 })
	got := rounds(t, p, 0, 4*time.Second, func(id string) balance.Outcome {
		if id == "agent-00003" {
			n++
			return balance.Outcome{Latency: time.Millisecond, Failed: n%2 == 0} // never two in a row
		}
		return well(id)
	})
	if got["agent-00003"] > 40 {
		t.Errorf("it was asked %d times of 400", got["agent-00003"])
	}
}

// One for which nobody listens is left out for a second, without being judged.
func TestGone(t *testing.T) {
	p := fleet(t, 2, robin)
	gone := func(id string) balance.Outcome {
		if id == "agent-00000" {
			return balance.Outcome{Gone: true}
		}
		return well(id)
	}
	if got := rounds(t, p, 0, time.Second, gone)["agent-00000"]; got != 1 {
		t.Errorf("it was tried %d times within a second", got)
	}
	if got := rounds(t, p, 2*time.Second, 3*time.Second, well)["agent-00000"]; got < 45 {
		t.Errorf("when it listens again it gets %d of 100", got)
	}
}
