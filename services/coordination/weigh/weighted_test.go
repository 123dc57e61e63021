package weigh_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/weigh"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func names(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("m%d", i)
	}
	return ids
}

// play plays a session in which m0, m1, ... answer the words: "-" is silent, "!" fails, and what is no JSON yet is quoted.
func play(t protocoltest.TB, algorithm, params, words string, order protocoltest.Order) (*api.Session, api.WeighResult) {
	t.Helper()
	fields := strings.Fields(words)
	members, answers := names(len(fields)), map[string]string{}
	for i, f := range fields {
		switch {
		case f == "-":
		case f == "!" || strings.ContainsAny(f[:1], `"{0123456789`) || f == "true" || f == "false":
			answers[members[i]] = f
		default:
			answers[members[i]] = `"` + f + `"`
		}
	}
	s := protocoltest.Play(t, weigh.Weighted{}, protocoltest.New(api.SessionWeighted, algorithm, params, members...), protocoltest.Each(answers), order)
	var r api.WeighResult
	protocoltest.Result(t, s, &r)
	return s, r
}

func TestOutcomes(t *testing.T) {
	for _, row := range []struct {
		name, params, votes                  string
		decision, outcome, score, confidence string
		early                                bool
	}{
		{"reference, Keep 22: one approval is not enough", "", "approve - -", "strong_approve", "undecided", "1", "0.333333", false},
		{"reference, Keep 22: two of three are, early", "", "approve approve reject", "strong_approve", "accepted", "1", "0.666667", true},
		{"reference, Keep 23: one of each", "", "approve reject neutral", "approve", "undecided", "0.5", "0.5", false},
		{"reference, Keep 23: three rejections, of which two are enough", "", "reject reject reject", "reject", "rejected", "0", "0", true},
		{"reference, Keep 23: three times neutral", "", "neutral neutral neutral", "approve", "undecided", "0.5", "0.5", false},
		{"reference, Keep 23: no votes", "", "- ! -", "no_decision", "undecided", "0", "0", false},
		{"booleans, words and numbers", "", "true yes 0.5 false no", "approve", "undecided", "0.5", "0.5", false},
		{"bands: 0.7", "", "0.7", "strong_approve", "accepted", "0.7", "0.7", false},
		{"bands: below", "", "0.699999", "approve", "accepted", "0.699999", "0.699999", false},
		{"bands: 0.5", "", "0.5", "approve", "undecided", "0.5", "0.5", false},
		{"bands: below", "", "0.499999", "neutral", "undecided", "0.499999", "0.499999", false},
		{"bands: 0.3", "", "0.3", "neutral", "rejected", "0.3", "0.3", false},
		{"bands: below", "", "0.299999", "reject", "rejected", "0.299999", "0.299999", false},
		{"who is not sure counts less", "", `{"vote":"approve","confidence":0.5} {"vote":"reject","confidence":0.25}`, "approve", "undecided", "0.666667", "0.25", false},
		{"nobody is sure at all", "", `{"vote":true,"confidence":0} {"vote":1,"confidence":0}`, "no_decision", "undecided", "0", "0", false},
		{"exactly the threshold", `{"threshold":0.75}`, "approve reject yes true", "strong_approve", "accepted", "0.75", "0.75", false},
		{"all of the weight", `{"threshold":1}`, "approve yes true -", "strong_approve", "undecided", "1", "0.75", false},
		{"the rest cannot change anything", `{"threshold":0.9}`, "approve reject reject reject reject reject reject reject reject approve approve", "reject", "undecided", "0.1", "0.090909", true},
		{
			"the rest can still reject", "", strings.Repeat("reject ", 10) + strings.Repeat(`{"vote":0,"confidence":0} `, 7) + "reject reject reject",
			"reject", "rejected", "0", "0", true,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, r := play(t, "equal", row.params, row.votes, nil)
			if r.Decision != row.decision || r.Outcome != row.outcome || r.ConsensusReached != (row.outcome != "undecided") {
				t.Errorf("got %+v", r)
			}
			if !strings.HasPrefix(row.name, "the rest cannot") && (r.Score.String() != row.score || r.Confidence.String() != row.confidence) || r.DecidedEarly != row.early {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// Reference, Fix 26: an agent that voted twice counted twice, so that one of three reached the threshold alone. Here each member is
// asked once, answers once, and never has more than half of the weight.
func TestNobodyVotesTwice(t *testing.T) {
	asked := map[string]int{}
	s := protocoltest.Play(t, weigh.Weighted{}, protocoltest.New(api.SessionWeighted, "", "", "m0", "m1", "m2"),
		func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			asked[m]++
			return json.RawMessage(`"approve"`), m == "m0"
		}, nil)
	var r api.WeighResult
	protocoltest.Result(t, s, &r)
	if asked["m0"] != 1 || r.Participants != 1 || r.Confidence != 333_333 || r.ConsensusReached {
		t.Errorf("asked %v: %+v", asked, r)
	}
	experts := `{"experts":{"m0":{"accuracy":1,"consistency":1,"domain_knowledge":1,"past_performance":1},"m1":{"accuracy":0,"consistency":0,"domain_knowledge":0,"past_performance":0}}}`
	if _, r := play(t, "", experts, "approve -", nil); r.Confidence != 500_000 || r.ConsensusReached {
		t.Errorf("one of two is enough alone: %+v", r)
	}
}

func TestAccept(t *testing.T) {
	s := protocoltest.New(api.SessionWeighted, "", "", "m0")
	for _, a := range strings.Split(`"approve"|" Reject "|"neutral"|"yes"|"NO"|true|false|0|1|0.25|1e-3|{"vote":0.5}|{"vote":"approve","confidence":0.5,"reason":"r"}|{"vote":true,"confidence":0}| 0.5 `, "|") {
		if err := (weigh.Weighted{}).Accept(s, nil, json.RawMessage(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, a := range strings.Split(`1.000001|-0.1|2|"maybe"|""|null|[]|[1]|{}|{"vote":null}|{"vote":"x"}|{"vote":{}}|{"vote":1,"confidence":1.1}|{"vote":1,"confidence":-1}|{"vote":1,"confidence":"high"}|{"vote":1,"weight":3}|{"confidence":1}|tru||0.5 0.5|1e400|`+"0\v", "|") {
		if err := (weigh.Weighted{}).Accept(s, nil, json.RawMessage(a)); api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		members                          int
		algorithm, params, reason, field string
	}{
		{0, "", "", api.ReasonEmptyAgentPool, "members"},
		{51, "", "", api.ReasonManyParticipants, "members"},
		{2, "majority", "", api.ReasonConfiguration, "algorithm"},
		{2, "", `{"threshold":0.5}`, api.ReasonConfiguration, "threshold"},
		{2, "", `{"threshold":1.1}`, api.ReasonConfiguration, "threshold"},
		{2, "", `{"weight":1}`, api.ReasonConfiguration, "/weight"},
		{2, "", `{"factors":{"accuracy":0.5}}`, api.ReasonConfiguration, "factors"},
		{2, "", `{"factors":{"accuracy":1.5,"consistency":-0.5}}`, api.ReasonConfiguration, "factors"},
		{2, "equal", `{"factors":{"accuracy":1}}`, api.ReasonConfiguration, "factors"},
		{2, "", `{"experts":{"m0":{"accuracy":2}}}`, api.ReasonConfiguration, "experts"},
		{2, "", `{"experts":{"m0":{"assessments":[{"accuracy":-1}]}}}`, api.ReasonConfiguration, "experts"},
		{2, "", `{"experts":{"m0":{"feedback":[{"efficiency":1.01}]}}}`, api.ReasonConfiguration, "experts"},
		{2, "", `{"experts":{"m0":{"feedback":[` + strings.Repeat("{},", 100) + `{}]}}}`, api.ReasonConfiguration, "experts"},
		{2, "", `null`, api.ReasonConfiguration, "params"},
	} {
		_, err := (weigh.Weighted{}).Check(protocoltest.New(api.SessionWeighted, row.algorithm, row.params, names(row.members)...))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != row.reason || !strings.Contains(strings.Join(e.Details.Fields, " "), row.field) {
			t.Errorf("%+.60v: %v", row, err)
		}
	}
	s := protocoltest.New(api.SessionWeighted, "", "")
	s.Members = nil // a protocol is registered
	for range 2 {
		err := protocoltest.Check(weigh.Weighted{}, s)
		want := `{"threshold":0.6,"factors":{"accuracy":0.3,"consistency":0.2,"domain_knowledge":0.3,"past_performance":0.2}}`
		if err != nil || string(s.Params) != want || s.Algorithm != "expertise" || s.Priority != api.PriorityHigh || s.Timeout.String() != "2m0s" {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if step := (weigh.Weighted{}).Step(s); !strings.HasPrefix(step.Reason, api.ReasonEmptyAgentPool+": ") {
		t.Errorf("without members: %+v", step)
	}
}

// The outcome does not depend on the order of the answers; an early one is that of the full count, and so is an undecided decision.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "members")
		part := rapid.Map(rapid.Int64Range(0, 10), func(i int64) api.Decimal { return api.Decimal(i) * api.One / 10 })
		experts := map[string]api.WeighExpert{}
		words := make([]string, n)
		for i, m := range names(n) {
			if rapid.Bool().Draw(t, "known") {
				a, k := part.Draw(t, "accuracy"), part.Draw(t, "knowledge")
				experts[m] = api.WeighExpert{Accuracy: &a, DomainKnowledge: &k, Consistency: &a, PastPerformance: &k}
			}
			words[i] = rapid.SampledFrom([]string{
				"-", "!", "approve", "approve", "reject", "reject", "neutral", part.Draw(t, "vote").String(),
				fmt.Sprintf(`{"vote":%s,"confidence":%s}`, part.Draw(t, "vote"), part.Draw(t, "confidence")),
			}).Draw(t, "word")
		}
		body, err := codec.Marshal(api.WeighParams{Experts: experts, Threshold: rapid.SampledFrom([]api.Decimal{0, 500_001, 750_000, api.One}).Draw(t, "threshold")})
		if err != nil {
			t.Fatal(err)
		}
		algorithm := rapid.SampledFrom(api.WeighAlgorithms).Draw(t, "algorithm")
		s, r := play(t, algorithm, string(body), strings.Join(words, " "), func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		var told api.Decimal
		for _, w := range r.Weights {
			told += w.Weight
		}
		for m, w := range r.Weights {
			if n > 1 && 2*w.Weight > told || w.Weight <= 0 || w.Weight > 3*api.One {
				t.Fatalf("%s has %v of %v", m, w.Weight, told)
			}
		}
		// The full count: what was not needed is answered too.
		for i := range s.Rounds[0].Asks {
			if a := &s.Rounds[0].Asks[i]; a.State == api.AskUnneeded {
				a.State = api.AskSilent
				if w := words[i]; w != "-" && w != "!" {
					a.State, a.Answer = api.AskAnswered, json.RawMessage(w)
					if strings.Contains("approve reject neutral", w) {
						a.Answer = json.RawMessage(`"` + w + `"`)
					}
				}
			}
		}
		full := weigh.Weighted{}.Step(s).Result.(*api.WeighResult)
		if full.Outcome != r.Outcome || r.Outcome == api.WeighUndecided && full.Decision != r.Decision || full.DecidedEarly {
			t.Fatalf("early: %+v\nfull: %+v", r, full)
		}
		if r.Confidence+r.Against > api.One+1 || r.Fairness.Gini < 0 || r.Fairness.Gini > api.One {
			t.Fatalf("%+v", r)
		}
	})
}

// FuzzAnswer feeds any bytes as answers.
func FuzzAnswer(f *testing.F) {
	for _, a := range []string{`"approve"`, `0.5`, `{"vote":1,"confidence":0.5}`, `null`, `1e400`, `-0`, `[[[[`, "\"\xff\"", `{"vote":[]}`} {
		f.Add(a, a)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		answers := map[string]string{"m0": one, "m1": two}
		s := protocoltest.Play(t, weigh.Weighted{}, protocoltest.New(api.SessionWeighted, "", "", "m0", "m1", "m2"),
			func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
				return json.RawMessage(answers[m]), m != "m2"
			}, nil)
		var r api.WeighResult
		protocoltest.Result(t, s, &r)
		if r.Score < 0 || r.Score > api.One || r.Confidence > api.One {
			t.Errorf("%+v", r)
		}
	})
}
