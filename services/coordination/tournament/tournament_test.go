package tournament_test

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
	"github.com/mabus-project/mabus/services/coordination/tournament"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func ids(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("m%02d", i+1))
	}
	return list
}

// compete plays contenders whose work is a number; judges prefer the higher one.
func compete(strength map[string]int) protocoltest.Answer {
	return func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
		if r.Phase != "judge" {
			n, ok := strength[m]
			return json.RawMessage(fmt.Sprint(n)), ok
		}
		var body api.TournamentAsk
		if err := codec.Decode(ask.Ask, &body); err != nil {
			return nil, false
		}
		var votes api.TournamentVotes
		for _, p := range body.Matches {
			switch c := len(p.A) - len(p.B); {
			case c > 0, c == 0 && string(p.A) > string(p.B):
				votes.Votes = append(votes.Votes, "a")
			case c == 0 && string(p.A) == string(p.B):
				votes.Votes = append(votes.Votes, "tie")
			default:
				votes.Votes = append(votes.Votes, "B ")
			}
		}
		raw, err := codec.Marshal(votes)
		return raw, err == nil
	}
}

// Reference, section 2: the rounds are max(1, ceil(log2 n)).
func TestRoundsOfTheReference(t *testing.T) {
	for n, want := range map[int]int{2: 1, 3: 2, 4: 2, 5: 3, 8: 3, 9: 4, 16: 4, 17: 5, 20: 5} {
		strength := map[string]int{}
		for i, id := range ids(n) {
			strength[id] = 100 + i // the worst-seeded is the best
		}
		for _, algorithm := range []string{"judged", "scored"} {
			if n == 2 && algorithm == "judged" {
				continue
			}
			s := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, algorithm, `{}`, ids(n)...), compete(strength), nil)
			var r api.TournamentResult
			protocoltest.Result(t, s, &r)
			if r.Rounds != want || len(r.Bracket) != want || r.Winner != ids(n)[n-1] {
				t.Errorf("%d contenders, %s: %d rounds, %s wins", n, algorithm, r.Rounds, r.Winner)
			}
		}
	}
}

