package refine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/services/coordination/refine"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDefaults(t *testing.T) {
	set, err := refine.Refinement{}.Check(&api.Session{})
	if err != nil || set.Timeout != 600*time.Second {
		t.Fatalf("%v, %v", set.Timeout, err)
	}
	want := `{"max_rounds":5,"convergence_threshold":0.95,"quality_threshold":0.8,"similarity":"jaccard","estimator":"peers","proposal_timeout":"5m0s","feedback_timeout":"10m0s","similarity_timeout":"2m0s"}`
	if string(set.Params) != want {
		t.Errorf("got %s", set.Params)
	}
	again, err := refine.Refinement{}.Check(&api.Session{Algorithm: set.Algorithm, Params: set.Params})
	if err != nil || string(again.Params) != want {
		t.Errorf("what Check returns is not what it takes: %s, %v", again.Params, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for params, field := range map[string]string{
		`{"max_rounds":0}`: "max_rounds", `{"max_rounds":21}`: "max_rounds", `{"max_rounds":"x"}`: "/max_rounds", `{"rounds":1}`: "/rounds",
		`{"convergence_threshold":1.1}`: "convergence_threshold", `{"quality_threshold":-0.1}`: "quality_threshold", `{"similarity":"semantic"}`: "similarity",
		`{"judge":"a"}`: "judge", `{"similarity":"agent","judge":"x"}`: "judge", `{"estimator":"guess"}`: "estimator", `{"proposal_timeout":"1ms"}`: "proposal_timeout",
		`{"feedback_timeout":"48h"}`: "feedback_timeout",
	} {
		_, err := refine.Refinement{}.Check(protocoltest.New(api.SessionIterative, "", params, "a", "b"))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != api.ReasonConfiguration || len(e.Details.Fields) == 0 || e.Details.Fields[0] != field {
			t.Errorf("%s: %v names %+v", params, err, e)
		}
	}
	if _, err := (refine.Refinement{}).Check(protocoltest.New(api.SessionIterative, "other", "", "a", "b")); api.ReasonOf(err) != api.ReasonConfiguration {
		t.Errorf("an unknown algorithm: %v", err)
	}
	members := make([]string, 21)
	for i := range members {
		members[i] = fmt.Sprintf("m%d", i)
	}
	for n, reason := range map[int]string{0: api.ReasonEmptyAgentPool, 1: api.ReasonFewParticipants, 2: "", 20: "", 21: api.ReasonManyParticipants} {
		if _, err := (refine.Refinement{}).Check(protocoltest.New(api.SessionIterative, "", "", members[:n]...)); api.ReasonOf(err) != reason {
			t.Errorf("%d members: %v", n, err)
		}
	}
	if _, err := (refine.Refinement{}).Check(protocoltest.New(api.SessionIterative, "", `{"similarity":"agent","max_rounds":20}`, members[:20]...)); api.ReasonOf(err) != api.ReasonConfiguration {
		t.Errorf("more than fits in a session: %v", err)
	}
}

func TestAccept(t *testing.T) {
	s := protocoltest.New(api.SessionIterative, "", "", "a", "b", "c")
	if err := protocoltest.Check(refine.Refinement{}, s); err != nil {
		t.Fatal(err)
	}
	ask := api.SessionAsk{Member: "a"}
	bodies := map[string]string{
		refine.PhaseProposal:   `{"round":1,"max_rounds":5,"max_bytes":100}`,
		refine.PhaseFeedback:   `{"round":1,"proposals":[{"member":"b","proposal":"x"},{"member":"c","proposal":"y"}],"max_bytes":100}`,
		refine.PhaseSimilarity: `{"round":2,"pairs":[{"member":"b","before":"x","after":"y"}]}`,
	}
	for phase, answers := range map[string]map[string]bool{
		refine.PhaseProposal: {
			`"text"`: true, ` "text"`: true, `{"proposal":"text"}`: true, `{"proposal":"text","confidence":0}`: true, `{"proposal":"text","confidence":1}`: true,
			`""`: false, `"  "`: false, `{"proposal":"text","confidence":1.000001}`: false, `{"proposal":"text","confidence":-0.1}`: false, `{"proposal":5}`: false,
			`{}`: false, `5`: false, `null`: false, `[]`: false, `{"proposal":"text","colour":"red"}`: false, ``: false, `"` + strings.Repeat("x", 20000) + `"`: false,
			`"\ud800"`: false,
		},
		refine.PhaseFeedback: {
			`{}`: true, `{"b":0.5}`: true, `{"feedback":{"b":0.5,"c":{"quality_score":1,"comment":"good"}}}`: true, `{"feedback":{}}`: true,
			`{"a":0.5}`: false, `{"x":0.5}`: false, `{"b":1.5}`: false, `{"b":-1}`: false, `{"b":"good"}`: false, `{"b":{"comment":"good"}}`: false, `{"b":null}`: false,
			`{"b":{"quality_score":1,"comment":"` + strings.Repeat("x", 3000) + `"}}`: false, `[]`: false, `0.5`: false, `{"feedback":3}`: false,
		},
		refine.PhaseSimilarity: {
			`0.5`: true, `{"b":0.5}`: true, `{"similarity":{"b":1}}`: true, `{}`: true, `1.5`: false, `{"c":1}`: false, `{"b":2}`: false, `"same"`: false, `{"b":{}}`: false,
		},
	} {
		s.Rounds = []api.SessionRound{{Number: 1, Phase: phase}}
		ask.Ask = json.RawMessage(bodies[phase])
		for answer, ok := range answers {
			err := refine.Refinement{}.Accept(s, &ask, json.RawMessage(answer))
			if (err == nil) != ok || err != nil && (api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer) {
				t.Errorf("%s, %.60s: %v", phase, answer, err)
			}
		}
	}
	for answer, want := range map[string]string{`{"a":1}`: "self_feedback_not_allowed", `{"x":1}`: "target_agent_not_participant"} {
		s.Rounds[0].Phase, ask.Ask = refine.PhaseFeedback, json.RawMessage(bodies[refine.PhaseFeedback])
		if err := (refine.Refinement{}).Accept(s, &ask, json.RawMessage(answer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
