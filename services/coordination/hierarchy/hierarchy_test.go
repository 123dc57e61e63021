package hierarchy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/coordination/hierarchy"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// says is what members answer by phase; "*" stands for all phases.
type says map[string]map[string]string

func (x says) answer(member string, round *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
	for _, phase := range []string{round.Phase, "*"} {
		if text := x[phase][member]; text != "" {
			return json.RawMessage(text), true
		}
	}
	return nil, false
}

// session has n members a, b, c ...; by the attribute "at" they are clustered as they are listed.
func session(n int, params string) *api.Session {
	s := protocoltest.New(api.SessionHierarchical, "", params)
	for i := range n {
		id := string(rune('a' + i))
		s.Members = append(s.Members, api.SessionMember{ID: id, Attributes: map[string]string{"at": id}})
	}
	return s
}

func play(t protocoltest.TB, s *api.Session, answer protocoltest.Answer) api.HierarchyResult {
	protocoltest.Play(t, hierarchy.Hierarchy{}, s, answer, nil)
	var r api.HierarchyResult
	protocoltest.Result(t, s, &r)
	return r
}

// ordered are parameters of clusters of 3 in the order of the members, whose representatives are the first unless expertise differs.
func ordered(more string) string {
	return `{"clustering":"attributes","attributes":["at"],"representatives":"expertise","cluster_size":3` + more + `}`
}

func votes(all string) map[string]string {
	m := map[string]string{}
	for i, v := range strings.Fields(all) {
		if v != "-" {
			m[string(rune('a'+i))] = `"` + v + `"`
		}
	}
	return m
}

// Fix: the reference answered with the caller's own input and asked nobody.
func TestVotesCount(t *testing.T) {
	expert := func(s *api.Session) { s.Members[8].Attributes["expertise"] = "10" }
	for name, row := range map[string]struct {
		more, votes string
		change      func(*api.Session)
		decision    string
		confidence  string
		tallies     string // of the clusters, level by level
	}{
		"all of one mind": {"", "yes yes yes yes yes yes", nil, "yes", "1", "map[yes:3] map[yes:3] map[yes:6]"},
		// Nine votes, five of them no, and two of three clusters for yes.
		"size_based":   {`,"delegation":"size_based"`, "yes yes no yes yes no no no no", nil, "yes", "0.666667", "map[no:1 yes:2] map[no:1 yes:2] map[no:3] map[no:3 yes:6]"},
		"equal":        {`,"delegation":"equal"`, "yes - - yes yes no no no no", nil, "yes", "0.666667", "map[yes:1] map[no:1 yes:2] map[no:3] map[no:1 yes:2]"},
		"weights":      {`,"delegation":"size_based"`, "yes - - yes - - no no no", nil, "no", "0.6", "map[yes:1] map[yes:1] map[no:3] map[no:3 yes:2]"},
		"proportional": {`,"delegation":"proportional"`, "yes yes no yes yes no no no no", nil, "no", "0.555556", "map[no:1 yes:2] map[no:1 yes:2] map[no:3] map[no:5 yes:4]"},
		"expertise":    {"", "yes yes yes yes yes yes no yes no", expert, "no", "0.666667", "map[yes:3] map[yes:3] map[no:11 yes:1] map[no:12 yes:6]"},
		// Two yes, two no: a's is the casting vote of its cluster, and of the top, where 3 stand against 3 but for d, e and f.
		"a tie below":     {"", "no yes - yes yes yes", nil, "yes", "0.6", "map[no:1 yes:1] map[yes:3] map[no:2 yes:3]"},
		"a tie above":     {"", "no no no yes yes yes", nil, "no", "0.5", "map[no:3] map[yes:3] map[no:3 yes:3]"},
		"a silent leader": {"", "- no yes no no no", nil, "no", "1", "map[no:1 yes:1] map[no:3] map[no:5]"},
		"nobody votes":    {"", "- - - - - -", nil, "", "0", "map[] map[] map[]"},
	} {
		t.Run(name, func(t *testing.T) {
			s := session(len(strings.Fields(row.votes)), ordered(row.more))
			if row.change != nil {
				row.change(s)
			}
			r := play(t, s, says{"vote": votes(row.votes)}.answer)
			var tallies []string
			for _, level := range r.Levels {
				for _, c := range level {
					tallies = append(tallies, fmt.Sprint(c.Tally))
				}
			}
			if r.Decision != row.decision || r.Confidence.String() != row.confidence || strings.Join(tallies, " ") != row.tallies || r.ConsensusReached != (r.Confidence > api.One/2) {
				t.Errorf("got %q with %s (%v) of %v", r.Decision, r.Confidence, r.ConsensusReached, tallies)
			}
		})
	}
}

