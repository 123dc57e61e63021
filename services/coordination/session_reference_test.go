package coordination_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
)

// The numbers of the reference system that are kept: votes of yes, no and more, asked of agents and counted.
func TestReferenceVotes(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	words := map[string]string{}
	h.members(t, func(id string, _ *api.SessionQuestion) any { return words[id] }, "a", "b", "c")
	for _, c := range []struct {
		algorithm, votes, decision, confidence string
		reached                                bool
	}{
		{api.BallotMajority, "y y n", "y", "0.666667", true},
		{api.BallotMajority, "y n", "", "0.5", false},
		{api.BallotMajority, "a b c", "", "0.333333", false},
		{api.BallotUnanimous, "y y y", "y", "1", true},
		{api.BallotUnanimous, "y y n", "", "0", false},
	} {
		t.Run(c.algorithm+" "+c.votes, func(t *testing.T) {
			ids := []string{"a", "b", "c"}[:len(strings.Fields(c.votes))]
			for i, w := range strings.Fields(c.votes) {
				words[ids[i]] = w
			}
			r := vote(ids...)
			r.Algorithm, r.Params = c.algorithm, json.RawMessage(`{"options":["y","n","a","b","c"],"min_turnout":1}`)
			got := result[api.BallotResult](t, h.hold(t, r))
			if got.Decision != c.decision || got.ConsensusReached != c.reached || got.Confidence.String() != c.confidence {
				t.Errorf("%+v", got)
			}
		})
	}
}

// How many members a byzantine session needs (13), and the quorums (14), are told before anybody is asked.
func TestReferenceByzantineSizes(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	var ids []string
	for i := range 7 {
		ids = append(ids, fmt.Sprintf("b%d", i))
	}
	h.register(t, ids...)
	for _, c := range []struct {
		f, n int
		ok   bool
		says string
	}{{1, 2, false, "needs 4 members, it has 2"}, {2, 4, false, "needs 7 members, it has 4"}, {2, 7, true, ""}, {0, 1, true, ""}, {1, 3, false, "needs 4"}} {
		x, err := h.Sessions.Start(until(t), api.SessionStartRequest{
			Type: api.SessionByzantine, Members: ids[:c.n], Question: json.RawMessage(`1`), Params: json.RawMessage(fmt.Sprintf(`{"f":%d}`, c.f)),
		})
		if !c.ok {
			wantError(t, err, api.Invalid, api.ReasonInsufficientAgents)
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("f=%d, n=%d: %v", c.f, c.n, err)
			}
			continue
		}
		if err != nil || x.Priority != api.PriorityHigh || x.Algorithm != "pbft" {
			t.Errorf("f=%d, n=%d: %+v, %v", c.f, c.n, x, err)
		}
	}
}

// Three completed runs raise the counts by three (11).
func TestReferenceCounts(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	h.members(t, always("yes"), "a", "b")
	for n := range 3 {
		h.hold(t, vote("a", "b"))
		s, err := h.Sessions.Stats(until(t))
		if err != nil || s.Total != n+1 || s.Active != 0 || len(s.Types) != 1 || s.Types[0].Type != api.SessionConsensus || s.Types[0].Started != n+1 || s.Types[0].Completed != n+1 {
			t.Errorf("%+v, %v", s, err)
		}
		if c := s.Types[0]; c.Asked != 2*(n+1) || c.Answered != c.Asked || c.Duration <= 0 || c.Longest < c.Duration {
			t.Errorf("%+v", c)
		}
	}
}

// One session of each type, of which the protocols' own tests have the numbers: agents are asked, round by round, and a result comes of it.
func TestEveryType(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	for _, c := range everyType {
		t.Run(c.name, func(t *testing.T) {
			var ids []string
			for i := range c.members {
				ids = append(ids, fmt.Sprintf("%s%d", c.name, i))
			}
			h.members(t, c.answer, ids...)
			x := h.hold(t, api.SessionStartRequest{
				Type: c.typ, Algorithm: c.algorithm, Members: ids, Question: json.RawMessage(`"what then"`),
				Params: json.RawMessage(strings.ReplaceAll(c.params, "$", c.name)),
			})
			if x.State != api.SessionCompleted {
				t.Fatalf("%s: %s", x.State, x.Reason)
			}
			for _, want := range c.result {
				if !strings.Contains(string(x.Result), want) {
					t.Errorf("the result lacks %s: %s", want, x.Result)
				}
			}
			if x.Stats.Asked == 0 || x.Stats.Failed+x.Stats.Silent > 0 {
				t.Errorf("%+v", x.Stats)
			}
			h.verify(t, x.ID)
		})
	}
}
