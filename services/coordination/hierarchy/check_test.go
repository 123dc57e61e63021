package hierarchy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/shared/api"
)

func TestDefaults(t *testing.T) {
	set, err := hierarchy.Hierarchy{}.Check(&api.Session{})
	want := `{"options":["yes","no"],"cluster_size":5,"max_levels":4,"balance_tolerance":0.3,"target_efficiency":0.8,"clustering":"random","representatives":"election",` +
		`"delegation":"expertise_based","mandate":"bound","delegation_timeout":"30s","threshold":0.5}`
	if err != nil || string(set.Params) != want || set.Timeout != time.Minute {
		t.Errorf("got %s for %v, %v", set.Params, set.Timeout, err)
	}
	again, err := hierarchy.Hierarchy{}.Check(&api.Session{Algorithm: set.Algorithm, Params: set.Params})
	if err != nil || string(again.Params) != want {
		t.Errorf("what Check returns is not what it takes: %s, %v", again.Params, err)
	}
}

func TestCheckRefuses(t *testing.T) {
	for params, field := range map[string]string{
		`{"options":["x"]}`: "options", `{"options":["x","x"]}`: "options", `{"options":["x",""]}`: "options", `{"cluster_size":1}`: "cluster_size", `{"cluster_size":51}`: "cluster_size",
		`{"max_levels":0}`: "max_levels", `{"max_levels":11}`: "max_levels", `{"balance_tolerance":1.5}`: "balance_tolerance", `{"target_efficiency":-1}`: "target_efficiency",
		`{"threshold":2}`: "threshold", `{"clustering":"geographic"}`: "clustering", `{"clustering":"attributes"}`: "attributes", `{"attributes":["x"]}`: "attributes",
		`{"representatives":"lot"}`: "representatives", `{"delegation":"whim"}`: "delegation", `{"mandate":"none"}`: "mandate", `{"mandate":"free","delegation":"proportional"}`: "mandate",
		`{"delegation_timeout":"1ms"}`: "delegation_timeout", `{"size":3}`: "/size", `{"max_levels":"x"}`: "/max_levels",
	} {
		_, err := hierarchy.Hierarchy{}.Check(session(6, params))
		e := api.AsError(err)
		if e == nil || e.Code != api.Invalid || e.Details.Reason != api.ReasonConfiguration || len(e.Details.Fields) == 0 || e.Details.Fields[0] != field {
			t.Errorf("%s: %v names %+v", params, err, e)
		}
	}
	for name, row := range map[string]struct {
		change func(*api.Session)
		reason string
	}{
		"an unknown algorithm": {func(s *api.Session) { s.Algorithm = "other" }, api.ReasonConfiguration},
		"empty_proposal":       {func(s *api.Session) { s.Question = nil }, api.ReasonMissingFields},
		"expertise is no word": {func(s *api.Session) { s.Members[0].Attributes["expertise"] = "high" }, api.ReasonConfiguration},
		"expertise of nothing": {func(s *api.Session) { s.Members[0].Attributes["expertise"] = "0" }, api.ReasonConfiguration},
		"no members":           {func(s *api.Session) { s.Members = s.Members[:0] }, api.ReasonEmptyAgentPool},
		"five members":         {func(s *api.Session) { s.Members = s.Members[:5] }, api.ReasonFewParticipants},
	} {
		s := session(6, "")
		row.change(s)
		if _, err := (hierarchy.Hierarchy{}).Check(s); api.ReasonOf(err) != row.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAccept(t *testing.T) {
	s := session(6, "")
	bodies := map[string]string{
		hierarchy.PhaseElection: `{"cluster":0,"members":["a","b"]}`,
		hierarchy.PhaseVote:     `{"options":["yes","no","a"],"cluster":0,"members":["a","b"]}`,
		hierarchy.Phase(1):      `{"options":["yes","no"],"level":1,"cluster":0,"decision":"yes","tally":{},"weight":1}`,
	}
	for phase, answers := range map[string]map[string]bool{
		hierarchy.PhaseElection: {`"a"`: true, `"b"`: true, `{"representative":"b"}`: true, `"c"`: false, `{}`: false, `5`: false, `null`: false, `{"representative":"b","x":1}`: false, `[]`: false},
		hierarchy.PhaseVote: {
			`"yes"`: true, `"YES"`: true, `true`: true, `false`: true, `{"vote":"no"}`: true, `{"delegate":"b"}`: true, `{"abstain":true}`: true, `"abstain"`: true, `"a"`: true,
			`"maybe"`: false, `{"vote":"no","delegate":"b"}`: false, `{"delegate":"a"}`: false, `{"delegate":"c"}`: false, `{}`: false, `{"abstain":false}`: false, `1`: false, `null`: false,
			`{"vote":5}`: false, `"b"`: false, `""`: false,
		},
		hierarchy.Phase(1): {`"yes"`: true, `{"vote":"no"}`: true, `{"abstain":true}`: true, `{"delegate":"b"}`: false, `"x"`: false},
	} {
		s.Rounds = []api.SessionRound{{Number: 1, Phase: phase}}
		for answer, ok := range answers {
			err := hierarchy.Hierarchy{}.Accept(s, &api.SessionAsk{Member: "a", Ask: json.RawMessage(bodies[phase])}, json.RawMessage(answer))
			if (err == nil) != ok || err != nil && (api.CodeOf(err) != api.Invalid || api.ReasonOf(err) != api.ReasonInvalidAnswer) {
				t.Errorf("%s: %s: %v", phase, answer, err)
			}
		}
	}
}
