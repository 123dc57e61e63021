package chaos_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/test/chaos"
)

func TestPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		s := chaos.Shape{
			Nodes: rapid.SampledFrom([]int{1, 3}).Draw(t, "nodes"), Members: []string{"registry0", "host0", "locker0", "caller"},
			Span: time.Duration(rapid.IntRange(1, 100).Draw(t, "span")) * time.Second, Longest: time.Duration(rapid.IntRange(1, 25).Draw(t, "longest")) * time.Second,
		}
		plan := chaos.Plan(seed, s)
		if diff := cmp.Diff(plan, chaos.Plan(seed, s)); diff != "" {
			t.Fatalf("the same seed gives another plan: %s", diff)
		}
		if len(plan) == 0 {
			t.Fatal("the plan is empty")
		}
		until := map[string]time.Duration{}
		for _, f := range plan {
			key := f.Target
			if strings.HasPrefix(key, "node") || strings.HasPrefix(key, "leader") {
				key = "nodes"
				if f.Kind != chaos.Kill && f.Kind != chaos.Stop {
					t.Errorf("%v: a node has no links", f)
				}
			}
			if f.At < until[key] {
				t.Errorf("%v: its target has a fault until %v", f, until[key])
			}
			until[key] = f.At + f.For
			if f.At < 0 || f.At >= s.Span || f.For < 0 || f.For > s.Longest || f.Node >= s.Nodes {
				t.Errorf("%v is out of bounds", f)
			}
			if f.Target == "caller" && (f.Kind == chaos.Kill || f.Kind == chaos.Stop) {
				t.Errorf("%v: the caller has no process", f)
			}
		}
	})
}

func TestSeedsDiffer(t *testing.T) {
	s := chaos.Shape{Nodes: 3, Members: []string{"a", "b", "c"}, Span: time.Minute, Longest: 10 * time.Second}
	kinds, plans := map[chaos.Kind]bool{}, map[string]bool{}
	for seed := range uint64(50) {
		plan := chaos.Plan(seed, s)
		plans[fmt.Sprint(plan)] = true
		for _, f := range plan {
			kinds[f.Kind] = true
		}
	}
	if len(plans) != 50 || len(kinds) != 5 {
		t.Errorf("50 seeds have %d plans with %d kinds of faults", len(plans), len(kinds))
	}
}
