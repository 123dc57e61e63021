package hierarchy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// crowd draws a session.
func crowd(t *rapid.T) func() *api.Session {
	n := rapid.IntRange(6, 30).Draw(t, "members")
	p := map[string]any{
		"cluster_size": rapid.IntRange(2, 7).Draw(t, "size"), "max_levels": rapid.IntRange(1, 5).Draw(t, "levels"),
		"clustering":      rapid.SampledFrom([]string{"random", "capability"}).Draw(t, "clustering"),
		"representatives": rapid.SampledFrom([]string{"election", "expertise"}).Draw(t, "representatives"),
		"delegation":      rapid.SampledFrom([]string{"expertise_based", "size_based", "equal"}).Draw(t, "delegation"),
		"mandate":         rapid.SampledFrom([]string{"bound", "free"}).Draw(t, "mandate"),
		"auto_optimize":   rapid.Bool().Draw(t, "auto"),
	}
	if p["mandate"] == "bound" && rapid.Bool().Draw(t, "proportional") {
		p["delegation"] = "proportional"
	}
	expertise := rapid.SliceOfN(rapid.IntRange(1, 4), n, n).Draw(t, "expertise")
	params, _ := json.Marshal(p)
	return func() *api.Session {
		s := protocoltest.New(api.SessionHierarchical, "", string(params))
		for i := range n {
			s.Members = append(s.Members, api.SessionMember{ID: fmt.Sprintf("m%d", i), Attributes: map[string]string{
				"expertise": fmt.Sprint(expertise[i]), "capabilities": []string{"plan", "work", "check"}[i%3],
			}})
		}
		return s
	}
}

// speech draws what anybody says, as a function of round and member alone, so that another order changes nothing.
func speech(t *rapid.T, reliable bool) protocoltest.Answer {
	seed := rapid.Uint32().Draw(t, "speech")
	return func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		n := seed
		for _, c := range fmt.Sprintf("%s/%s", member, round.Phase) {
			n = n*16777619 ^ uint32(c)
		}
		n >>= 8
		if !reliable && n%4 == 0 {
			return [][]byte{nil, []byte("broken")}[n/4%2], false
		}
		if !reliable && n%9 == 1 {
			return json.RawMessage([]string{`5`, `"x"`, `{}`, `{"delegate":1}`}[n/9%4]), true
		}
		var shown struct {
			Members []string `json:"members"`
		}
		_ = codec.Read(ask.Ask, &shown)
		if len(shown.Members) > 0 && (round.Phase == hierarchy.PhaseElection || n%3 == 0) {
			other := shown.Members[n/8%uint32(len(shown.Members))]
			if round.Phase == hierarchy.PhaseElection {
				return json.RawMessage(`"` + other + `"`), true
			}
			if other != member {
				return json.RawMessage(`{"delegate":"` + other + `"}`), true
			}
		}
		return json.RawMessage([]string{`"yes"`, `"no"`, `{"abstain":true}`}[n/16%5*2/4]), true
	}
}

// Whatever members do, the session ends, everybody has one place on level 0 and every cluster one above, no representative has failed,
// and what arrives at the top is what was cast below.
func TestNobodyIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := crowd(t)()
		protocoltest.Play(t, hierarchy.Hierarchy{}, s, speech(t, false), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		var r api.HierarchyResult
		protocoltest.Result(t, s, &r)
		var p api.HierarchyParams
		if err := codec.Read(s.Params, &p); err != nil {
			t.Fatal(err)
		}
		var placed []string
		for _, c := range r.Levels[0] {
			placed = append(placed, c.Members...)
		}
		slices.Sort(placed)
		if len(placed) != len(s.Members) || len(slices.Compact(placed)) != len(s.Members) {
			t.Fatalf("%d places for %d members", len(placed), len(s.Members))
		}
		failed := map[string]bool{}
		for _, round := range s.Rounds {
			for _, a := range round.Asks {
				failed[a.Member] = failed[a.Member] || a.State != api.AskAnswered
			}
		}
		for level, clusters := range r.Levels {
			seats := 0
			for _, c := range clusters {
				seats += len(c.Clusters)
				if c.Representative != "" && failed[c.Representative] {
					t.Fatalf("%s has failed and represents cluster %d of level %d", c.Representative, c.Cluster, level)
				}
			}
			if level > 0 && seats != len(r.Levels[level-1]) {
				t.Fatalf("%d seats on level %d for %d clusters", seats, level, len(r.Levels[level-1]))
			}
		}
		if p.Delegation != api.DelegateEqual {
			if below, above := weight(r.Levels[0]), weight(r.Levels[len(r.Levels)-1]); below != above {
				t.Fatalf("%s was cast, and %s decides", below, above)
			}
		}
		if p.Delegation == api.DelegateProportional {
			for option, n := range r.Analytics.Popular {
				if r.Levels[len(r.Levels)-1][0].Tally[option] != api.Decimal(n)*api.One {
					t.Fatalf("%v at the top, and the votes are %v", r.Levels[len(r.Levels)-1][0].Tally, r.Analytics.Popular)
				}
			}
		}
		if r.Analytics.Cast+len(r.Silent) > len(s.Members) || r.Confidence > api.One || (r.Decision == "") != (r.Analytics.Cast == 0) {
			t.Fatalf("%+v", r)
		}
	})
}

func weight(level []api.HierarchyCluster) api.Decimal {
	var sum api.Decimal
	for _, c := range level {
		for _, d := range c.Tally {
			sum += d
		}
	}
	return sum
}

// When all are of one mind, that is the decision, however they are clustered.
func TestUnanimity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, option := crowd(t)(), rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "option")
		r := play(t, s, func(member string, round *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			if round.Phase == hierarchy.PhaseElection {
				return json.RawMessage(`"` + member + `"`), true
			}
			return json.RawMessage(`"` + option + `"`), true
		})
		if r.Decision != option || r.Confidence != api.One || r.Analytics.Agreement != api.One {
			t.Fatalf("%+v", r)
		}
	})
}

func TestOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin, say := crowd(t), speech(t, true)
		first := protocoltest.Play(t, hierarchy.Hierarchy{}, begin(), say, nil)
		second := protocoltest.Play(t, hierarchy.Hierarchy{}, begin(), say, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if string(first.Result) != string(second.Result) {
			t.Fatalf("another order of answers gives another result:\n%s\n%s", first.Result, second.Result)
		}
	})
}

// FuzzAnswer: whatever JSON is answered in all phases, the session goes on to its end.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`"a"`, `"yes"`, `{"vote":"no"}`, `{"delegate":"b"}`, `{"representative":"c"}`, `{"abstain":true}`, `null`, `true`, `[]`, `{"vote":1}`} {
		f.Add(a, a)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if !codec.Valid([]byte(one)) || !codec.Valid([]byte(two)) {
			t.Skip("a request carries only JSON")
		}
		play(t, session(6, `{"cluster_size":2,"mandate":"free"}`), func(m string, round *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			if (int(m[0])+round.Number)%2 == 0 {
				return json.RawMessage(one), true
			}
			return json.RawMessage(two), true
		})
	})
}