// Reference, section 2: 2 to 20 participants, 1 800 000 ms, thresholds 0.8 and 0.7, elimination 0.5, normal priority.
func TestBoundsOfTheReference(t *testing.T) {
	for n, want := range map[int]string{0: api.ReasonEmptyAgentPool, 1: api.ReasonFewParticipants, 2: "", 20: "", 21: api.ReasonManyParticipants} {
		set, err := tournament.Selection{}.Check(&api.Session{Algorithm: "scored", Members: protocoltest.New("", "", "", ids(n)...).Members})
		if api.ReasonOf(err) != want {
			t.Errorf("%d members: got %v, want reason %q", n, err, want)
		}
		if err == nil && (set.Timeout != 1800*time.Second || set.Priority != api.PriorityLow ||
			string(set.Params) != `{"elimination_threshold":0.5,"consensus_threshold":0.8,"quality_threshold":0.7}`) {
			t.Errorf("the settings are %+v %s", set, set.Params)
		}
	}
	cases := []struct {
		algorithm, params string
		n                 int
	}{
		{"league", ``, 4},
		{"", ``, 2},
		{"", `{"judges":["m01","m02"]}`, 3},
		{"", `{"judges":["x"]}`, 4},
		{"", `{"judges":["m01","m01"]}`, 4},
		{"scored", `{"judges":["m01"]}`, 4},
		{"", `{"elimination_threshold":0.4}`, 4},
		{"", `{"elimination_threshold":1}`, 4},
		{"", `{"consensus_threshold":2}`, 4},
		{"", `{"quality_threshold":2}`, 4},
		{"", `{"x":2}`, 4},
	}
	for _, c := range cases {
		_, err := tournament.Selection{}.Check(protocoltest.New(api.SessionTournament, c.algorithm, c.params, ids(c.n)...))
		if api.ReasonOf(err) != api.ReasonConfiguration {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}

func TestBracket(t *testing.T) {
	strength := map[string]int{"m01": 3, "m02": 2, "m03": 1, "m04": 4, "m05": 5}
	s := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, "", "", ids(5)...), compete(strength), nil)
	var r api.TournamentResult
	protocoltest.Result(t, s, &r)
	got, err := codec.Marshal(r.Bracket)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"round":1,"byes":["m01","m02","m03"],"matches":[{"a":"m04","b":"m05","votes_a":0,"votes_b":3,"winner":"m05","share":1}]},` +
		`{"round":2,"matches":[{"a":"m01","b":"m05","votes_a":0,"votes_b":3,"winner":"m05","share":1},{"a":"m02","b":"m03","votes_a":3,"votes_b":0,"winner":"m02","share":1}]},` +
		`{"round":3,"matches":[{"a":"m02","b":"m05","votes_a":0,"votes_b":3,"winner":"m05","share":1}]}]`
	if string(got) != want || r.Winner != "m05" || r.Confidence != api.One || !r.ConsensusReached || !r.QualityMet {
		t.Errorf("%s wins with %v:\n%s\nwant\n%s", r.Winner, r.Confidence, got, want)
	}
}

func TestJudgesAndThreshold(t *testing.T) {
	works := map[string]string{"m01": `"A"`, "m02": `"B"`}
	cases := []struct {
		name, params string
		likes        []string // which work the judges m03, m04, ... like; "" is silence
		winner       string
		share        api.Decimal
		consensus    bool
	}{
		{"most votes", ``, []string{`"B"`, `"B"`, `"A"`}, "m02", 666_667, false},
		{"the threshold of consensus is enough", ``, []string{`"B"`, `"B"`, `"B"`, `"B"`, `"A"`}, "m02", 800_000, true},
		{"at a tie the better-seeded", ``, []string{`"A"`, `"B"`}, "m01", 500_000, false},
		{"more than the threshold eliminates", `"elimination_threshold":0.6,`, []string{`"B"`, `"B"`, `"A"`}, "m02", 666_667, false},
		{"no more than the threshold does not", `"elimination_threshold":0.666667,`, []string{`"B"`, `"B"`, `"A"`}, "m01", 333_333, false},
		{"the silent abstain", ``, []string{``, `"B"`, ``}, "m02", api.One, true},
		{"nobody votes", ``, []string{``, ``}, "m01", 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := ids(2 + len(c.likes))
			params := `{` + c.params + `"judges":["` + strings.Join(all[2:], `","`) + `"]}`
			s := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, "", params, all...), func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
				if r.Phase == "present" {
					return json.RawMessage(works[m]), true
				}
				var body api.TournamentAsk
				if err := codec.Decode(ask.Ask, &body); err != nil || len(body.Matches) != 1 {
					t.Errorf("%s: %v", ask.Ask, err)
				}
				switch c.likes[slices.Index(all, m)-2] {
				case string(body.Matches[0].A):
					return json.RawMessage(`"a"`), true
				case string(body.Matches[0].B):
					return json.RawMessage(`["b"]`), true
				}
				return nil, false
			}, nil)
			var r api.TournamentResult
			protocoltest.Result(t, s, &r)
			if r.Winner != c.winner || r.Confidence != c.share || r.ConsensusReached != c.consensus {
				t.Errorf("got %s with %v, %v", r.Winner, r.Confidence, r.ConsensusReached)
			}
		})
	}
}

// A judge that always prefers what it reads first decides nothing, with as many judges on either side.
func TestPositionDoesNotDecide(t *testing.T) {
	params := `{"judges":["m03","m04","m05","m06"]}`
	answer := func(_ string, r *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
		return json.RawMessage(`"a"`), true
	}
	var r api.TournamentResult
	protocoltest.Result(t, protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, "", params, ids(6)...), answer, nil), &r)
	if r.Confidence != 500_000 {
		t.Errorf("the winner has %v", r.Confidence)
	}
}

func TestWhoIsMissing(t *testing.T) {
	cases := []struct {
		name, algorithm string
		strength        map[string]int
		winner          string
		confidence      api.Decimal
		withdrawn       []string
	}{
		{"nobody shows work", "judged", nil, "", 0, nil},
		{"one shows work", "judged", map[string]int{"m03": 1}, "m03", 0, []string{"m01", "m02", "m04"}},
		{"two show work", "judged", map[string]int{"m03": 1, "m04": 2}, "m04", api.One, []string{"m01", "m02"}},
		{"nobody scores", "scored", nil, "", 0, nil},
		{"one scores", "scored", map[string]int{"m03": 1}, "m03", api.One, nil},
		{"a score of nothing against none", "scored", map[string]int{"m03": 0}, "m03", 0, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, c.algorithm, "", ids(4)...), compete(c.strength), nil)
			if c.winner == "" {
				if s.State != api.SessionFailed || !strings.HasPrefix(s.Reason, "no_answers: ") {
					t.Errorf("%s: %s", s.State, s.Reason)
				}
				return
			}
			var r api.TournamentResult
			protocoltest.Result(t, s, &r)
			if r.Winner != c.winner || r.Confidence != c.confidence || !slices.Equal(r.Withdrawn, c.withdrawn) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestAcceptRefuses(t *testing.T) {
	ask := api.SessionAsk{Ask: json.RawMessage(`{"round":1,"rounds":1,"matches":[{"a":1,"b":2},{"a":3,"b":4}]}`)}
	for phase, answers := range map[string][]string{
		"judge":   {`"a"`, `["a"]`, `["a","c"]`, `{"votes":["a"]}`, `{"vote":["a","b"]}`, `1`, `null`, `{}`},
		"score":   {`-1`, `"1"`, `{}`, `null`, `{"score":-1}`, `{"score":1,"x":1}`, `[1]`},
		"present": {`"` + strings.Repeat("x", api.MaxTournamentWork) + `"`, `{`},
	} {
		s := &api.Session{Rounds: []api.SessionRound{{Phase: phase}}}
		for _, raw := range answers {
			if err := (tournament.Selection{}).Accept(s, &ask, json.RawMessage(raw)); api.ReasonOf(err) != api.ReasonInvalidAnswer {
				t.Errorf("%s: %.20s: got %v", phase, raw, err)
			}
		}
	}
	if err := (tournament.Selection{}).Accept(&api.Session{Rounds: []api.SessionRound{{Phase: "judge"}}}, &ask, json.RawMessage(`{"votes":["A","tie"]}`)); err != nil {
		t.Error(err)
	}
}

// A session stays within what may be said in it, with the largest works and the most contenders.
func TestLargestWorksFit(t *testing.T) {
	work := json.RawMessage(`"` + strings.Repeat("x", api.MaxTournamentWork-2) + `"`)
	s := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, "", "", ids(20)...), func(_ string, r *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
		return work, r.Phase == "present"
	}, nil)
	bytes := 0
	for _, r := range s.Rounds {
		for _, a := range r.Asks {
			bytes += len(a.Ask) + len(a.Answer)
		}
	}
	if s.State != api.SessionCompleted || bytes > api.MaxSessionBytes {
		t.Errorf("%s with %d bytes of %d", s.State, bytes, api.MaxSessionBytes)
	}
}

func TestAnyAnswersInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 12).Draw(t, "members")
		algorithm := rapid.SampledFrom([]string{"judged", "scored"}).Draw(t, "algorithm")
		seed := rapid.Uint64().Draw(t, "answers")
		answer := func(m string, r *api.SessionRound, ask *api.SessionAsk) (json.RawMessage, bool) {
			g := rand.New(rand.NewPCG(seed, uint64(r.Number)<<16|uint64(m[1])<<8|uint64(m[2])))
			var body api.TournamentAsk
			_ = codec.Read(ask.Ask, &body)
			votes := make([]string, len(body.Matches))
			for i := range votes {
				votes[i] = []string{"a", "b", "tie"}[g.IntN(3)]
			}
			raw, _ := codec.Marshal(votes)
			if r.Phase != "judge" {
				raw = json.RawMessage(fmt.Sprint(g.IntN(4)))
			}
			return raw, g.IntN(4) > 0
		}
		r := rand.New(rand.NewPCG(seed, 7))
		one := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, algorithm, "", ids(n)...), answer, nil)
		two := protocoltest.Play(t, tournament.Selection{}, protocoltest.New(api.SessionTournament, algorithm, "", ids(n)...), answer, r.IntN)
		if string(one.Result) != string(two.Result) || one.Reason != two.Reason {
			t.Fatalf("another order, another end:\n%s\n%s", one.Result, two.Result)
		}
		if one.State != api.SessionCompleted {
			return
		}
		var result api.TournamentResult
		protocoltest.Result(t, one, &result)
		lost := map[string]bool{}
		for _, round := range result.Bracket {
			for _, m := range round.Matches {
				if lost[m.A] || lost[m.B] {
					t.Fatalf("somebody who has lost plays again: %s", one.Result)
				}
				lost[m.A], lost[m.B] = m.A != m.Winner, m.B != m.Winner
			}
		}
		if lost[result.Winner] || len(lost) > n || len(result.Bracket) > result.Rounds {
			t.Fatalf("%s", one.Result)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`"a"`), "judged")
	f.Add([]byte(`{"score":1}`), "scored")
	f.Fuzz(func(t *testing.T, answer []byte, algorithm string) {
		s := protocoltest.New(api.SessionTournament, algorithm, "", ids(3)...)
		if _, err := (tournament.Selection{}).Check(s); err != nil {
			return
		}
		protocoltest.Play(t, tournament.Selection{}, s, func(_ string, r *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) { return answer, true }, nil)
	})
}
