package search_test

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
	"github.com/mabus-project/mabus/services/coordination/search"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// score answers by what an evaluation comes to for a member; false fails it.
func score(t protocoltest.TB, of func(member string, ask api.SearchAsk) (string, bool)) protocoltest.Answer {
	return func(m string, _ *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		var body api.SearchAsk
		if err := codec.Decode(ask.Ask, &body); err != nil {
			t.Fatalf("the question %s: %v", ask.Ask, err)
		}
		text, ok := of(m, body)
		if text == "" {
			return nil, false
		}
		return json.RawMessage(text), ok
	}
}

// number gives the score that is the value of x.
func number(_ string, ask api.SearchAsk) (string, bool) { return string(ask.Config["x"]), true }

func play(t protocoltest.TB, algorithm, params string, members int, of func(string, api.SearchAsk) (string, bool)) *api.Session {
	t.Helper()
	return protocoltest.Play(t, search.Parameters{}, session(algorithm, params, members), score(t, of), nil)
}

func session(algorithm, params string, members int) *api.Session {
	return protocoltest.New(api.SessionSearch, algorithm, params, []string{"a", "b", "c", "d"}[:members]...)
}

func TestGridLooksAtEverything(t *testing.T) {
	params := `{"parameter_space":{"x":{"min":1,"max":5,"steps":3},"kind":{"values":["sgd",{"adam":0.9}]}},"objective":"minimize"}`
	s := play(t, "grid", params, 4, func(_ string, ask api.SearchAsk) (string, bool) {
		if string(ask.Config["kind"]) == `"sgd"` {
			return `{"score":` + string(ask.Config["x"]) + `}`, true
		}
		return `0.5`, true
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	var seen []string
	for _, e := range r.Evaluations {
		raw, _ := codec.Marshal(e.Config)
		seen = append(seen, string(raw))
	}
	want := []string{`{"kind":"sgd","x":1}`, `{"kind":"sgd","x":3}`, `{"kind":"sgd","x":5}`, `{"kind":{"adam":0.9},"x":1}`, `{"kind":{"adam":0.9},"x":3}`, `{"kind":{"adam":0.9},"x":5}`}
	if !slices.Equal(seen, want) {
		t.Errorf("looked at %q", seen)
	}
	if r.Best.Candidate != 3 || *r.Best.Score != 500_000 || r.Stopped != "exhausted" || len(s.Rounds) != 2 || r.Candidates != 6 {
		t.Errorf("the best is %+v after %d rounds, %s", r.Best, len(s.Rounds), r.Stopped)
	}
}

func TestScales(t *testing.T) {
	for space, want := range map[string]string{
		`{"min":0,"max":1,"steps":5}`:                                 `[0,0.25,0.5,0.75,1]`,
		`{"min":-1,"max":1,"steps":4}`:                                `[-1,-0.333333,0.333333,1]`,
		`{"min":1,"max":10,"steps":4,"integer":true}`:                 `[1,4,7,10]`,
		`{"min":-2,"max":0,"steps":5,"integer":true}`:                 `[-2,-1,0]`,
		`{"min":0.001,"max":1,"steps":4,"scale":"log"}`:               `[0.001,0.01,0.1,1]`,
		`{"min":1,"max":1000,"steps":4,"scale":"log","integer":true}`: `[1,10,100,1000]`,
		`{"min":1,"max":8,"steps":10,"scale":"log","integer":true}`:   `[1,2,3,4,5,6,8]`,
		`{"min":1,"max":2,"steps":3,"scale":"log"}`:                   `[1,1.414214,2]`,
		`{"min":0.000001,"max":1000000000,"steps":2,"scale":"log"}`:   `[0.000001,1000000000]`,
		`{"min":0.000001,"max":1000000000,"steps":16,"scale":"log"}`:  `[0.000001,0.00001,0.0001,0.001,0.01,0.1,1,10,100,1000,10000,100000,1000000,10000000,100000000,1000000000]`,
	} {
		set, err := search.Parameters{}.Check(session("grid", `{"parameter_space":{"x":`+space+`}}`, 1))
		if err != nil {
			t.Errorf("%s: %v", space, err)
			continue
		}
		if got := string(set.Params); !strings.Contains(got, `{"x":{"values":`+want+`}}`) {
			t.Errorf("%s: got %s, want %s", space, got, want)
		}
	}
}

func TestRandomStaysInRangeAndRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Int64Range(1, 1e9).Draw(t, "min")
		high := low + rapid.Int64Range(1, 1e15-1e9).Draw(t, "width")
		scale := rapid.SampledFrom([]string{"linear", "log"}).Draw(t, "scale")
		params := fmt.Sprintf(`{"parameter_space":{"x":{"min":%v,"max":%v,"scale":%q}},"max_evaluations":20,"seed":"s%d"}`,
			api.Decimal(low), api.Decimal(high), scale, rapid.Int().Draw(t, "seed"))
		var r api.SearchResult
		protocoltest.Result(t, play(t, "random", params, 3, number), &r)
		seen := map[string]bool{}
		for _, e := range r.Evaluations {
			x := string(e.Config["x"])
			v, err := api.ParseDecimal(x)
			if err != nil || v < api.Decimal(low) || v > api.Decimal(high) || seen[x] {
				t.Fatalf("%s is out of range, or again", x)
			}
			seen[x] = true
		}
		if len(seen) != 20 && high-low > 200 || r.Stopped == "target" {
			t.Fatalf("%d candidates, %s", len(seen), r.Stopped)
		}
	})
}

