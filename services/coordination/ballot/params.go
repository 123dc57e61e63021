package ballot

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Defaults and bounds of what is no count.
const (
	twoThirds = api.Decimal(666_667) // as a share is rounded
	half      = api.One / 2
	maxWeight = 1000 * api.One
	abstain   = "abstain" // the word for it
)

// check returns the algorithm and the parameters in full.
func check(algorithm string, raw json.RawMessage) (string, *api.BallotParams, error) {
	if algorithm == "" {
		algorithm = api.BallotMajority
	}
	if !slices.Contains(api.BallotAlgorithms, algorithm) {
		return "", nil, wrong("algorithm", "algorithm must be one of %v", api.BallotAlgorithms)
	}
	p := &api.BallotParams{}
	if err := codec.Decode(raw, p); err != nil {
		e := api.AsError(err)
		return "", nil, api.Errorf(api.Invalid, "params: %s", e.Message).WithReason(api.ReasonConfiguration).WithFields(append([]string{"params"}, e.Details.Fields...)...)
	}
	if err := checkOptions(algorithm, p); err != nil {
		return "", nil, err
	}
	if err := checkRule(algorithm, p); err != nil {
		return "", nil, err
	}
	if p.MinTurnout < 0 || p.MinTurnout > api.One {
		return "", nil, wrong("min_turnout", "min_turnout must be 0 to 1")
	}
	switch p.Tie {
	case "":
		p.Tie = api.TieNone
	case api.TieNone, api.TieFirst:
	default:
		return "", nil, wrong("tie", "tie must be none or first")
	}
	if p.Abstain == nil {
		may := true
		p.Abstain = &may
	}
	return algorithm, p, nil
}

func checkOptions(algorithm string, p *api.BallotParams) error {
	if p.Options == nil {
		p.Options = []string{"yes", "no"}
	}
	most := api.MaxBallotOptions
	if algorithm == api.BallotRankedChoice {
		most = api.MaxRankedOptions
	}
	if n := len(p.Options); n < 2 || n > most {
		return wrong("options", "%s needs 2 to %d options, these are %d", algorithm, most, n)
	}
	seen := map[string]bool{}
	for _, o := range p.Options {
		f := fold(o)
		switch {
		case f == "" || len(o) > api.MaxBallotOption || strings.ContainsFunc(o, unicode.IsControl):
			return wrong("options", "an option has 1 to %d bytes, not only space and no control characters: %.50q has not", api.MaxBallotOption, o)
		case f == abstain:
			return wrong("options", "an option must not be %q: whoever answers that abstains", o)
		case seen[f]:
			return wrong("options", "two options are %.50q: they must differ in more than case and space around them", o)
		}
		seen[f] = true
	}
	return nil
}

// checkRule checks what only some algorithms read.
func checkRule(algorithm string, p *api.BallotParams) error {
	super, weighted := algorithm == api.BallotSupermajority, algorithm == api.BallotWeightedQuorum
	switch {
	case p.Threshold != 0 && !super:
		return wrong("threshold", "threshold is read by supermajority alone, not by %s", algorithm)
	case p.Quorum != 0 && !weighted:
		return wrong("quorum", "quorum is read by weighted_quorum alone, not by %s: for a share of members who must answer, give min_turnout", algorithm)
	case p.Weights != nil && !weighted:
		return wrong("weights", "weights are read by weighted_quorum alone, not by %s", algorithm)
	}
	if super {
		if p.Threshold == 0 {
			p.Threshold = twoThirds
		}
		if p.Threshold <= half || p.Threshold > api.One {
			return wrong("threshold", "threshold must be above 0.5 and at most 1")
		}
	}
	if !weighted {
		return nil
	}
	if p.Quorum == 0 {
		p.Quorum = half
	}
	if p.Quorum < half || p.Quorum >= api.One {
		return wrong("quorum", "quorum must be at least 0.5 and below 1, since it must be exceeded")
	}
	if len(p.Weights) > api.MaxSessionMembers {
		return wrong("weights", "there are %d weights, at most %d are allowed", len(p.Weights), api.MaxSessionMembers)
	}
	for _, id := range slices.Sorted(maps.Keys(p.Weights)) {
		if w := p.Weights[id]; w < 0 || w > maxWeight {
			return wrong("weights", "the weight of %.70q must be 0 to 1000", id)
		}
	}
	return nil
}

// checkWeight refuses members of whom none has a weight.
func checkWeight(s *api.Session, algorithm string, p *api.BallotParams) error {
	if algorithm != api.BallotWeightedQuorum || len(s.Members) == 0 {
		return nil
	}
	for i := range s.Members {
		if weight(p, s.Members[i].ID) > 0 {
			return nil
		}
	}
	return wrong("weights", "no member has a weight above 0")
}

func weight(p *api.BallotParams, member string) api.Decimal {
	if w, ok := p.Weights[member]; ok {
		return w
	}
	return api.One
}

// fold is what two options must not have in common.
func fold(option string) string { return strings.ToLower(strings.TrimSpace(option)) }

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}
