package ballot_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/ballot"
	"github.com/mabus-project/mabus/services/coordination/protocol/protocoltest"
	"github.com/mabus-project/mabus/shared/api"
)

// poll is a random ballot: its session, and what each member does.
type poll struct {
	session *api.Session
	answers map[string]string
	choices []string // all that a member may do; the last is silence
}

func (p *poll) fresh() *api.Session {
	s := *p.session
	s.Rounds = nil
	return &s
}

func drawPoll(t *rapid.T, most int) *poll {
	algorithm := rapid.SampledFrom(api.BallotAlgorithms).Draw(t, "algorithm")
	members := names(rapid.IntRange(1, most).Draw(t, "members"))
	options := []string{"a", "b", "c"}[:rapid.IntRange(2, 3).Draw(t, "options")]
	params := map[string]any{"options": options}
	if rapid.Bool().Draw(t, "first") {
		params["tie"] = "first"
	}
	params["min_turnout"] = api.Decimal(rapid.SampledFrom([]int{0, 0, 300_000, 500_000, 1_000_000}).Draw(t, "turnout"))
	p := &poll{answers: map[string]string{}}
	for _, o := range options {
		p.choices = append(p.choices, fmt.Sprintf("%q", o))
	}
	switch algorithm {
	case api.BallotWeightedQuorum:
		weights := map[string]api.Decimal{members[0]: api.One}
		for _, m := range members[1:] {
			weights[m] = api.One / 2 * api.Decimal(rapid.IntRange(0, 6).Draw(t, "weight"))
		}
		params["weights"] = weights
		params["quorum"] = api.Decimal(rapid.SampledFrom([]int{500_000, 600_000, 750_000}).Draw(t, "quorum"))
	case api.BallotSupermajority:
		params["threshold"] = api.Decimal(rapid.SampledFrom([]int{500_001, 666_667, 750_000, 1_000_000}).Draw(t, "threshold"))
	case api.BallotRankedChoice:
		p.choices = append(p.choices, `["a","b"]`, `["b","a"]`)
		if len(options) == 3 {
			p.choices = append(p.choices, `["c","a"]`, `["c","b"]`, `["a","c","b"]`)
		}
	case api.BallotApproval:
		p.choices = append(p.choices, `["a","b"]`, `[]`)
	}
	p.choices = append(p.choices, `"abstain"`, "")
	for _, m := range members {
		if a := rapid.SampledFrom(p.choices).Draw(t, m); a != "" {
			p.answers[m] = a
		}
	}
	body, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	p.session = protocoltest.New(api.SessionConsensus, algorithm, string(body), members...)
	return p
}

func (p *poll) play(t *rapid.T, answers map[string]string, order protocoltest.Order) (*api.Session, api.BallotResult) {
	s := protocoltest.Play(t, ballot.Consensus{}, p.fresh(), protocoltest.Each(answers), order)
	var r api.BallotResult
	protocoltest.Result(t, s, &r)
	return s, r
}

// full counts all the answers, without an early end: the session is looked at when it is closed.
func (p *poll) full(t *rapid.T, answers map[string]string) api.BallotResult {
	s := p.fresh()
	if err := protocoltest.Check(ballot.Consensus{}, s); err != nil {
		t.Fatal(err)
	}
	r := api.SessionRound{Number: 1}
	for _, m := range s.Members {
		a := api.SessionAsk{Member: m.ID, State: api.AskSilent}
		if text, ok := answers[m.ID]; ok {
			a.State, a.Answer = api.AskAnswered, json.RawMessage(text)
		}
		r.Asks = append(r.Asks, a)
	}
	s.Rounds = []api.SessionRound{r}
	return *ballot.Consensus{}.Step(s).Result.(*api.BallotResult)
}

func same(a, b api.BallotResult) bool {
	return a.Decision == b.Decision && a.ConsensusReached == b.ConsensusReached
}