// A log scale has as many draws in each decade.
func TestRandomLogIsEven(t *testing.T) {
	params := `{"parameter_space":{"x":{"min":0.001,"max":1000,"scale":"log"}},"max_evaluations":500}`
	var r api.SearchResult
	protocoltest.Result(t, play(t, "random", params, 4, number), &r)
	decades := map[int]int{}
	for _, e := range r.Evaluations {
		v, _ := api.ParseDecimal(string(e.Config["x"]))
		decade := 0
		for bound := api.Decimal(10_000); v >= bound; bound *= 10 {
			decade++
		}
		decades[decade]++
	}
	for d := range 6 { // 83 are expected in each, with a standard deviation of 8
		if decades[d] < 50 || decades[d] > 116 {
			t.Errorf("decade %d has %d of %d", d, decades[d], len(r.Evaluations))
		}
	}
}

func TestRandomIsOfItsSeed(t *testing.T) {
	draw := func(id, params string) string {
		s := session("random", params, 2)
		s.ID = id
		var r api.SearchResult
		protocoltest.Result(t, protocoltest.Play(t, search.Parameters{}, s, score(t, number), nil), &r)
		raw, _ := codec.Marshal(r.Evaluations)
		return string(raw)
	}
	const space = `{"parameter_space":{"x":{"min":0,"max":1}},"max_evaluations":5`
	one, again := draw("one", space+`}`), draw("one", space+`}`)
	if one != again || one == draw("two", space+`}`) {
		t.Error("the session's id does not make the draws")
	}
	if draw("one", space+`,"seed":"x"}`) != draw("two", space+`,"seed":"x"}`) {
		t.Error("the seed does not make the draws")
	}
}

func TestSmallSpaceIsDrawnWhole(t *testing.T) {
	var r api.SearchResult
	protocoltest.Result(t, play(t, "random", `{"parameter_space":{"x":{"min":1,"max":9,"steps":9}}}`, 2, number), &r)
	if r.Candidates != 9 || r.Stopped != "exhausted" || *r.Best.Score != 9*api.One {
		t.Errorf("%d candidates, the best %v, %s", r.Candidates, *r.Best.Score, r.Stopped)
	}
	inOrder := slices.IsSortedFunc(r.Evaluations, func(a, b api.SearchEvaluation) int { return int(*a.Score - *b.Score) })
	if inOrder {
		t.Error("the order is not random")
	}
}

func TestTarget(t *testing.T) {
	params := `{"parameter_space":{"x":{"min":1,"max":50,"steps":50}},"target":8}`
	for objective, rounds := range map[string]int{"maximise": 4, "minimise": 1} {
		s := play(t, "grid", strings.Replace(params, `"target"`, `"objective":"`+objective+`","target"`, 1), 2, number)
		var r api.SearchResult
		protocoltest.Result(t, s, &r)
		if r.Stopped != "target" || len(s.Rounds) != rounds {
			t.Errorf("%s: %s after %d rounds, best %v", objective, r.Stopped, len(s.Rounds), *r.Best.Score)
		}
	}
}