// A tie without a casting vote goes to the option listed first.
func TestTieByOrderOfOptions(t *testing.T) {
	r := play(t, session(6, ordered(`,"options":["x","y","z"]`)), says{"vote": votes("- z y x x x")}.answer)
	if c := r.Levels[0][0]; c.Representative != "b" || c.Decision != "z" || !c.Tied {
		t.Errorf("the casting vote is b's: %+v", c)
	}
	r = play(t, session(6, ordered(`,"options":["x","y","z"]`)), says{"vote": {"a": `{"abstain":true}`, "b": `"z"`, "c": `"y"`}}.answer)
	if c := r.Levels[0][0]; c.Representative != "a" || c.Decision != "y" || !c.Tied {
		t.Errorf("a has not voted, and y is listed before z: %+v", c)
	}
}

// Keep 34: a circle of delegations is found and broken; Fix: its path is the real one, and not always agent_1, agent_2, agent_4.
func TestKeep34Circles(t *testing.T) {
	vote := map[string]string{
		"a": `"no"`, "b": `{"delegate":"c"}`, "c": `{"delegate":"b"}`,
		"d": `{"delegate":"e"}`, "e": `{"delegate":"f"}`, "f": `{"delegate":"d"}`,
	}
	s := session(6, ordered(""))
	s.Members[5].Attributes["expertise"] = "2"
	r := play(t, s, says{"vote": vote}.answer)
	want := []api.HierarchyDeadlock{
		{Kind: "circular", Resolution: "break_cycle", Cluster: 0, Path: []string{"b", "c", "b"}},
		{Kind: "circular", Resolution: "break_cycle", Cluster: 1, Path: []string{"f", "d", "e", "f"}},
	}
	if diff := cmp.Diff(want, r.Deadlocks); diff != "" {
		t.Error(diff)
	}
	// a votes for b and c too; of d, e and f nobody has voted.
	if r.Levels[0][0].Tally["no"] != 3*api.One || len(r.Levels[0][1].Tally) != 0 || r.Decision != "no" || r.Analytics.Cast != 3 || r.Analytics.Delegated != 2 || r.Analytics.Deadlocks != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestDelegations(t *testing.T) {
	r := play(t, session(6, ordered("")), says{"vote": {
		"a": `"yes"`, "b": `{"delegate":"c"}`, "c": `"no"`, // to one who has voted
		"d": `{"delegate":"e"}`, "e": `{"delegate":"f"}`, "f": `"no"`, // from one to the next
	}}.answer)
	if got := fmt.Sprint(r.Levels[0][0].Tally, r.Levels[0][1].Tally); got != "map[no:2 yes:1] map[no:3]" {
		t.Errorf("got %s", got)
	}
	r = play(t, session(6, ordered("")), says{"vote": {"a": `"yes"`, "b": `{"delegate":"c"}`, "d": `{"delegate":"e"}`, "e": `"abstain"`}}.answer)
	if got := fmt.Sprint(r.Levels[0][0].Tally, r.Levels[0][1].Tally); got != "map[yes:2] map[]" {
		t.Errorf("a silent delegate: got %s", got)
	}
	four := strings.Replace(ordered(""), `_size":3`, `_size":4`, 1)
	r = play(t, session(8, four), says{"vote": {
		"a": `"yes"`, "b": `{"delegate":"c"}`, "c": `"no"`, "d": `{"delegate":"b"}`, // to one who has delegated
		"e": `{"delegate":"g"}`, "f": `"no"`, "g": `{"delegate":"h"}`, "h": `{"delegate":"g"}`, // into a circle
	}}.answer)
	if got := fmt.Sprint(r.Levels[0][0].Tally, r.Levels[0][1].Tally); got != "map[no:3 yes:1] map[no:1]" {
		t.Errorf("got %s", got)
	}
	if len(r.Deadlocks) != 1 || fmt.Sprint(r.Deadlocks[0].Path) != "[g h g]" {
		t.Errorf("e stands outside of the circle: %+v", r.Deadlocks)
	}
}

// Keep 31, played: seven seats above level 0, and everybody somewhere.
func TestKeep31Played(t *testing.T) {
	s := session(15, `{"cluster_size":3,"max_levels":3}`)
	r := play(t, s, func(_ string, round *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		if round.Phase == hierarchy.PhaseVote {
			return json.RawMessage(`"yes"`), true
		}
		var shown api.HierarchyElectionAsk
		_ = codec.Read(ask.Ask, &shown)
		return json.RawMessage(`"` + shown.Members[2] + `"`), true
	})
	if r.Analytics.Representatives != 7 || r.Analytics.Levels != 3 || r.Analytics.Clusters != 8 || r.Decision != "yes" || r.Analytics.Turnout != api.One {
		t.Errorf("got %+v", r.Analytics)
	}
	for _, c := range r.Levels[0] {
		if c.Representative != c.Members[2] {
			t.Errorf("%s was elected, and %s represents", c.Members[2], c.Representative)
		}
	}
}

// Fix: a representative who fails is replaced at every level where it stood, and nobody leaves the tree.
func TestFixReplacementAtEveryLevel(t *testing.T) {
	s := session(12, strings.Replace(ordered(`,"max_levels":3`), `_size":3`, `_size":2`, 1))
	all := votes("- no no no no no no no no no no no") // a stands for 0 on level 0 and for 0 on level 1
	r := play(t, s, says{"vote": all}.answer)
	want := []api.HierarchyReplacement{{Level: 0, From: "a", To: "b"}, {Level: 1, From: "a", To: "b"}, {Level: 2, From: "a", To: "b"}}
	if diff := cmp.Diff(want, r.Replacements); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(r.Levels[0][0].Members, "a") || r.Analytics.Members != 12 || fmt.Sprint(r.Silent) != "[a]" {
		t.Errorf("a is lost: %+v", r)
	}
}

func TestFreeMandate(t *testing.T) {
	free := ordered(`,"mandate":"free"`)
	all := votes("yes yes yes yes yes no no no no")
	for name, row := range map[string]struct {
		level        map[string]string
		decision     string
		replaced     string
		forced, asks int
	}{
		"they confirm":           {map[string]string{"a": `"yes"`, "d": `"yes"`, "g": `"no"`}, "yes", "", 0, 1},
		"they change their mind": {map[string]string{"a": `"yes"`, "d": `"no"`, "g": `"no"`}, "no", "", 0, 1},
		"one abstains":           {map[string]string{"a": `"no"`, "d": `"abstain"`, "g": `"no"`}, "no", "", 0, 1},
		"one is replaced":        {map[string]string{"a": `"yes"`, "e": `"no"`, "g": `"no"`}, "no", "d>e", 0, 2},
		"one after the other":    {map[string]string{"a": `"yes"`, "g": `"no"`}, "yes", "d>", 1, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := session(9, free)
			r := play(t, s, says{"vote": all, hierarchy.Phase(1): row.level}.answer)
			if r.Decision != row.decision || len(r.Deadlocks) != row.forced || len(s.Rounds) != 1+row.asks {
				t.Errorf("got %s after %d rounds: %+v", r.Decision, len(s.Rounds), r)
			}
			if row.replaced != "" && (len(r.Replacements) == 0 || row.replaced != r.Replacements[0].From+">"+r.Replacements[0].To) {
				t.Errorf("got %+v", r.Replacements)
			}
			if row.forced > 0 && (r.Deadlocks[0].Kind != "timeout" || r.Deadlocks[0].Resolution != "force_decision" || r.Deadlocks[0].Cluster != 1) {
				t.Errorf("got %+v", r.Deadlocks)
			}
		})
	}
}

