package ensemble_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/ensemble"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

func play(t protocoltest.TB, algorithm, params string, answers ...string) *api.Session {
	t.Helper()
	by, members := map[string]string{}, []string{}
	for i, a := range answers {
		id := fmt.Sprintf("m%d", i+1)
		members = append(members, id)
		if a != "" {
			by[id] = a
		}
	}
	return protocoltest.Play(t, ensemble.Learning{}, protocoltest.New(api.SessionEnsemble, algorithm, params, members...), protocoltest.Each(by), nil)
}

func TestCombines(t *testing.T) {
	sure := func(p string, c string) string { return `{"prediction":` + p + `,"confidence":` + c + `}` }
	cases := []struct {
		name, algorithm, params string
		answers                 []string
		prediction              string
		agreement, confidence   api.Decimal
		reached, good           bool
	}{
		{"all the same", "", "", []string{`"cat"`, `"Cat "`, `"CAT"`}, `"cat"`, api.One, api.One, true, true},
		{"two of three", "", "", []string{`"cat"`, `"dog"`, `"cat"`}, `"cat"`, 666_667, 666_667, true, false},
		{"exactly the thresholds", "", "", []string{sure(`1`, `1`), sure(`1.0`, `1`), sure(`"1"`, `1`), `2`, `3`}, `1`, 600_000, 600_000, true, false},
		{"one who is sure", "", "", []string{sure(`"a"`, `0.9`), sure(`"b"`, `0.4`), sure(`"b"`, `0.4`)}, `"a"`, 333_333, 300_000, false, false},
		{"heads alone", "majority", "", []string{sure(`"a"`, `0.9`), sure(`"b"`, `0.4`), sure(`"b"`, `0.4`)}, `"b"`, 666_667, 266_667, true, false},
		{"majority ignores weights", "majority", `{"weights":{"m1":9}}`, []string{`"a"`, `"b"`, `"b"`}, `"b"`, 666_667, 666_667, true, false},
		{"a weight", "", `{"weights":{"m1":3}}`, []string{`"a"`, `"b"`, `"b"`}, `"a"`, 600_000, 600_000, true, false},
		{"a tie goes to the label listed first", "", `{"labels":["b","a"]}`, []string{`"a"`, `"B"`}, `"B"`, 500_000, 500_000, false, false},
		{"a tie goes to the first member's", "", "", []string{`"z"`, `"a"`}, `"z"`, 500_000, 500_000, false, false},
		{"a tie of votes goes to more heads", "", "", []string{sure(`"a"`, `1`), sure(`"b"`, `0.5`), sure(`"b"`, `0.5`)}, `"b"`, 666_667, 333_333, true, false},
		{"nobody is sure", "", "", []string{sure(`"a"`, `0`), sure(`"b"`, `0`), sure(`"b"`, `0`)}, `"b"`, 666_667, 0, true, false},
		{"mean", "averaging", "", []string{`1`, `2`, `4.5`}, `2.5`, 0, 0, false, false},
		{"weighted mean", "averaging", "", []string{sure(`10`, `0.75`), sure(`20`, `0.25`)}, `12.5`, 0, 0, false, false},
		{"tolerance", "averaging", `{"tolerance":3}`, []string{sure(`10`, `0.75`), sure(`20`, `0.25`)}, `12.5`, 500_000, 375_000, false, false},
		{"within a tenth", "averaging", "", []string{`95`, `105`, `100`, `100`}, `100`, api.One, api.One, true, true},
		{"halves to even", "averaging", "", []string{`0.000001`, `0.000002`}, `0.000002`, 500_000, 500_000, false, false},
		{"halves to even, downwards", "averaging", "", []string{`0.000002`, `0.000003`}, `0.000002`, 500_000, 500_000, false, false},
		{"below zero", "averaging", "", []string{`-1`, `-2`}, `-1.5`, 0, 0, false, false},
		{"median of an odd number", "median", "", []string{`1`, `100`, `2`}, `2`, 333_333, 333_333, false, false},
		{"median of an even number", "median", "", []string{`1`, `100`, `2`, `4`}, `3`, 0, 0, false, false},
		{"weighted median", "median", "", []string{sure(`1`, `0.9`), sure(`2`, `0.4`), sure(`3`, `0.4`)}, `1`, 333_333, 300_000, false, false},
		{"the silent and the failed abstain", "", "", []string{`"a"`, "", `!out of order`, `"a"`}, `"a"`, api.One, api.One, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r api.EnsembleResult
			protocoltest.Result(t, play(t, c.algorithm, c.params, c.answers...), &r)
			if string(r.Prediction) != c.prediction || r.Agreement != c.agreement || r.Confidence != c.confidence {
				t.Errorf("got %s, agreement %v, confidence %v; want %s, %v, %v", r.Prediction, r.Agreement, r.Confidence, c.prediction, c.agreement, c.confidence)
			}
			if r.ConsensusReached != c.reached || r.QualityMet != c.good {
				t.Errorf("consensus %v, quality %v; want %v, %v", r.ConsensusReached, r.QualityMet, c.reached, c.good)
			}
		})
	}
}