// The outcome does not depend on the order in which the answers come, and an early one is that of the full count.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPoll(t, 12)
		full := p.full(t, p.answers)
		s, r := p.play(t, p.answers, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
		if !same(r, full) {
			t.Fatalf("got %+v, and of the full count %+v", r, full)
		}
		if !r.DecidedEarly {
			if diff := cmp.Diff(full, r); diff != "" {
				t.Fatal(diff)
			}
		}
		if r.Participants > len(s.Members) || r.DecidedEarly != slices.ContainsFunc(s.Rounds[0].Asks, func(a api.SessionAsk) bool { return a.State == api.AskUnneeded }) {
			t.Fatalf("%+v", r)
		}
		if n := len(full.Tied); n == 1 || r.Confidence < 0 || r.Confidence > api.One || r.ConsensusReached && r.Decision == "" {
			t.Fatalf("%+v", r)
		}
	})
}

// The session ends with the very answer that settles the outcome: what is left may be anything and the full count says the same. And
// before it, there was a way for it to come out differently. Of ranked_choice only the first is promised.
func TestEarlyIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPoll(t, 5)
		s, r := p.play(t, p.answers, nil)
		counted := map[string]string{}
		var rest []string
		last := ""
		for _, a := range s.Rounds[0].Asks {
			switch a.State {
			case api.AskAnswered:
				counted[a.Member] = string(a.Answer)
				last = a.Member
			case api.AskUnneeded:
				rest = append(rest, a.Member)
			}
		}
		if !p.every(t, counted, rest, func(full api.BallotResult) bool { return same(full, r) }) {
			t.Fatalf("ended early with %+v, but the rest could change it", r)
		}
		silentAfter := slices.IndexFunc(s.Rounds[0].Asks, func(a api.SessionAsk) bool { return a.State == api.AskSilent })
		if s.Algorithm == api.BallotRankedChoice || last == "" || silentAfter >= 0 {
			return
		}
		delete(counted, last)
		if p.every(t, counted, append(rest, last), func(full api.BallotResult) bool { return same(full, r) }) {
			t.Fatalf("%s was waited for, though nobody could change %+v", last, r)
		}
	})
}

// every tells whether f holds for whatever the rest does.
func (p *poll) every(t *rapid.T, counted map[string]string, rest []string, f func(api.BallotResult) bool) bool {
	if len(rest) == 0 {
		return f(p.full(t, counted))
	}
	defer delete(counted, rest[0])
	for _, c := range p.choices {
		delete(counted, rest[0])
		if c != "" {
			counted[rest[0]] = c
		}
		if !p.every(t, counted, rest[1:], f) {
			return false
		}
	}
	return true
}

// A ballot of as many members and options as there may be is quick, and its result is not too large.
func TestLargest(t *testing.T) {
	var options []string
	for i := range api.MaxRankedOptions {
		o := []byte(fmt.Sprintf("%0*d", api.MaxBallotOption, i))
		for j := range o[:180] {
			o[j] = '"'
		}
		options = append(options, string(o))
	}
	params, err := json.Marshal(map[string]any{"options": options})
	if err != nil {
		t.Fatal(err)
	}
	members := names(30)
	s := protocoltest.Play(t, ballot.Consensus{}, protocoltest.New(api.SessionVoting, api.BallotRankedChoice, string(params), members...),
		func(m string, _ *api.SessionRound, _ *api.SessionAsk) (json.RawMessage, bool) {
			i := slices.Index(members, m)
			var ranking []string
			for j := range 5 {
				ranking = append(ranking, options[(i*(i+j)+j)%len(options)])
			}
			slices.Sort(ranking)
			a, err := json.Marshal(slices.Compact(ranking))
			return a, err == nil
		}, nil)
	var r api.BallotResult
	protocoltest.Result(t, s, &r)
	if len(r.Counts) < 5 || r.Participants != 30 {
		t.Errorf("%d counts of %d", len(r.Counts), r.Participants)
	}
}
