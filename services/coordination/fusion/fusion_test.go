package fusion_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/fusion"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func session(algorithm, params string, modalities ...string) *api.Session {
	var ids []string
	for i := range modalities {
		ids = append(ids, fmt.Sprintf("m%d", i+1))
	}
	s := protocoltest.New(api.SessionFusion, algorithm, params, ids...)
	for i, m := range modalities {
		s.Members[i].Attributes = map[string]string{"modality": m}
	}
	return s
}

func each(answers ...string) protocoltest.Answer {
	by := map[string]string{}
	for i, a := range answers {
		if a != "" {
			by[fmt.Sprintf("m%d", i+1)] = a
		}
	}
	return protocoltest.Each(by)
}

func TestFuses(t *testing.T) {
	scores := func(cat, dog, confidence string) string {
		return `{"scores":{"cat":` + cat + `,"dog":` + dog + `},"confidence":` + confidence + `}`
	}
	cases := []struct {
		name, algorithm, params string
		modalities, answers     []string
		decision                string
		confidence, quality     api.Decimal
		reached                 bool
		missing                 []string
		coverage                api.Decimal
	}{
		{"mean of two", "", "", []string{"text", "image"}, []string{scores(`3`, `1`, `1`), scores(`0.25`, `0.75`, `0.6`)}, "cat", 500_000, 800_000, false, nil, api.One},
		{"weights", "", `{"weights":{"text":3}}`, []string{"text", "image"}, []string{scores(`1`, `0`, `1`), scores(`0`, `1`, `1`)}, "cat", 750_000, api.One, true, nil, api.One},
		{"confidences do not weigh", "", "", []string{"text", "image"}, []string{scores(`1`, `0`, `0.2`), scores(`0`, `1`, `0.8`)}, "cat", 500_000, 500_000, false, nil, api.One},
		{"with attention they do", "attention", "", []string{"text", "image"}, []string{scores(`1`, `0`, `0.2`), scores(`0`, `1`, `0.8`)}, "dog", 800_000, 680_000, true, nil, api.One},
		{"a label in other cases", "", "", []string{"text", "image"}, []string{`"Cat"`, `{"label":"CAT"}`}, "Cat", api.One, api.One, true, nil, api.One},
		{"exactly the threshold", "", `{"weights":{"text":0.7,"image":0.3}}`, []string{"text", "image"}, []string{`"cat"`, `"dog"`}, "cat", 700_000, api.One, true, nil, api.One},
		{"a missing modality", "", `{"weights":{"text":3}}`, []string{"text", "image", "sound"}, []string{`"cat"`, `!no`, `"dog"`}, "cat", 750_000, api.One, true, []string{"image"}, 800_000},
		{"two of one modality are one", "", "", []string{"text", "image", "image"}, []string{`"cat"`, `"dog"`, scores(`1`, `1`, `0.5`)}, "cat", 625_000, 875_000, false, nil, api.One},
		{"only what does not weigh", "", `{"weights":{"image":0}}`, []string{"text", "image"}, []string{``, `"dog"`}, "dog", api.One, api.One, true, []string{"text"}, 0},
		{"a tie goes to the label listed first", "", `{"labels":["dog","cat"]}`, []string{"text", "image"}, []string{`"cat"`, `"dog"`}, "dog", 500_000, api.One, false, nil, api.One},
		{"nobody is sure", "attention", "", []string{"text", "image"}, []string{scores(`1`, `0`, `0`), scores(`1`, `1`, `0`)}, "cat", 750_000, 0, true, nil, api.One},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var r api.FusionResult
			protocoltest.Result(t, protocoltest.Play(t, fusion.Modalities{}, session(c.algorithm, c.params, c.modalities...), each(c.answers...), nil), &r)
			if r.Decision != c.decision || r.Confidence != c.confidence || r.Quality != c.quality || r.ConsensusReached != c.reached {
				t.Errorf("got %s, %v, %v, %v; want %s, %v, %v, %v", r.Decision, r.Confidence, r.Quality, r.ConsensusReached, c.decision, c.confidence, c.quality, c.reached)
			}
			if !slices.Equal(r.Missing, c.missing) || r.Coverage != c.coverage {
				t.Errorf("missing %v, coverage %v; want %v, %v", r.Missing, r.Coverage, c.missing, c.coverage)
			}
		})
	}
}

func TestEarlyFusionShowsEveryoneEverything(t *testing.T) {
	s := session("early_fusion", `{"labels":["cat","dog"]}`, "text", "image", "sound")
	s = protocoltest.Play(t, fusion.Modalities{}, s, func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		var body api.FusionAsk
		if err := codec.Decode(ask.Ask, &body); err != nil {
			t.Error(err)
		}
		switch {
		case m == "m3" && r.Phase == "observe":
			return nil, false
		case r.Phase == "observe":
			return json.RawMessage(`{"seen by":"` + body.Modality + `"}`), true
		}
		if len(body.Observations) != 2 || string(body.Observations[1].Observation) != `{"seen by":"image"}` || body.Observations[1].Modality != "image" {
			t.Errorf("%s is shown %+v", m, body.Observations)
		}
		return json.RawMessage(`"dog"`), true
	}, nil)
	var r api.FusionResult
	protocoltest.Result(t, s, &r)
	if r.Decision != "dog" || len(s.Rounds) != 2 || len(r.Modalities) != 3 {
		t.Errorf("%+v in %d rounds", r, len(s.Rounds))
	}
}