// Reference, section 2: 2 to 10 participants, 300 000 ms, thresholds 0.6 and 0.8, normal priority, weighted_voting.
func TestBoundsOfTheReference(t *testing.T) {
	for n, reason := range map[int]string{0: api.ReasonEmptyAgentPool, 1: api.ReasonFewParticipants, 2: "", 10: "", 11: api.ReasonManyParticipants} {
		s := &api.Session{Type: api.SessionEnsemble, Members: make([]api.SessionMember, n)}
		set, err := ensemble.Learning{}.Check(s)
		if api.ReasonOf(err) != reason {
			t.Errorf("%d members: got %v, want reason %q", n, err, reason)
		}
		if err == nil && (set.Timeout != 300*time.Second || set.Priority != api.PriorityLow || set.Algorithm != "weighted_voting" ||
			!strings.Contains(string(set.Params), `"consensus_threshold":0.6,"quality_threshold":0.8`)) {
			t.Errorf("%d members: the settings are %+v %s", n, set, set.Params)
		}
	}
	if _, err := (ensemble.Learning{}).Check(&api.Session{}); err != nil {
		t.Errorf("registered without members: %v", err)
	}
}

func TestCheckRefuses(t *testing.T) {
	cases := []struct{ algorithm, params, field string }{
		{"boosting", ``, "algorithm"},
		{"", `{"lables":[]}`, "/lables"},
		{"", `{"consensus_threshold":1.1}`, "consensus_threshold"},
		{"", `{"quality_threshold":-1}`, "quality_threshold"},
		{"", `{"weights":{"m1":-1}}`, "weights"},
		{"", `{"labels":["a","A "]}`, "labels"},
		{"averaging", `{"labels":["a"]}`, "labels"},
		{"", `{"tolerance":1}`, "tolerance"},
		{"", `{"min_models":3}`, "min_models"},
		{"", `{"min_models":11}`, "min_models"},
		{"median", `{"calibration":[{"question":"?","answer":"x"}]}`, "calibration"},
		{"", `{"calibration":[{"answer":"x"}]}`, "calibration"},
		{"", `{"labels":["a"],"calibration":[{"question":"?","answer":"x"}]}`, "calibration"},
	}
	for _, c := range cases {
		_, err := ensemble.Learning{}.Check(protocoltest.New(api.SessionEnsemble, c.algorithm, c.params, "m1", "m2"))
		if api.ReasonOf(err) != api.ReasonConfiguration || !slices.Contains(api.AsError(err).Details.Fields, c.field) {
			t.Errorf("%s %s: got %v, want invalid_configuration of %s", c.algorithm, c.params, err, c.field)
		}
	}
}

func TestTooFewPredict(t *testing.T) {
	s := play(t, "", "", `"a"`, "", "")
	if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, api.ReasonFewParticipants+": ") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
	s = play(t, "", `{"min_models":1}`, `"a"`, "")
	if s.State != api.SessionCompleted {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
}

