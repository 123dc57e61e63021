package refine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/refine"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// answers draws what anybody says in any phase, as a function of round and member alone, so that another order changes nothing.
func answers(t *rapid.T, reliable bool) protocoltest.Answer {
	seed := rapid.Uint32().Draw(t, "seed")
	return func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		n := seed
		for _, c := range fmt.Sprintf("%s/%d", member, round.Number) {
			n = n*16777619 ^ uint32(c)
		}
		n >>= 8
		switch {
		case !reliable && n%7 == 0:
			return nil, false
		case !reliable && n%7 == 1:
			return json.RawMessage("broken"), false
		case !reliable && n%7 == 2:
			return json.RawMessage([]string{`5`, `{"a":[]}`, `"x"`, `null`}[n%4]), true
		}
		switch round.Phase {
		case refine.PhaseProposal:
			return json.RawMessage(fmt.Sprintf(`{"proposal":"word%d and word%d","confidence":%s}`, n%3, n%5, api.Decimal(n%1_000_001))), true
		case refine.PhaseFeedback:
			var a api.RefineFeedbackAsk
			_ = codec.Read(ask.Ask, &a)
			var said []string
			for i, p := range a.Proposals {
				said = append(said, fmt.Sprintf(`"%s":%s`, p.Member, api.Decimal((n+uint32(i)*7919)%1_000_001)))
			}
			return json.RawMessage(`{` + strings.Join(said, ",") + `}`), true
		}
		var a api.RefineSimilarityAsk
		_ = codec.Read(ask.Ask, &a)
		return json.RawMessage(fmt.Sprintf(`{"%s":%s}`, a.Pairs[0].Member, api.Decimal(n%1_000_001))), true
	}
}

func session(t *rapid.T) func() *api.Session {
	members := make([]string, rapid.IntRange(2, 6).Draw(t, "members"))
	for i := range members {
		members[i] = fmt.Sprintf("m%d", i)
	}
	params := fmt.Sprintf(`{"max_rounds":%d,"similarity":"%s","estimator":"%s"}`, rapid.IntRange(1, 6).Draw(t, "rounds"),
		rapid.SampledFrom([]string{"jaccard", "custom", "agent"}).Draw(t, "similarity"), rapid.SampledFrom([]string{"peers", "length"}).Draw(t, "estimator"))
	return func() *api.Session { return protocoltest.New(api.SessionIterative, "", params, members...) }
}

// Whatever members do, the session ends within its rounds, and all its figures are within 0 and 1.
func TestAnySessionEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := protocoltest.Play(t, refine.Refinement{}, session(t)(), answers(t, false), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		var p api.RefineParams
		if err := codec.Read(s.Params, &p); err != nil {
			t.Fatal(err)
		}
		if len(s.Rounds) > 3*p.MaxRounds {
			t.Fatalf("%d phases for %d rounds", len(s.Rounds), p.MaxRounds)
		}
		if s.State == api.SessionFailed {
			if len(s.Rounds) != 1 {
				t.Fatalf("it fails after %d phases: %s", len(s.Rounds), s.Reason)
			}
			return
		}
		var r api.RefineResult
		protocoltest.Result(t, s, &r)
		if r.Rounds != len(r.History) || r.Rounds > p.MaxRounds || r.FinalProposal == "" {
			t.Fatalf("%+v", r)
		}
		for _, h := range r.History {
			unit(t, h.Convergence, h.ConsensusLevel)
			for _, sc := range h.Scores {
				unit(t, sc.Quality, sc.Feedback, sc.Confidence, sc.Composite)
				if sc.Ratings >= len(s.Members) {
					t.Fatalf("%s is rated %d times by %d others", sc.Member, sc.Ratings, len(s.Members)-1)
				}
			}
		}
	})
}

func unit(t *rapid.T, figures ...api.Decimal) {
	for _, d := range figures {
		if d < 0 || d > api.One {
			t.Fatalf("%s is not within 0 and 1", d)
		}
	}
}

func TestOrderOfArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begin, say := session(t), answers(t, true)
		first := protocoltest.Play(t, refine.Refinement{}, begin(), say, nil)
		second := protocoltest.Play(t, refine.Refinement{}, begin(), say, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if string(first.Result) != string(second.Result) {
			t.Fatalf("another order of answers gives another result:\n%s\n%s", first.Result, second.Result)
		}
	})
}

func TestSimilarityRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-d]{1,2}[ \n]){0,6}`)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		for name, f := range map[string]func(a, b string) api.Decimal{"jaccard": refine.Jaccard, "custom": func(a, b string) api.Decimal { return refine.Custom(a, b) }} {
			if f(a, b) != f(b, a) || f(a, a) != api.One || f(a, b) < 0 || f(a, b) > api.One {
				t.Fatalf("%s: %s, %s, %s", name, f(a, b), f(b, a), f(a, a))
			}
		}
		if refine.Jaccard(a, b) != refine.Jaccard(strings.ToUpper(a)+" ", b) {
			t.Fatal("case or space matters")
		}
	})
}

// FuzzAnswer: whatever JSON is answered in all phases, the session goes on to its end.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`"x"`, `{"proposal":"x","confidence":0.5}`, `{"a":1}`, `{"feedback":{"b":{"quality_score":1}}}`, `{"similarity":{"a":1}}`, `null`, `[[]]`, `1`, `{"feedback":{"feedback":{}}}`} {
		f.Add(a, a)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if !codec.Valid([]byte(one)) || !codec.Valid([]byte(two)) {
			t.Skip("a request carries only JSON")
		}
		protocoltest.Play(t, refine.Refinement{}, protocoltest.New(api.SessionIterative, "", `{"max_rounds":2,"similarity":"agent"}`, "a", "b", "c"),
			func(m string, round *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
				switch {
				case m == "c" && round.Phase == refine.PhaseProposal:
					return json.RawMessage(`"c says this"`), true
				case m == "a":
					return json.RawMessage(one), true
				}
				return json.RawMessage(two), true
			}, nil)
	})
}
