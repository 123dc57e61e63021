// Package tournament holds the pure rules of selecting a model by a knock-out: contenders meet in pairs, and judges who compare their
// work, or the scores that they report, decide who goes on.
package tournament

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/form"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The algorithms.
const (
	Judged = "judged" // contenders show their work once, judges compare it
	Scored = "scored" // contenders report a score each time they meet
)

const (
	present = "present"
	judge   = "judge"
	score   = "score"
)

// Selection is the protocol of the type model_selection.
type Selection struct{}

var _ protocol.Protocol = Selection{}

// Check implements protocol.Protocol.
func (Selection) Check(s *api.Session) (protocol.Settings, error) {
	if err := form.Members(s, 2, 20); err != nil {
		return protocol.Settings{}, err
	}
	algorithm, err := form.Algorithm(s, Judged, Scored)
	if err != nil {
		return protocol.Settings{}, err
	}
	var p api.TournamentParams
	if err := form.Params(s, &p); err != nil {
		return protocol.Settings{}, err
	}
	if err := check(&p); err != nil {
		return protocol.Settings{}, err
	}
	if err := checkJudges(s, algorithm, &p); err != nil {
		return protocol.Settings{}, err
	}
	return form.Settings(algorithm, p, 30*time.Minute, api.PriorityLow)
}

func check(p *api.TournamentParams) error {
	if err := form.Share("elimination_threshold", &p.EliminationThreshold, 500_000); err != nil {
		return err
	}
	if *p.EliminationThreshold < 500_000 || *p.EliminationThreshold == api.One {
		return form.Config("elimination_threshold", "elimination_threshold must be at least 0.5 and less than 1")
	}
	if err := form.Share("consensus_threshold", &p.ConsensusThreshold, 800_000); err != nil {
		return err
	}
	return form.Share("quality_threshold", &p.QualityThreshold, 700_000)
}

func checkJudges(s *api.Session, algorithm string, p *api.TournamentParams) error {
	if algorithm == Scored && len(p.Judges) > 0 {
		return form.Config("judges", "judges have nothing to do when contenders are scored: leave them out")
	}
	if s.Members == nil {
		return nil
	}
	for i, j := range p.Judges {
		if !slices.ContainsFunc(s.Members, func(m api.SessionMember) bool { return m.ID == j }) || slices.Contains(p.Judges[:i], j) {
			return form.Config("judges", "judges: %.70q is no member or is there twice", j)
		}
	}
	if len(contenders(s, p)) < 2 {
		return form.Config("judges", "the judges leave fewer than two contenders: add members or take judges away")
	}
	if algorithm == Judged && len(s.Members) == 2 {
		return form.Config("judges", "two contenders have nobody to judge them: add a member, or take the algorithm %s", Scored)
	}
	return nil
}

// contenders returns those who compete, the better-seeded first.
func contenders(s *api.Session, p *api.TournamentParams) []string {
	var ids []string
	for _, m := range s.Members {
		if !slices.Contains(p.Judges, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// Accept implements protocol.Protocol.
func (Selection) Accept(s *api.Session, ask *api.SessionAsk, answer json.RawMessage) error {
	r := protocol.Current(s)
	if r == nil {
		return form.Refuse("nothing was asked yet")
	}
	var err error
	switch r.Phase {
	case present:
		if !codec.Valid(answer) || len(answer) > api.MaxTournamentWork {
			return form.Refuse("a work is a JSON value of at most %d bytes", api.MaxTournamentWork)
		}
	case judge:
		var body api.TournamentAsk
		if err := codec.Read(ask.Ask, &body); err != nil {
			return form.Refuse("the question cannot be read: %v", err)
		}
		_, err = readVotes(len(body.Matches), answer)
	default:
		_, err = readScore(answer)
	}
	return err
}

// readVotes returns for each of n matches "a", "b" or "".
func readVotes(n int, raw json.RawMessage) ([]string, error) {
	var votes api.TournamentVotes
	var err error
	switch form.Kind(raw) {
	case '"':
		votes.Votes = make([]string, 1)
		err = codec.Decode(raw, &votes.Votes[0])
	case '[':
		err = codec.Decode(raw, &votes.Votes)
	default:
		err = codec.Decode(raw, &votes)
	}
	if err != nil || len(votes.Votes) != n {
		return nil, form.Refuse("answer {\"votes\": [\"a\" or \"b\" or \"tie\" for each of the %d matches]}", n)
	}
	for i, v := range votes.Votes {
		switch key := form.Key(v); key {
		case "a", "b":
			votes.Votes[i] = key
		case "tie", "":
			votes.Votes[i] = ""
		default:
			return nil, form.Refuse("the vote %.70q is none of a, b and tie", v)
		}
	}
	return votes.Votes, nil
}

func readScore(raw json.RawMessage) (api.Decimal, error) {
	a := api.TournamentScore{}
	if d, ok := form.ReadNumber(raw); ok {
		a.Score = &d
	} else if form.Kind(raw) != '{' || codec.Decode(raw, &a) != nil {
		return 0, form.Refuse("answer a number, or {\"score\": number}")
	}
	if a.Score == nil || *a.Score < 0 {
		return 0, form.Refuse("the score must be given, and not be less than 0")
	}
	return *a.Score, nil
}