// What members are asked, with an election and a free mandate.
func TestAsks(t *testing.T) {
	s := session(6, `{"clustering":"attributes","attributes":["at"],"cluster_size":3,"mandate":"free"}`)
	play(t, s, says{
		"election": {"a": `"b"`, "b": `{"representative":"b"}`, "c": `"a"`, "d": `"e"`, "e": `"f"`, "f": `"e"`},
		"*":        votes("yes yes no no no no"),
	}.answer)
	var got []string
	for _, r := range s.Rounds {
		last := r.Asks[len(r.Asks)-1]
		got = append(got, fmt.Sprintf("%s %d %s %s", r.Phase, len(r.Asks), last.Member, last.Ask))
	}
	want := []string{
		`election 6 f {"cluster":1,"members":["d","e","f"]}`,
		`vote 6 f {"options":["yes","no"],"cluster":1,"members":["d","e","f"],"representative":"e"}`,
		`level_1 2 e {"options":["yes","no"],"level":1,"cluster":1,"decision":"no","tally":{"no":3},"weight":3}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Members with the same capabilities or attributes are put together.
func TestClustering(t *testing.T) {
	for params, want := range map[string]string{
		`{"clustering":"capability","cluster_size":3,"representatives":"expertise"}`:                       "[[a c e] [b d f]]",
		`{"clustering":"attributes","attributes":["kind"],"cluster_size":3,"representatives":"expertise"}`: "[[d e f] [a b c]]",
	} {
		s := session(6, params)
		for i := range s.Members {
			s.Members[i].Attributes["capabilities"] = []string{"plan", "work"}[i%2]
			s.Members[i].Attributes["kind"] = []string{"z", "y"}[i/3]
		}
		r := play(t, s, says{"vote": votes("yes yes yes yes yes yes")}.answer)
		if got := fmt.Sprint([][]string{r.Levels[0][0].Members, r.Levels[0][1].Members}); got != want {
			t.Errorf("%s: got %s", params, got)
		}
	}
}
