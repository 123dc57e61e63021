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
	"github.com/mabus-project/mabus/shared/codec"
)

// talk answers by phase: proposals by round and member, everything else by member.
type talk struct {
	proposals []map[string]string // the last goes on for ever
	feedback  map[string]string
	alike     map[string]string
}

func (k talk) answer(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
	from := k.feedback
	switch round.Phase {
	case refine.PhaseProposal:
		var a api.RefineProposalAsk
		_ = codec.Decode(ask.Ask, &a)
		from = k.proposals[min(a.Round, len(k.proposals))-1]
	case refine.PhaseSimilarity:
		from = k.alike
	}
	text, ok := from[member]
	return json.RawMessage(text), ok
}

func play(t protocoltest.TB, params string, members []string, k talk) (*api.Session, api.RefineResult) {
	s := protocoltest.Play(t, refine.Refinement{}, protocoltest.New(api.SessionIterative, "", params, members...), answering(k), nil)
	var r api.RefineResult
	protocoltest.Result(t, s, &r)
	return s, r
}

// answering lets who has nothing to say be silent.
func answering(k talk) protocoltest.Answer {
	return func(member string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		if raw, ok := k.answer(member, round, ask); ok {
			return raw, true
		}
		return nil, false
	}
}

func each(members []string, f func(i int, m string) string) map[string]string {
	out := map[string]string{}
	for i, m := range members {
		out[m] = f(i, m)
	}
	return out
}

var abc = []string{"a", "b", "c"}

// Keep 28: Jaccard of {the quick brown fox} and {the quick red fox} is 0.6, and 1 of the same; their mean is 0.8, and custom, with an
// unchanged text of 25 characters, 0.84636.
func TestKeep28(t *testing.T) {
	if got := refine.Jaccard("The quick brown fox", "the quick RED fox"); got.String() != "0.6" {
		t.Errorf("got %s", got)
	}
	same := "an unchanged text of this" // 25 characters
	if got := refine.Jaccard(same, same); got != api.One {
		t.Errorf("got %s", got)
	}
	if got := refine.Custom("the quick brown fox", "the quick red fox", same, same); got < 846_360 || got > 846_370 {
		t.Errorf("got %s", got)
	}
	for similarity, want := range map[string]string{"jaccard": "0.8", "custom": "0.846364"} {
		_, r := play(t, `{"max_rounds":2,"similarity":"`+similarity+`"}`, []string{"a", "b"}, talk{proposals: []map[string]string{
			{"a": `"the quick brown fox"`, "b": `"` + same + `"`},
			{"a": `"the quick red fox"`, "b": `"` + same + `"`},
		}})
		if got := r.History[1].Convergence; got.String() != want || r.History[0].Convergence != 0 {
			t.Errorf("%s: got %s, want %s", similarity, got, want)
		}
	}
}

// Keep 29: "same text" three times, confidence 0.1, feedback 0.1, 0.2 and 0.3, one round: quality 0.178, consensus level 0.99333.
func TestKeep29(t *testing.T) {
	scores := map[string]string{"a": "0.1", "b": "0.2", "c": "0.3"}
	_, r := play(t, `{"max_rounds":1,"estimator":"length"}`, abc, talk{
		proposals: []map[string]string{each(abc, func(int, string) string { return `{"proposal":"same text","confidence":0.1}` })},
		feedback: each(abc, func(_ int, m string) string {
			var said []string
			for _, other := range abc {
				if other != m {
					said = append(said, fmt.Sprintf(`"%s":{"quality_score":%s}`, other, scores[other]))
				}
			}
			return `{"feedback":{` + strings.Join(said, ",") + `}}`
		}),
	})
	if r.FinalQuality.String() != "0.178" || r.ProposedBy != "c" || r.ConsensusLevel.String() != "0.993333" || r.TerminationReason != api.RefineMaxRounds || r.Rounds != 1 {
		t.Errorf("got %+v", r)
	}
	if h := r.History[0].Scores[2]; h.Quality.String() != "0.095" || h.Feedback.String() != "0.3" || h.Ratings != 2 {
		t.Errorf("got %+v", h)
	}
}

// Fix: the reference threw its history away, so that it never converged and never stagnated.
func TestFixTerminations(t *testing.T) {
	poor := each(abc, func(i int, m string) string {
		return fmt.Sprintf(`{"%s":0.2,"%s":0.3}`, abc[(i+1)%3], abc[(i+2)%3])
	})
	different := func(n int) map[string]string {
		return each(abc, func(_ int, m string) string { return fmt.Sprintf(`"%s says %d"`, m, n*1000) })
	}
	always := each(abc, func(_ int, m string) string { return `"` + m + ` says the same"` })
	for name, row := range map[string]struct {
		params string
		k      talk
		want   string
		rounds int
	}{
		"convergence":         {``, talk{proposals: []map[string]string{different(1), always, always}, feedback: poor}, api.RefineConverged, 3},
		"quality":             {`{"quality_threshold":0.3}`, talk{proposals: []map[string]string{always}, feedback: poor}, api.RefineGoodEnough, 1},
		"stagnation":          {``, talk{proposals: []map[string]string{different(1), different(2), different(3), different(4)}, feedback: poor}, api.RefineStagnated, 3},
		"max rounds":          {`{"max_rounds":2}`, talk{proposals: []map[string]string{different(1), different(2)}, feedback: poor}, api.RefineMaxRounds, 2},
		"silence later":       {``, talk{proposals: []map[string]string{different(1), {}}, feedback: poor}, api.RefineNoProposals, 1},
		"nobody rates":        {`{"max_rounds":2}`, talk{proposals: []map[string]string{different(1), different(2)}}, api.RefineMaxRounds, 2},
		"one proposes":        {`{"max_rounds":1}`, talk{proposals: []map[string]string{{"b": `"only mine"`}}, feedback: map[string]string{"a": `{"b":0.4}`}}, api.RefineMaxRounds, 1},
		"a judge says so":     {`{"similarity":"agent","judge":"b"}`, talk{proposals: []map[string]string{different(1), different(2)}, feedback: poor, alike: map[string]string{"b": `{"similarity":{"a":1,"b":0.96,"c":0.95}}`}}, api.RefineConverged, 2},
		"all judge":           {`{"similarity":"agent"}`, talk{proposals: []map[string]string{different(1), different(2)}, feedback: poor, alike: map[string]string{"a": `{"b":1,"c":1}`, "b": `{"a":1}`}}, api.RefineConverged, 2},
		"the judge is silent": {`{"similarity":"agent","judge":"b","max_rounds":2}`, talk{proposals: []map[string]string{always}, feedback: poor}, api.RefineMaxRounds, 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := play(t, row.params, abc, row.k)
			if r.TerminationReason != row.want || r.Rounds != row.rounds || len(r.History) != row.rounds || r.Converged != (row.want == api.RefineConverged) {
				t.Errorf("got %s after %d rounds: %+v", r.TerminationReason, r.Rounds, r.History)
			}
		})
	}
}

