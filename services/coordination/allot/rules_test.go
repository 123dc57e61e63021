package allot_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/allot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// game is a session of random members, resources, demands and weights.
type game struct {
	members   []string
	params    api.AllotParams
	answers   map[string]string
	demands   map[string]map[string]api.Decimal
	algorithm string
}

func draw(t *rapid.T) game {
	g := game{
		params:    api.AllotParams{Resources: map[string]api.Decimal{}, Weights: map[string]api.Decimal{}},
		answers:   map[string]string{},
		demands:   map[string]map[string]api.Decimal{},
		algorithm: rapid.SampledFrom([]string{"", "max_min_fair", "proportional"}).Draw(t, "algorithm"),
	}
	amount := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 50_000_000), rapid.Int64Range(0, int64(api.DecimalLimit/8)))
	for i := range rapid.IntRange(1, 3).Draw(t, "resources") {
		g.params.Resources[fmt.Sprintf("r%d", i)] = api.Decimal(amount.Draw(t, "capacity"))
	}
	for i := range rapid.IntRange(1, 8).Draw(t, "members") {
		m := fmt.Sprintf("m%d", i)
		g.members = append(g.members, m)
		if rapid.Bool().Draw(t, "weighted") {
			g.params.Weights[m] = api.Decimal(rapid.OneOf(rapid.Int64Range(1, 10), rapid.Int64Range(1, int64(api.AllotWeightLimit))).Draw(t, "weight"))
		}
		if rapid.IntRange(0, 5).Draw(t, "silent") == 0 {
			continue
		}
		g.demands[m] = map[string]api.Decimal{}
		for r := range g.params.Resources {
			g.demands[m][r] = api.Decimal(amount.Draw(t, "demand"))
		}
		b, _ := json.Marshal(g.demands[m])
		g.answers[m] = string(b)
	}
	return g
}

func (g game) play(t *rapid.T, order protocoltest.Order) (api.AllotResult, string) {
	params, _ := json.Marshal(g.params)
	s := protocoltest.New(api.SessionAllocation, g.algorithm, string(params), g.members...)
	protocoltest.Play(t, allot.Allocation{}, s, protocoltest.Each(g.answers), order)
	var r api.AllotResult
	protocoltest.Result(t, s, &r)
	return r, string(s.Result)
}

func (g game) weight(m string) api.Decimal {
	if w, ok := g.params.Weights[m]; ok {
		return w
	}
	return api.One
}

func TestAnyDemand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := draw(t)
		r, _ := g.play(t, nil)
		for name, capacity := range g.params.Resources {
			var sum, asked api.Decimal
			for i, m := range g.members {
				granted := r.Allocations[i].Granted[name]
				if granted < 0 || granted > g.demands[m][name] {
					t.Fatalf("%s gets %s of %s and asked for %s", m, granted, name, g.demands[m][name])
				}
				sum, asked = sum+granted, asked+g.demands[m][name]
			}
			if sum != min(capacity, asked) {
				t.Fatalf("%s of %s is given away, of %s for demands of %s", sum, name, capacity, asked)
			}
			u := r.Resources[name]
			if u.Granted != sum || u.Asked != asked || u.Fairness < 0 || u.Fairness > api.One || u.Utilisation > api.One {
				t.Fatalf("%s: %+v", name, u)
			}
		}
	})
}

// Max-min: nobody's share for its weight can be raised, by a millionth, without lowering that of somebody who has no more for its own.
func TestMaxMinIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := draw(t)
		g.algorithm = api.AllotMaxMinFair
		r, _ := g.play(t, nil)
		for name := range g.params.Resources {
			for i, m := range g.members {
				mine := r.Allocations[i].Granted[name]
				if mine == g.demands[m][name] {
					continue
				}
				for j, other := range g.members {
					// Taking a millionth from the other must leave it with less for its weight than the gainer then has.
					theirs := r.Allocations[j].Granted[name]
					if i != j && theirs > 0 && less(mine+1, g.weight(m), theirs-1, g.weight(other)) {
						t.Fatalf("%s: %s has %s and could have some of the %s that %s has", name, m, mine, theirs, other)
					}
				}
			}
		}
	})
}

// Proportional without weights: two who ask differ in what they get for it by no more than the rounding.
func TestProportionalServesAllToTheSameDegree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := draw(t)
		g.algorithm, g.params.Weights = api.AllotProportional, nil
		r, _ := g.play(t, nil)
		for name := range g.params.Resources {
			for i, m := range g.members {
				for j, other := range g.members {
					a, b := g.demands[m][name], g.demands[other][name]
					if a > 0 && b > 0 && less(r.Allocations[i].Granted[name]+1, a, r.Allocations[j].Granted[name]-1, b) {
						t.Fatalf("%s: %s gets %s of %s, %s gets %s of %s", name, m, r.Allocations[i].Granted[name], a, other, r.Allocations[j].Granted[name], b)
					}
				}
			}
		}
	})
}

func TestOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := draw(t)
		_, first := g.play(t, nil)
		_, second := g.play(t, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if first != second {
			t.Fatalf("another order of answers gives another result:\n%s\n%s", first, second)
		}
	})
}

// FuzzAnswer: no answer panics, and one that is accepted can be shared out.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`5`, `{"cpu":3}`, `{"demand":{"cpu":3,"memory":1e9}}`, `{"demand":{"cpu":-0}}`, `null`, `[]`, `"x"`, `{"demand":[]}`, `{"cpu":{"cpu":1}}`, `1e999`, `"!"`} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if !codec.Valid([]byte(answer)) {
			t.Skip("a request carries only JSON")
		}
		r := play(t, "", `{"resources":{"cpu":7,"memory":1000},"weights":{"b":2}}`, []string{"a", "b", "c"}, map[string]string{"a": answer, "b": answer, "c": `{"cpu":5}`})
		for name, u := range r.Resources {
			if u.Granted > u.Capacity {
				t.Errorf("%s: %+v", name, u)
			}
		}
	})
}