func TestNobodyJudges(t *testing.T) {
	s := protocoltest.Play(t, fusion.Modalities{}, session("", "", "text", "image"), each("", ""), nil)
	if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "no_answers: ") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
}

// Reference, section 2: 2 to 5 participants, 600 000 ms, thresholds 0.7 and 0.8, normal priority, late_fusion.
func TestBoundsOfTheReference(t *testing.T) {
	for n, want := range map[int]string{0: api.ReasonEmptyAgentPool, 1: api.ReasonFewParticipants, 2: "", 5: "", 6: api.ReasonManyParticipants} {
		set, err := fusion.Modalities{}.Check(&api.Session{Members: make([]api.SessionMember, n)})
		if api.ReasonOf(err) != want {
			t.Errorf("%d members: got %v, want reason %q", n, err, want)
		}
		if err == nil && (set.Timeout != 600*time.Second || set.Priority != api.PriorityLow || set.Algorithm != "late_fusion" ||
			string(set.Params) != `{"consensus_threshold":0.7,"quality_threshold":0.8}`) {
			t.Errorf("the settings are %+v %s", set, set.Params)
		}
	}
	for _, params := range []string{
		`{"modalities":{"x":"text"}}`, `{"modalities":{"m1":""}}`, `{"weights":{"text":-1}}`, `{"weights":{"text":0,"image":0}}`, `{"labels":[""]}`,
		`{"consensus_threshold":2}`, `{"quality_threshold":2}`, `{"lables":[]}`,
	} {
		if _, err := (fusion.Modalities{}).Check(session("", params, "text", "image")); api.ReasonOf(err) != api.ReasonConfiguration {
			t.Errorf("%s: got %v", params, err)
		}
	}
}

func TestAcceptRefuses(t *testing.T) {
	s := session("", `{"labels":["cat","dog"]}`, "text", "image")
	if err := protocoltest.Check(fusion.Modalities{}, s); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		`"cow"`, `{"scores":{"cow":1}}`, `{"scores":{"cat":0}}`, `{"scores":{"cat":-1,"dog":1}}`, `{"scores":{"cat":1,"CAT":1}}`, `{}`, `null`, `[]`,
		`{"scores":{"cat":1},"label":"cat"}`, `{"label":"cat","confidence":1.1}`, `{"label":"cat","sure":1}`,
	} {
		if err := (fusion.Modalities{}).Accept(s, &api.SessionAsk{}, json.RawMessage(raw)); api.ReasonOf(err) != api.ReasonInvalidAnswer {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

var said = rapid.SampledFrom([]string{
	`"a"`, `"b"`, `1`, `{"scores":{"a":1,"b":2,"c":0.000001},"confidence":0.3}`, `{"scores":{"a":1e9}}`, `{"label":"c","confidence":0}`, `{"scores":{"z":0}}`, `null`, `[1]`, `!no`, ``,
})

func TestAnyAnswersInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		algorithm := rapid.SampledFrom([]string{"", "early_fusion", "attention"}).Draw(t, "algorithm")
		params := rapid.SampledFrom([]string{``, `{"weights":{"text":0.1,"image":7}}`, `{"labels":["b","a"]}`}).Draw(t, "params")
		modalities := rapid.SliceOfN(rapid.SampledFrom([]string{"text", "image", "sound"}), 2, 5).Draw(t, "modalities")
		answers := rapid.SliceOfN(said, len(modalities), len(modalities)).Draw(t, "answers")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 1))
		one := protocoltest.Play(t, fusion.Modalities{}, session(algorithm, params, modalities...), each(answers...), nil)
		two := protocoltest.Play(t, fusion.Modalities{}, session(algorithm, params, modalities...), each(answers...), r.IntN)
		if string(one.Result) != string(two.Result) || one.Reason != two.Reason {
			t.Fatalf("another order, another end:\n%s\n%s", one.Result, two.Result)
		}
		if one.State != api.SessionCompleted {
			return
		}
		var f api.FusionResult
		protocoltest.Result(t, one, &f)
		scores, weights := api.Decimal(0), api.Decimal(0)
		for _, l := range f.Scores {
			scores += l.Score
		}
		for _, m := range f.Modalities {
			weights += m.Weight
		}
		if scores < api.One-10 || scores > api.One+10 || weights < api.One-10 || weights > api.One+10 {
			t.Fatalf("scores add up to %v, weights to %v: %s", scores, weights, one.Result)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"scores":{"a":1}}`), "attention")
	f.Add([]byte(`{"x":"y"}`), "early_fusion")
	f.Fuzz(func(t *testing.T, answer []byte, algorithm string) {
		s := session(algorithm, "", "text", "image")
		if _, err := (fusion.Modalities{}).Check(s); err != nil {
			return
		}
		protocoltest.Play(t, fusion.Modalities{}, s, func(string, *api.SessionRound, *api.SessionAsk) (json.RawMessage, bool) { return answer, true }, nil)
	})
}
