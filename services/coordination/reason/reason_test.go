package reason_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/reason"
	"github.com/mabus-project/mabus/shared/api"
)

// samples answers by member and round; "" is silence, "!..." a failure.
func samples(by map[string][]string) protocoltest.Answer {
	return func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		if r.Number > len(by[m]) || by[m][r.Number-1] == "" {
			return nil, false
		}
		return protocoltest.Each(map[string]string{m: by[m][r.Number-1]})(m, r, ask)
	}
}

func play(t protocoltest.TB, params string, by map[string][]string, order protocoltest.Order) *api.Session {
	t.Helper()
	var members []string
	for m := range by {
		members = append(members, m)
	}
	slices.Sort(members)
	return protocoltest.Play(t, reason.Chains{}, protocoltest.New(api.SessionReasoning, "", params, members...), samples(by), order)
}

func TestSelfConsistency(t *testing.T) {
	chain := func(answer, confidence string, steps ...string) string {
		return `{"steps":["` + strings.Join(steps, `","`) + `"],"answer":` + answer + `,"confidence":` + confidence + `}`
	}
	cases := []struct {
		name, params string
		by           map[string][]string
		answer       string
		agreement    api.Decimal
		reached      bool
		rounds       int
	}{
		{"one member, one answer", ``, map[string][]string{"a": {`42`, `"42.0"`, `" 42 "`}}, `42`, api.One, true, 3},
		{"four of five are enough", `{"samples":1}`, map[string][]string{"a": {`"x"`}, "b": {`"x"`}, "c": {`"y"`}, "d": {`"X"`}, "e": {`"x"`}}, `"x"`, 800_000, true, 1},
		{"three of five are not", `{"samples":1}`, map[string][]string{"a": {`"x"`}, "b": {`"x"`}, "c": {`"y"`}, "d": {`"y"`}, "e": {`"x"`}}, `"x"`, 600_000, false, 1},
		{"a tie goes to the surer", `{"samples":1}`, map[string][]string{"a": {chain(`1`, `0.5`)}, "b": {chain(`2`, `0.6`)}}, `2`, 500_000, false, 1},
		{"a tie of both goes to the first member", `{"samples":1}`, map[string][]string{"b": {`2`}, "a": {`1`}}, `1`, 500_000, false, 1},
		{
			"not early when a tie may come", `{"samples":2,"consensus_threshold":0.5}`,
			map[string][]string{"a": {`{"answer":1,"confidence":0.1}`, `2`}},
			`2`, 500_000, true, 2,
		},
		{"the silent do not count", ``, map[string][]string{"a": {`1`, `1`, `1`}, "b": {"", "!no", ""}}, `1`, api.One, true, 3},
		{
			"early: all further chains change nothing", `{"samples":5,"consensus_threshold":0.5}`,
			map[string][]string{"a": {`1`, `1`, `1`}, "b": {`1`, `1`, `1`}},
			`1`, api.One, true, 3,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := play(t, c.params, c.by, nil)
			var r api.ReasoningResult
			protocoltest.Result(t, s, &r)
			if string(r.Answer) != c.answer || r.Agreement != c.agreement || r.ConsensusReached != c.reached || len(s.Rounds) != c.rounds {
				t.Errorf("got %s, %v, %v in %d rounds; want %s, %v, %v in %d", r.Answer, r.Agreement, r.ConsensusReached, len(s.Rounds), c.answer, c.agreement, c.reached, c.rounds)
			}
			if r.DecidedEarly != strings.HasPrefix(c.name, "early") {
				t.Errorf("decided early: %v", r.DecidedEarly)
			}
		})
	}
}

func TestBestChain(t *testing.T) {
	by := map[string][]string{
		"a": {`{"steps":["guess"],"answer":"x","confidence":0.3}`},
		"b": {`{"steps":["think","check"],"answer":"X","confidence":0.9}`},
		"c": {`{"steps":["wrong"],"answer":"y","confidence":1}`},
	}
	var r api.ReasoningResult
	protocoltest.Result(t, play(t, `{"samples":1}`, by, nil), &r)
	if r.Best.Member != "b" || !slices.Equal(r.Best.Steps, []string{"think", "check"}) || r.Confidence != 600_000 || r.QualityMet || r.Chains != 3 {
		t.Errorf("%+v", r)
	}
}