func TestHalving(t *testing.T) {
	params := `{"parameter_space":{"x":{"min":0,"max":1}},"min_budget":2,"max_budget":50}`
	budgets := map[int]api.Decimal{}
	s := play(t, "successive_halving", params, 4, func(_ string, ask api.SearchAsk) (string, bool) {
		budgets[ask.Rung] = *ask.Budget
		return number("", ask)
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	if !slices.Equal(r.Rungs, []int{27, 9, 3, 1}) || r.Stopped != "exhausted" || len(r.Evaluations) != 40 {
		t.Errorf("rungs %v, %s, %d evaluations", r.Rungs, r.Stopped, len(r.Evaluations))
	}
	for rung, want := range []api.Decimal{2 * api.One, 6 * api.One, 18 * api.One, 50 * api.One} {
		if budgets[rung] != want {
			t.Errorf("rung %d has %v, want %v", rung, budgets[rung], want)
		}
	}
	best := r.Best.Score
	for _, e := range r.Evaluations {
		if *e.Score > *best {
			t.Errorf("%v was better than %v", *e.Score, *best)
		}
	}
	if r.Best.Rung != 3 {
		t.Errorf("the best is of rung %d", r.Best.Rung)
	}
}

// Each rung keeps the best of the one before, and evaluations that fail for good count as the worst.
func TestHalvingKeepsTheBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		params := fmt.Sprintf(`{"parameter_space":{"x":{"min":0,"max":1}},"max_evaluations":400,"eta":%d,"candidates":%d,"max_attempts":2}`,
			rapid.IntRange(2, 4).Draw(t, "eta"), rapid.IntRange(1, 30).Draw(t, "candidates"))
		seed := rapid.Uint64().Draw(t, "failures")
		of := func(m string, ask api.SearchAsk) (string, bool) {
			g := rand.New(rand.NewPCG(seed, uint64(ask.Candidate)<<16|uint64(m[0])<<8|uint64(ask.Rung)))
			return fmt.Sprint(g.IntN(5)), g.IntN(3) > 0
		}
		members := rapid.IntRange(1, 4).Draw(t, "members")
		one := play(t, "successive_halving", params, members, of)
		r := rand.New(rand.NewPCG(seed, 1))
		two := protocoltest.Play(t, search.Parameters{}, session("successive_halving", params, members), score(t, of), r.IntN)
		if string(one.Result) != string(two.Result) || one.Reason != two.Reason {
			t.Fatalf("another order, another end:\n%s\n%s", one.Result, two.Result)
		}
		if one.State != api.SessionCompleted {
			return
		}
		var result api.SearchResult
		protocoltest.Result(t, one, &result)
		rungs := make([]map[int]api.Decimal, len(result.Rungs))
		for _, e := range result.Evaluations {
			if rungs[e.Rung] == nil {
				rungs[e.Rung] = map[int]api.Decimal{}
			}
			if e.Score != nil {
				rungs[e.Rung][e.Candidate] = *e.Score
			}
		}
		for _, e := range result.Evaluations {
			if e.Rung == 0 {
				continue
			}
			for other, v := range rungs[e.Rung-1] {
				on := slices.ContainsFunc(result.Evaluations, func(o api.SearchEvaluation) bool { return o.Rung == e.Rung && o.Candidate == other })
				if v > rungs[e.Rung-1][e.Candidate] && !on {
					t.Fatalf("rung %d has candidate %d and not the better %d: %s", e.Rung, e.Candidate, other, one.Result)
				}
			}
		}
	})
}

