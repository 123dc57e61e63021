package bargain

import (
	"maps"
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	roundTime     = 30 * time.Second
	maxMembers    = 50
	maxRounds     = 100
	maxCandidates = 100
	maxIssues     = 32
	maxOptions    = 100
	maxName       = 64
)

func defaults() api.BargainParams {
	return api.BargainParams{MaxRounds: 10, Discount: api.One, Absent: api.BargainReject}
}

// Check implements protocol.Protocol. A session without members is allowed, and ends without an agreement.
func (Negotiation) Check(s *api.Session) (protocol.Settings, error) {
	algorithm := s.Algorithm
	if algorithm == "" {
		algorithm = api.BargainAlternating
	}
	if all := []string{api.BargainAlternating, api.BargainBilateral, api.BargainNash}; !slices.Contains(all, algorithm) {
		return protocol.Settings{}, wrong("algorithm", "algorithm must be one of %v", all)
	}
	p := defaults()
	if err := codec.Decode(s.Params, &p); err != nil {
		return protocol.Settings{}, unreadable(err)
	}
	if err := checkParams(&p, algorithm); err != nil {
		return protocol.Settings{}, err
	}
	if s.Members != nil {
		if err := checkMembers(&p, algorithm, s.Members); err != nil {
			return protocol.Settings{}, err
		}
	}
	raw, err := codec.Marshal(p)
	if err != nil {
		return protocol.Settings{}, err
	}
	return protocol.Settings{Algorithm: algorithm, Params: raw, Timeout: roundTime}, nil
}

func checkParams(p *api.BargainParams, algorithm string) error {
	switch {
	case p.Total != nil && len(p.Issues) > 0:
		return wrong("total", "give either a total to divide or issues to settle")
	case p.Total != nil && *p.Total <= 0:
		return wrong("total", "total must be more than 0")
	case len(p.Issues) > maxIssues:
		return wrong("issues", "issues has %d entries, at most %d are allowed", len(p.Issues), maxIssues)
	case len(p.Candidates) > 0 && algorithm != api.BargainNash:
		return wrong("candidates", "candidates are chosen from only by the algorithm %s", api.BargainNash)
	case len(p.Candidates) > maxCandidates:
		return wrong("candidates", "candidates has %d entries, at most %d are allowed", len(p.Candidates), maxCandidates)
	case p.MaxRounds < 1 || p.MaxRounds > maxRounds:
		return wrong("max_rounds", "max_rounds must be 1 to %d", maxRounds)
	case p.Discount <= 0 || p.Discount > api.One:
		return wrong("discount", "discount must be more than 0 and at most 1")
	case p.Absent != api.BargainReject && p.Absent != api.BargainAbstain:
		return wrong("absent", "absent must be %s or %s", api.BargainReject, api.BargainAbstain)
	}
	for _, m := range slices.Sorted(maps.Keys(p.Discounts)) {
		if d := p.Discounts[m]; d <= 0 || d > api.One {
			return wrong("discounts", "discounts: that of %.70q must be more than 0 and at most 1", m)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Issues)) {
		if err := checkIssue(name, p.Issues[name]); err != nil {
			return err
		}
	}
	return nil
}

func checkIssue(name string, options []string) error {
	if name == "" || len(name) > maxName || len(options) == 0 || len(options) > maxOptions {
		return wrong("issues", "issues: %.70q must have 1 to %d bytes and 1 to %d options", name, maxName, maxOptions)
	}
	for i, o := range options {
		if o == "" || len(o) > maxName || slices.Contains(options[:i], o) {
			return wrong("issues", "issues: the option %.70q of %s must have 1 to %d bytes and be there once", o, name, maxName)
		}
	}
	return nil
}

func checkMembers(p *api.BargainParams, algorithm string, members []api.SessionMember) error {
	n := len(members)
	count := func(reason, format string, args ...any) error {
		return api.Errorf(api.Invalid, format, args...).WithReason(reason).WithFields("members")
	}
	switch {
	case n == 0 && algorithm == api.BargainBilateral:
		return count(api.ReasonEmptyAgentPool, "members is required: %s is between two", algorithm)
	case n == 1:
		return count(api.ReasonFewParticipants, "one member has nobody to negotiate with")
	case n > 2 && algorithm == api.BargainBilateral:
		return count(api.ReasonManyParticipants, "%s is between two, not %d: take %s", algorithm, n, api.BargainAlternating)
	case n > maxMembers:
		return count(api.ReasonManyParticipants, "%d members are too many for a negotiation, at most %d are allowed", n, maxMembers)
	}
	known := make(map[string]bool, n)
	for _, m := range members {
		known[m.ID] = true
	}
	for field, named := range map[string]map[string]api.Decimal{"reservations": p.Reservations, "discounts": p.Discounts} {
		for _, m := range slices.Sorted(maps.Keys(named)) {
			if !known[m] {
				return wrong(field, "%s names %.70q, who is no member", field, m)
			}
		}
	}
	if n == 0 {
		return nil
	}
	need := minDeal
	if p.Total != nil {
		need = max(need, division(members))
	}
	if longest(p, algorithm, n) < need {
		if algorithm == api.BargainNash {
			return count(api.ReasonManyParticipants, "the offers of %d members do not fit in one session: take fewer members, or give the candidates in the parameters", n)
		}
		return wrong("max_rounds", "%d offers among %d members do not fit in one session: fewer leave more room for each", p.MaxRounds, n)
	}
	t := table{Session: &api.Session{Members: members}, params: *p, longest: api.MaxSessionQuestion}
	for i, c := range p.Candidates {
		deal, err := t.deal(c)
		if err != nil {
			return wrong("candidates", "candidate %d: %s", i+1, api.AsError(err).Message)
		}
		p.Candidates[i] = deal
	}
	return nil
}

// division is how many bytes a share for each member has.
func division(members []api.SessionMember) int {
	bytes := 0
	for _, m := range members {
		bytes += len(m.ID) + shareBytes
	}
	return bytes
}

const (
	transcriptBytes = 3 << 20                  // what all questions may take of api.MaxSessionBytes, written twice as they are for the hash
	resultBytes     = api.MaxSessionResult / 2 // what all deals may take of the result
	minDeal         = 256
	maxDeal         = 16 << 10
	shareBytes      = 24 // a Decimal with its quotes, colon and comma
)

// longest is how many bytes a deal may have, so that a session of n members runs through all its offers within the bounds of
// transcript and result. It is less than minDeal when there is not enough room.
func longest(p *api.BargainParams, algorithm string, n int) int {
	if n == 0 {
		return minDeal
	}
	issues, err := codec.Marshal(p.Issues)
	if err != nil {
		return 0
	}
	if len(p.Candidates) > 0 {
		return maxDeal // they are in the parameters, which are bounded
	}
	if algorithm == api.BargainNash {
		return min(maxDeal, transcriptBytes/(n*n)-len(issues)/n, resultBytes/n)
	}
	return min(maxDeal, transcriptBytes/(p.MaxRounds*n)-len(issues), resultBytes/p.MaxRounds)
}

func wrong(field, format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonConfiguration).WithFields(field)
}

func unreadable(err error) error {
	e := api.AsError(err)
	if e == nil {
		return err
	}
	return api.Errorf(api.Invalid, "params: %s", e.Message).WithReason(api.ReasonConfiguration).WithFields(append(e.Details.Fields, "params")...)
}