func TestNobodyAnswers(t *testing.T) {
	s := play(t, ``, map[string][]string{"a": {}, "b": {"!no", "!no", "!no"}}, nil)
	if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "no_answers: ") || len(s.Rounds) != 3 {
		t.Errorf("%s: %s after %d rounds", s.State, s.Reason, len(s.Rounds))
	}
}

// Reference, section 2: 1 to 5 participants, 600 000 ms, thresholds 0.8 and 0.8, high priority.
func TestBoundsOfTheReference(t *testing.T) {
	for n, want := range map[int]string{0: api.ReasonEmptyAgentPool, 1: "", 5: "", 6: api.ReasonManyParticipants} {
		set, err := reason.Chains{}.Check(&api.Session{Members: make([]api.SessionMember, n)})
		if api.ReasonOf(err) != want {
			t.Errorf("%d members: got %v, want reason %q", n, err, want)
		}
		if err == nil && (set.Timeout != 600*time.Second || set.Priority != api.PriorityHigh ||
			string(set.Params) != `{"samples":3,"consensus_threshold":0.8,"quality_threshold":0.8}`) {
			t.Errorf("the settings are %+v %s", set, set.Params)
		}
	}
	for _, params := range []string{`{"samples":41}`, `{"samples":-1}`, `{"consensus_threshold":2}`, `{"quality_threshold":-0.1}`, `{"sample":1}`, `[]`} {
		_, err := reason.Chains{}.Check(protocoltest.New(api.SessionReasoning, "", params, "a"))
		if api.ReasonOf(err) != api.ReasonConfiguration {
			t.Errorf("%s: got %v", params, err)
		}
	}
}

var said = rapid.SampledFrom([]string{
	`"a"`, `"A "`, `"b"`, `1`, `"1.0"`, `{"answer":"a","confidence":0.4}`, `{"answer":1,"steps":["s"]}`, `null`, `{}`, `{"answer":{}}`, `{"answer":"a","confidence":7}`, `!no`, ``,
})

// What a session ends with, early or not and in whatever order the answers came, is what a count of all chains says.
func TestEarlyIsAsTheFullCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 5).Draw(t, "members"), rapid.IntRange(1, 6).Draw(t, "samples")
		threshold := rapid.SampledFrom([]api.Decimal{0, 500_000, 666_667, 800_000, api.One}).Draw(t, "threshold")
		by := map[string][]string{}
		for i := range n {
			by[fmt.Sprintf("m%d", i)] = rapid.SliceOfN(said, k, k).Draw(t, "answers")
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1))
		s := play(t, fmt.Sprintf(`{"samples":%d,"consensus_threshold":%v}`, k, threshold), by, r.IntN)
		votes, total := map[string]int{}, 0
		for _, list := range by {
			for _, raw := range list {
				key := map[string]string{
					`"a"`: "a", `"A "`: "a", `"b"`: "b", `1`: "1", `"1.0"`: "1", `{"answer":"a","confidence":0.4}`: "a", `{"answer":1,"steps":["s"]}`: "1",
				}[raw]
				if key != "" {
					votes[key]++
					total++
				}
			}
		}
		if total == 0 {
			if s.State != api.SessionFailed {
				t.Fatalf("no chains, and the session is %s", s.State)
			}
			return
		}
		var got api.ReasoningResult
		protocoltest.Result(t, s, &got)
		key := map[string]string{`"a"`: "a", `"A "`: "a", `"b"`: "b", `1`: "1", `"1.0"`: "1"}[string(got.Answer)]
		for other, v := range votes {
			if v > votes[key] {
				t.Fatalf("%s won with %d, but %s has %d", key, votes[key], other, v)
			}
		}
		// A share of at most 30 chains is never halfway between two millionths.
		full := api.Decimal((2*int64(votes[key])*int64(api.One) + int64(total)) / int64(2*total))
		if got.ConsensusReached != (full >= threshold) {
			t.Fatalf("consensus %v with %v in full, threshold %v: %s", got.ConsensusReached, full, threshold, s.Result)
		}
		if got.Chains > total || !got.DecidedEarly && got.Chains != total {
			t.Fatalf("%d chains are counted, there were %d", got.Chains, total)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"steps":["a"],"answer":1}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		protocoltest.Play(t, reason.Chains{}, protocoltest.New(api.SessionReasoning, "", "", "a", "b"),
			func(string, *api.SessionRound, *api.SessionAsk) (json.RawMessage, bool) { return answer, true }, nil)
	})
}