func TestFailuresAreTriedAgainByOthers(t *testing.T) {
	params := `{"parameter_space":{"x":{"values":[1,2,3,4]}},"max_attempts":2}`
	s := play(t, "grid", params, 2, func(m string, ask api.SearchAsk) (string, bool) {
		x := string(ask.Config["x"])
		switch {
		case x == "1" && m == "a":
			return `no memory`, false
		case x == "4":
			return "", false
		}
		return x, true
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	var got []string
	for _, e := range r.Evaluations {
		got = append(got, fmt.Sprintf("%d %s%d %s", e.Round, e.Member, e.Candidate, e.Error))
	}
	want := []string{
		"1 a0 failed: no memory", "1 b1 ", "2 b0 ", "2 a2 ", "3 a3 no answer in time", "4 b3 no answer in time",
	}
	if !slices.Equal(got, want) || *r.Best.Score != 3*api.One || r.Failed != 3 {
		t.Errorf("%q, the best %v, %d failed", got, *r.Best.Score, r.Failed)
	}
}

// Who has not tried what failed, but is busy, is waited for: the others go on meanwhile.
func TestOnlyOneLeftToTry(t *testing.T) {
	s := play(t, "grid", `{"parameter_space":{"x":{"min":0,"max":5,"steps":6}}}`, 3, func(m string, ask api.SearchAsk) (string, bool) {
		return string(ask.Config["x"]), ask.Candidate > 1 || m == "c"
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	var got []string
	for _, e := range r.Evaluations {
		got = append(got, fmt.Sprintf("%d%s%d", e.Round, e.Member, e.Candidate))
	}
	if want := []string{"1a0", "1b1", "1c2", "2b0", "2a1", "2c3", "3c0", "3a4", "3b5", "4c1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What fails for good does not shorten the next rung.
func TestHalvingWithFailures(t *testing.T) {
	params := `{"parameter_space":{"x":{"min":0,"max":1}},"candidates":9,"max_attempts":1}`
	s := play(t, "successive_halving", params, 2, func(_ string, ask api.SearchAsk) (string, bool) {
		return string(ask.Config["x"]), ask.Rung > 0 || ask.Candidate != 4
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	if !slices.Equal(r.Rungs, []int{9, 3, 1}) || r.Failed != 1 {
		t.Errorf("rungs %v, %d failed", r.Rungs, r.Failed)
	}
}

// A member that only fails is passed over as long as another one is there.
func TestDeadMemberIsPassedOver(t *testing.T) {
	s := play(t, "grid", `{"parameter_space":{"x":{"min":1,"max":40,"steps":40}}}`, 2, func(m string, ask api.SearchAsk) (string, bool) {
		if m == "a" {
			return "", false
		}
		return number(m, ask)
	})
	var r api.SearchResult
	protocoltest.Result(t, s, &r)
	if r.Failed != 3 || len(r.Evaluations) != 43 {
		t.Errorf("%d of %d failed", r.Failed, len(r.Evaluations))
	}
}

func TestNothingSucceeds(t *testing.T) {
	for _, algorithm := range []string{"random", "grid", "successive_halving"} {
		s := play(t, algorithm, `{"parameter_space":{"x":{"values":[1,2]}}}`, 2, func(string, api.SearchAsk) (string, bool) { return "", false })
		if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "no_answers: ") {
			t.Errorf("%s: %s", s.State, s.Reason)
		}
	}
}

// Reference, section 2: 1 to 20 participants, 3 600 000 ms, at most 100 evaluations, high priority; without a parameter space the
// reference crashed.
func TestBoundsOfTheReference(t *testing.T) {
	params := json.RawMessage(`{"parameter_space":{"x":{"values":[1]}}}`)
	for n, want := range map[int]string{0: api.ReasonEmptyAgentPool, 1: "", 20: "", 21: api.ReasonManyParticipants} {
		set, err := search.Parameters{}.Check(&api.Session{Params: params, Members: make([]api.SessionMember, n)})
		if api.ReasonOf(err) != want {
			t.Errorf("%d members: got %v, want reason %q", n, err, want)
		}
		if err == nil && (set.Timeout != 3600*time.Second || set.Priority != api.PriorityHigh || !strings.Contains(string(set.Params), `"max_evaluations":100,`)) {
			t.Errorf("the settings are %+v %s", set, set.Params)
		}
	}
	if _, err := (search.Parameters{}).Check(session("", "", 1)); api.ReasonOf(err) != api.ReasonConfiguration {
		t.Errorf("without a space: %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"score":1}`), []byte(`{"parameter_space":{"x":{"min":1,"max":4,"steps":3}},"max_evaluations":5}`), "grid")
	f.Add([]byte(`1`), []byte(`{"parameter_space":{"x":{"min":0.1,"max":4,"scale":"log"}},"max_evaluations":5}`), "random")
	f.Add([]byte(`1`), []byte(`{"parameter_space":{"x":{"min":1,"max":4,"integer":true}},"max_evaluations":9}`), "successive_halving")
	f.Fuzz(func(t *testing.T, answer, params []byte, algorithm string) {
		s := session(algorithm, string(params), 3)
		if _, err := (search.Parameters{}).Check(s); err != nil {
			return
		}
		protocoltest.Play(t, search.Parameters{}, s, func(string, *api.SessionRound, *api.SessionAsk) (json.RawMessage, bool) { return answer, true }, nil)
	})
}