// Of equal composites the first is the best, and less than 0.05 between the best of three rounds is stagnation.
func TestStagnation(t *testing.T) {
	for spread, want := range map[string]string{"0.04": api.RefineStagnated, "0.05": api.RefineMaxRounds} {
		s := protocoltest.New(api.SessionIterative, "", `{"max_rounds":4}`, "a", "b")
		protocoltest.Play(t, refine.Refinement{}, s, func(m string, round *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			turn := (round.Number + 1) / 2
			if round.Phase == refine.PhaseProposal {
				return json.RawMessage(fmt.Sprintf(`{"proposal":"%s%d","confidence":%s}`, m, turn, []string{"0.2", "0.3", "0.4", "0.9"}[turn-1])), true
			}
			// The confidence adds 0.02 a round, and the scores the rest of the spread: 0.8 of it.
			score := map[string][]string{"0.04": {"0.3", "0.3", "0.3", "0"}, "0.05": {"0.3", "0.3", "0.3125", "0.3125"}}[spread][turn-1]
			return json.RawMessage(fmt.Sprintf(`{"%s":%s}`, map[string]string{"a": "b", "b": "a"}[m], score)), true
		}, nil)
		var r api.RefineResult
		protocoltest.Result(t, s, &r)
		if r.TerminationReason != want || r.History[0].Best != "a" || r.History[0].Scores[0].Composite != r.History[0].Scores[1].Composite {
			t.Errorf("%s: %s, %+v", spread, r.TerminationReason, r.History)
		}
	}
}

func TestNobodyProposes(t *testing.T) {
	s := protocoltest.Play(t, refine.Refinement{}, protocoltest.New(api.SessionIterative, "", "", "a", "b"), answering(talk{proposals: []map[string]string{{}}}), nil)
	if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "no_proposals: ") {
		t.Errorf("%s: %s", s.State, s.Reason)
	}
}

// What a member is shown: all proposals but its own, what was said of its own, and the best.
func TestAsks(t *testing.T) {
	s, r := play(t, `{"max_rounds":2,"similarity":"agent"}`, abc, talk{
		proposals: []map[string]string{each(abc, func(_ int, m string) string { return `{"proposal":"` + m + ` one"}` }), each(abc, func(_ int, m string) string { return `"` + m + ` two"` })},
		feedback:  map[string]string{"a": `{"b":{"quality_score":0.7,"comment":"fine"},"c":0.1}`, "c": `{"b":0.6}`},
		alike:     map[string]string{"a": `{"b":0.5}`},
	})
	if len(s.Rounds) != 5 || r.History[0].Best != "b" || r.History[1].Convergence.String() != "0.5" {
		t.Fatalf("%d phases, %+v", len(s.Rounds), r.History)
	}
	for i, want := range []struct{ phase, body string }{
		{refine.PhaseProposal, `{"round":1,"max_rounds":2,"max_bytes":16384}`},
		{refine.PhaseFeedback, `{"round":1,"proposals":[{"member":"a","proposal":"a one"},{"member":"c","proposal":"c one"}],"max_bytes":2048}`},
		{refine.PhaseProposal, `{"round":2,"max_rounds":2,"max_bytes":16384,"previous":"b one","feedback":[{"from":"a","quality_score":0.7,"comment":"fine"},{"from":"c","quality_score":0.6}]}`},
		{refine.PhaseFeedback, `{"round":2,"proposals":[{"member":"a","proposal":"a two"},{"member":"c","proposal":"c two"}],"max_bytes":2048}`},
		{refine.PhaseSimilarity, `{"round":2,"pairs":[{"member":"a","before":"a one","after":"a two"},{"member":"c","before":"c one","after":"c two"}]}`},
	} {
		if got := s.Rounds[i].Asks[1]; s.Rounds[i].Phase != want.phase || string(got.Ask) != want.body {
			t.Errorf("%s: %s", s.Rounds[i].Phase, got.Ask)
		}
	}
	if took := s.Rounds[1].Deadline.Sub(s.Rounds[1].AskedAt); took != 600*time.Second {
		t.Errorf("feedback has %v", took)
	}
	if took := s.Rounds[0].Deadline.Sub(s.Rounds[0].AskedAt); took != 300*time.Second {
		t.Errorf("proposals have %v", took)
	}
	if took := s.Rounds[4].Deadline.Sub(s.Rounds[4].AskedAt); took != 120*time.Second {
		t.Errorf("similarity has %v", took)
	}
}
