package ballot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/ballot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

// names returns the ids of n members.
func names(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("m%d", i)
	}
	return ids
}

// votes gives the words as answers to m0, m1, ...: "-" is silent, "!" fails, and what is no JSON yet is quoted.
func votes(words string) (members []string, answers map[string]string) {
	answers = map[string]string{}
	fields := strings.Fields(words)
	for i, m := range names(len(fields)) {
		members = append(members, m)
		switch f := fields[i]; {
		case f == "-":
		case f == "!" || strings.ContainsAny(f, `"[{`):
			answers[m] = f
		default:
			answers[m] = `"` + f + `"`
		}
	}
	return members, answers
}

func play(t protocoltest.TB, algorithm, params, words string, order protocoltest.Order) (*api.Session, api.BallotResult) {
	t.Helper()
	members, answers := votes(words)
	s := protocoltest.Play(t, ballot.Consensus{}, protocoltest.New(api.SessionConsensus, algorithm, params, members...), protocoltest.Each(answers), order)
	var r api.BallotResult
	protocoltest.Result(t, s, &r)
	return s, r
}

func TestOutcomes(t *testing.T) {
	const abc = `{"options":["a","b","c"]}`
	for _, row := range []struct {
		name, algorithm, params, votes string
		decision, confidence           string
		reached                        bool
	}{
		{"reference, Keep 8: two of three", "", `{"options":["y","n"]}`, "y y n", "y", "0.666667", true},
		{"reference, Keep 8: a tie", "", `{"options":["y","n"]}`, "y n", "", "0.5", false},
		{"reference, Keep 8: three ways", "", abc, "a b c", "", "0.333333", false},
		{"half is no majority, though the tie is broken", "majority", `{"tie":"first"}`, "no yes", "yes", "0.5", false},
		{"a leader without a majority", "majority", abc, "a b a c c c b", "c", "0.428571", false},
		{"who is silent abstains", "majority", "", "yes - ! no yes", "yes", "0.666667", true},
		{"who abstains does not count", "majority", "", "yes abstain no yes", "yes", "0.666667", true},
		{"nobody answers", "majority", "", "- ! -", "", "0", false},

		{"reference, Keep 7: unanimous", "unanimous", "", "yes yes yes", "yes", "1", true},
		{"reference: not unanimous", "unanimous", "", "yes yes no", "", "0", false},
		{"reference: unanimous, nobody", "unanimous", "", "- -", "", "0", false},
		{"unanimous but for one who is silent", "unanimous", "", "yes - yes", "yes", "1", true},
		{"unanimous, and all must answer", "unanimous", `{"min_turnout":1}`, "yes - yes", "yes", "1", false},

		{"two thirds are enough", "supermajority", "", "yes no yes", "yes", "0.666667", true},
		{"less is not", "supermajority", "", "yes no yes no yes", "yes", "0.6", false},
		{"three quarters", "supermajority", `{"threshold":0.75}`, "yes no yes yes", "yes", "0.75", true},
		{"all", "supermajority", `{"threshold":1}`, "yes no yes yes", "yes", "0.75", false},

		{"plurality", "plurality", abc, "a b a c", "a", "0.5", true},
		{"plurality with a tie", "plurality", abc, "b a", "", "0.5", false},
		{"plurality, the first of a tie", "plurality", `{"options":["a","b","c"],"tie":"first"}`, "c b c b", "b", "0.5", true},

		{"weights", "weighted_quorum", `{"weights":{"m0":3}}`, "yes no no", "yes", "0.6", true},
		{"half of the weight is no quorum", "weighted_quorum", `{"weights":{"m0":2}}`, "yes no no", "", "0.5", false},
		{"who is silent counts against", "weighted_quorum", "", "yes yes - - -", "yes", "0.4", false},
		{"a higher quorum", "weighted_quorum", `{"quorum":0.75}`, "yes yes yes no", "yes", "0.75", false},
		{"a weight of nothing", "weighted_quorum", `{"weights":{"m1":0,"m2":0,"other":9}}`, "yes no no", "yes", "1", true},

		{"approval", "approval", abc, `["a","b"] ["b","c"] b [] abstain`, "b", "0.75", true},
		{"approval with a tie", "approval", abc, `["a","b"] ["b","a"]`, "", "1", false},
		{"approval of nothing", "approval", abc, `[] []`, "", "0", false},

		{"a majority of first places", "ranked_choice", abc, `["a","b"] a ["b"]`, "a", "0.666667", true},
		{"the second places decide", "ranked_choice", abc, `a a b b ["c","b"]`, "b", "0.6", true},
		{"ballots run out", "ranked_choice", abc, `a a b c c`, "", "0.4", false},
		{"ballots run out, the first of a tie", "ranked_choice", `{"options":["a","b","c"],"tie":"first"}`, `c c b a a`, "a", "0.4", true},
		{"of the fewest the last goes", "ranked_choice", abc, `["a"] ["b","a"] ["c","b"]`, "b", "0.666667", true},
		{"ranked by nobody", "ranked_choice", "", `abstain -`, "", "0", false},

		{"turnout", "majority", `{"min_turnout":0.6}`, "yes abstain yes - -", "yes", "1", true},
		{"no turnout", "majority", `{"min_turnout":0.61}`, "yes abstain yes - -", "yes", "1", false},
		{"reference, Keep 1: nobody is asked", "majority", "", "", "", "0", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, r := play(t, row.algorithm, row.params, row.votes, nil)
			if r.Decision != row.decision || r.ConsensusReached != row.reached || !r.DecidedEarly && r.Confidence.String() != row.confidence {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestResultInFull(t *testing.T) {
	_, got := play(t, "ranked_choice", `{"options":["a","b","c","d"]}`, `["a","d"] ["a","b"] ["b","a"] ["c","b"] ["d","c"] abstain - b`, nil)
	want := api.BallotResult{
		Decision: "b", Confidence: 500_000, ConsensusReached: true, Members: 8, Participants: 7, Abstained: 1, Turnout: 875_000,
		Tally: map[string]api.Decimal{"a": 2 * api.One, "b": 2 * api.One, "c": api.One, "d": api.One},
		Counts: []api.BallotCount{
			{Tally: map[string]int{"a": 2, "b": 2, "c": 1, "d": 1}, Eliminated: "d"},
			{Tally: map[string]int{"a": 2, "b": 2, "c": 2}, Eliminated: "c"}, // which had the fewest in the round before
			{Tally: map[string]int{"a": 2, "b": 3}, Exhausted: 1},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Of x and y, which have the fewest in the third round, y had fewer in the second and x in the first: the latest counts.
func TestLatestRoundBreaksTie(t *testing.T) {
	words := strings.Repeat("x ", 3) + strings.Repeat("y ", 4) + strings.Repeat("z ", 5) + strings.Repeat(`["e","x"] `, 2) + `["d","y"] ` + strings.Repeat(`["d","z"] `, 2)
	_, r := play(t, "ranked_choice", `{"options":["y","x","z","d","e"]}`, words, nil)
	var out []string
	for _, c := range r.Counts {
		out = append(out, c.Eliminated)
	}
	if diff := cmp.Diff([]string{"e", "d", "y", ""}, out); diff != "" || r.Decision != "z" || r.Confidence != 411_765 || r.Counts[3].Exhausted != 5 {
		t.Errorf("%+v\n%s", r, diff)
	}
}

func TestEmptyListOfMembers(t *testing.T) {
	s, got := play(t, "", "", "", nil)
	want := api.BallotResult{Tally: map[string]api.Decimal{"yes": 0, "no": 0}}
	if diff := cmp.Diff(want, got); diff != "" || len(s.Rounds) != 0 {
		t.Errorf("reference, Keep 1: success, with an empty result: %d rounds\n%s", len(s.Rounds), diff)
	}
}

// Members are asked in their order; only as many answer as are needed.
func TestEarly(t *testing.T) {
	for _, row := range []struct {
		algorithm, params, votes string
		answered                 int
	}{
		{"majority", "", "yes yes yes yes yes", 3},
		{"majority", "", "yes no yes no yes", 5},
		{"majority", `{"min_turnout":0.8}`, "yes yes yes yes yes", 4},
		{"majority", `{"min_turnout":1}`, "yes ! yes yes yes", 3},
		{"supermajority", "", "yes yes yes yes yes yes", 4},
		{"supermajority", "", "no yes no no no no", 5},
		{"supermajority", `{"threshold":1}`, "yes no yes yes yes", 4},
		{"unanimous", "", "yes no yes yes yes yes", 2},
		{"unanimous", "", "yes yes yes yes", 4},
		{"plurality", `{"options":["a","b","c"]}`, "a a a b b c", 6},
		{"plurality", `{"options":["a","b","c"]}`, "a a a a b b c", 4},
		{"plurality", `{"options":["a","b","c"],"tie":"first"}`, "a a a b b b", 3},
		{"weighted_quorum", `{"weights":{"m0":5}}`, "yes no no no", 1},
		{"weighted_quorum", `{"weights":{"m0":5}}`, "abstain yes no no", 4},
		{"approval", `{"options":["a","b","c"]}`, `["a","b"] a ["a","c"] a b`, 4},
		{"ranked_choice", `{"options":["a","b","c"]}`, `a a ["a","b"] b b`, 3},
		{"ranked_choice", `{"options":["a","b","c"]}`, `a b ["c","b"] b b`, 5},
	} {
		s, r := play(t, row.algorithm, row.params, row.votes, nil)
		answered := 0
		for _, a := range s.Rounds[0].Asks {
			if a.State == api.AskAnswered {
				answered++
			}
		}
		if answered != row.answered || r.Participants != answered || r.DecidedEarly != slices.ContainsFunc(s.Rounds[0].Asks, func(a api.SessionAsk) bool { return a.State == api.AskUnneeded }) {
			t.Errorf("%s %s: %d have answered, want %d: %+v", row.algorithm, row.votes, answered, row.answered, r)
		}
	}
}