func TestLabelsAreTold(t *testing.T) {
	s := play(t, "", `{"labels":["cat","dog"],"calibration":[{"question":{"of":1},"answer":"dog"}]}`, `"cat"`, `"Dog"`)
	for i, want := range []string{`{"question":{"of":1},"labels":["cat","dog"]}`, `{"labels":["cat","dog"]}`} {
		if got := string(s.Rounds[i].Asks[1].Ask); got != want {
			t.Errorf("round %d asks %s, want %s", i+1, got, want)
		}
	}
	for _, raw := range []string{`"cow"`, `{"prediction":"cow"}`, `null`, `{"prediction":"cat","confidence":2}`, `{"prediction":"cat","sure":true}`} {
		if err := (ensemble.Learning{}).Accept(s, nil, json.RawMessage(raw)); api.ReasonOf(err) != api.ReasonInvalidAnswer {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

// Members that know better weigh more: (right + 1) / (asked + 2) with labels.
func TestCalibrationOfLabels(t *testing.T) {
	params := `{"calibration":[{"question":"1+1","answer":"2"},{"question":"1+2","answer":3}]}`
	know := map[string][]string{"a": {`2`, `"3"`, `"yes"`}, "b": {`2`, `4`, `"no"`}, "c": {`!broken`, `4`, `"no"`}}
	s := protocoltest.Play(t, ensemble.Learning{}, protocoltest.New(api.SessionEnsemble, "", params, "a", "b", "c"), known(know), nil)
	var r api.EnsembleResult
	protocoltest.Result(t, s, &r)
	if len(s.Rounds) != 3 || string(s.Rounds[0].Asks[1].Ask) != `{"question":"1+1"}` {
		t.Errorf("%d rounds, the first asks %s", len(s.Rounds), s.Rounds[0].Asks[1].Ask)
	}
	for i, want := range []api.Decimal{750_000, 500_000, 250_000} {
		if m := r.Members[i]; m.Weight != want || m.Correct != 2-i {
			t.Errorf("%s has weight %v and %d right", m.Member, m.Weight, m.Correct)
		}
	}
	if string(r.Prediction) != `"no"` || r.Scores[0].Score != 750_000 { // a tie of 0.75: more heads
		t.Errorf("%s by %v", r.Prediction, r.Scores)
	}
}

// With numbers the weight is inverse to the mean squared error.
func TestCalibrationOfNumbers(t *testing.T) {
	params := `{"calibration":[{"question":1,"answer":10},{"question":2,"answer":20}],"weights":{"b":2}}`
	know := map[string][]string{"a": {`11`, `20`, `1`}, "b": {`12`, `20`, `2`}, "c": {`10`, `!broken`, `3`}}
	s := protocoltest.Play(t, ensemble.Learning{}, protocoltest.New(api.SessionEnsemble, "averaging", params, "a", "b", "c"), known(know), nil)
	var r api.EnsembleResult
	protocoltest.Result(t, s, &r)
	for i, want := range []api.Decimal{api.One, 500_000, 0} {
		if r.Members[i].Weight != want {
			t.Errorf("%s has weight %v, want %v", r.Members[i].Member, r.Members[i].Weight, want)
		}
	}
	if string(r.Prediction) != `1.333333` {
		t.Errorf("got %s", r.Prediction)
	}
}

func known(by map[string][]string) protocoltest.Answer {
	return func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		return protocoltest.Each(map[string]string{m: by[m][r.Number-1]})(m, r, ask)
	}
}

var said = rapid.SampledFrom([]string{
	`"a"`, `"A"`, `"b"`, `1`, `2.5`, `-3`, `"7"`, `true`, `1e9`, `1e10`, `null`, `[]`, `{}`, `{"prediction":"a","confidence":0.3}`, `{"prediction":4,"confidence":0}`,
	`{"prediction":4,"confidence":2}`, `{"prediction":null}`, `{"prediction":"a","x":1}`, `!failed`, ``,
})

// The result does not depend on who answered first, nobody counts twice, and shares add up.
func TestAnyMembersAnyAnswers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		algorithm := rapid.SampledFrom([]string{"", "majority", "averaging", "median"}).Draw(t, "algorithm")
		params := rapid.SampledFrom([]string{``, `{"min_models":1}`, `{"calibration":[{"question":1,"answer":2}]}`, `{"weights":{"m1":0,"m2":0.5}}`}).Draw(t, "params")
		answers := rapid.SliceOfN(said, 2, 10).Draw(t, "answers")
		one := play(t, algorithm, params, answers...)
		by, members := map[string]string{}, []string{}
		for i, m := range one.Members {
			members = append(members, m.ID)
			if answers[i] != "" {
				by[m.ID] = answers[i]
			}
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1))
		two := protocoltest.Play(t, ensemble.Learning{}, protocoltest.New(api.SessionEnsemble, algorithm, params, members...), protocoltest.Each(by), r.IntN)
		if string(one.Result) != string(two.Result) || one.Reason != two.Reason {
			t.Fatalf("another order, another end:\n%s %s\n%s %s", one.Result, one.Reason, two.Result, two.Reason)
		}
		if one.State != api.SessionCompleted {
			return
		}
		var e api.EnsembleResult
		protocoltest.Result(t, one, &e)
		sum := api.Decimal(0)
		for _, m := range e.Members {
			sum += m.Contribution
		}
		if sum < api.One-10 || sum > api.One+10 || e.Confidence > e.Agreement || e.Agreement > api.One || len(e.Members)+len(e.Absent) != len(members) {
			t.Fatalf("contributions %v, %+v", sum, e)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"prediction":1e9}`), "averaging")
	f.Add([]byte(`"x"`), "")
	f.Fuzz(func(t *testing.T, answer []byte, algorithm string) {
		s := protocoltest.New(api.SessionEnsemble, algorithm, "", "a", "b", "c")
		if _, err := (ensemble.Learning{}).Check(s); err != nil {
			return
		}
		protocoltest.Play(t, ensemble.Learning{}, s, func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			if m == "c" {
				return nil, false
			}
			return answer, true
		}, nil)
	})
}
