package balance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
)

// keys assigns many keys, one at a time.
func keys(t *testing.T, p *balance.Picker, n int) map[string]string {
	t.Helper()
	of := map[string]string{}
	for i := range n {
		key := fmt.Sprint("key", i)
		k, err := p.Pick(balance.Request{Key: key}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		of[key] = k.ID
		p.Done(k, balance.Outcome{Unknown: true})
	}
	return of
}

// A key stays with its agent; when one of 20 goes only its own keys move, and when it comes back they return.
func TestKeysStay(t *testing.T) {
	p := fleet(t, 20, nil)
	before := keys(t, p, 4000)
	other := fleet(t, 20, nil)
	for key, id := range keys(t, other, 4000) {
		if before[key] != id {
			t.Fatalf("two callers disagree on %s", key)
		}
	}
	counts := map[string]int{}
	for _, id := range before {
		counts[id]++
	}
	for id, n := range counts {
		if n > 300 {
			t.Errorf("%s has %d keys, the mean is 200", id, n)
		}
	}
	p.Remove("agent-00007")
	for key, id := range keys(t, p, 4000) {
		if before[key] != id && before[key] != "agent-00007" {
			t.Errorf("%s moved from %s to %s", key, before[key], id)
		}
	}
	p.Put(balance.Member{ID: "agent-00007", Warm: true}, 0)
	for key, id := range keys(t, p, 4000) {
		if before[key] != id {
			t.Errorf("%s is at %s, not back at %s", key, id, before[key])
		}
	}
}

// One key that is asked for very often does not overload its agent: none has more than LoadBound times the mean, rounded up.
func TestAHotKeyIsBounded(t *testing.T) {
	p := fleet(t, 10, func(c *api.BalanceConfig) { c.LoadBound = 1_500_000 })
	counts := map[string]int{}
	for i := range 1000 {
		k, err := p.Pick(balance.Request{Key: "hot"}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		counts[k.ID]++
	}
	for id, n := range counts {
		if n > 151 {
			t.Errorf("%s has %d of 1000", id, n)
		}
	}
	if len(counts) < 7 {
		t.Errorf("only %d agents have any", len(counts))
	}
}

// Room goes by weight, also when that is changed.
func TestKeysByWeight(t *testing.T) {
	p := fleet(t, 2, nil)
	keys(t, p, 10)
	p.Put(balance.Member{ID: "agent-00000", Capabilities: []string{"all"}, Weight: 9, Warm: true}, 0)
	counts := map[string]int{}
	for i := range 1000 {
		k, err := p.Pick(balance.Request{Key: "hot"}, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		counts[k.ID]++
	}
	// 1.25 times a tenth is the most that the light one may have, and the heavy one may have all.
	if n := counts["agent-00001"]; n > 126 || n+counts["agent-00000"] != 1000 {
		t.Errorf("%v", counts)
	}
}

// Where every agent is over a threshold, as all of one busy machine are, a key stays with its agent all the same, within the bound; of one
// that is not over it takes that.
func TestKeysStayWhereAllAreOver(t *testing.T) {
	p := fleet(t, 8, func(c *api.BalanceConfig) { c.MaxCPU = 900_000 })
	before := keys(t, p, 400)
	for i := range 8 {
		p.Observe(fmt.Sprintf("agent-%05d", i), balance.Load{CPU: 0.99, Latency: time.Duration(i+1) * time.Millisecond}, 0)
	}
	for key, id := range keys(t, p, 400) {
		if before[key] != id {
			t.Fatalf("%s moved from %s to %s", key, before[key], id)
		}
	}
	counts := map[string]int{}
	for i := range 100 {
		k, err := p.Pick(balance.Request{Key: "hot"}, uint64(i))
		if err != nil || !k.Overloaded {
			t.Fatalf("%+v, %v", k, err)
		}
		counts[k.ID]++
	}
	for id, n := range counts {
		if n > 16 { // 1.25 times an eighth, rounded up
			t.Errorf("%s has %d of 100", id, n)
		}
	}
	p.Observe("agent-00003", balance.Load{CPU: 0.1}, 0)
	for i := range 5 {
		if k, err := p.Pick(balance.Request{Key: fmt.Sprint(i)}, uint64(i)); err != nil || k.ID != "agent-00003" {
			t.Errorf("%+v, %v", k, err)
		}
	}
}
