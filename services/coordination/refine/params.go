package refine

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	minMembers = 2
	maxMembers = 20
	maxRounds  = 20
	roundTime  = 600 * time.Second
)

// defaults are those of the reference system, but for the estimator: its own took length for quality.
func defaults() api.RefineParams {
	return api.RefineParams{
		MaxRounds: 5, ConvergenceThreshold: 950_000, QualityThreshold: 800_000, Similarity: api.RefineJaccard, Estimator: api.RefinePeers,
		ProposalTimeout: api.Duration(300 * time.Second), FeedbackTimeout: api.Duration(600 * time.Second), SimilarityTimeout: api.Duration(120 * time.Second),
	}
}

// params reads what Check has made complete.
func params(s *api.Session) api.RefineParams {
	p := defaults()
	if len(s.Params) > 0 && codec.Read(s.Params, &p) != nil {
		return defaults()
	}
	return p
}

// Check implements protocol.Protocol.
func (Refinement) Check(s *api.Session) (protocol.Settings, error) {
	if s.Algorithm != "" && s.Algorithm != string(api.SessionIterative) {
		return protocol.Settings{}, wrong("algorithm", "algorithm must be %s or left out: the parameters similarity and estimator choose the rest", api.SessionIterative)
	}
	p := defaults()
	if err := codec.Decode(s.Params, &p); err != nil {
		return protocol.Settings{}, unreadable(err)
	}
	if err := checkParams(&p); err != nil {
		return protocol.Settings{}, err
	}
	if s.Members != nil {
		if err := checkMembers(&p, s.Members); err != nil {
			return protocol.Settings{}, err
		}
	}
	raw, err := codec.Marshal(p)
	if err != nil {
		return protocol.Settings{}, err
	}
	return protocol.Settings{Algorithm: string(api.SessionIterative), Params: raw, Timeout: roundTime}, nil
}

func checkParams(p *api.RefineParams) error {
	if p.MaxRounds < 1 || p.MaxRounds > maxRounds {
		return wrong("max_rounds", "max_rounds must be 1 to %d", maxRounds)
	}
	if p.ConvergenceThreshold < 0 || p.ConvergenceThreshold > api.One {
		return wrong("convergence_threshold", "convergence_threshold must be 0 to 1")
	}
	if p.QualityThreshold < 0 || p.QualityThreshold > api.One {
		return wrong("quality_threshold", "quality_threshold must be 0 to 1")
	}
	if similarities := []string{api.RefineJaccard, api.RefineCustom, api.RefineAgent}; !slices.Contains(similarities, p.Similarity) {
		return wrong("similarity", "similarity must be one of %v", similarities)
	}
	if p.Judge != "" && p.Similarity != api.RefineAgent {
		return wrong("judge", "a judge is asked only with the similarity %s", api.RefineAgent)
	}
	if p.Estimator != api.RefinePeers && p.Estimator != api.RefineLength {
		return wrong("estimator", "estimator must be %s or %s", api.RefinePeers, api.RefineLength)
	}
	for _, t := range []struct {
		field string
		d     api.Duration
	}{{"proposal_timeout", p.ProposalTimeout}, {"feedback_timeout", p.FeedbackTimeout}, {"similarity_timeout", p.SimilarityTimeout}} {
		if t.d.Std() < time.Second || t.d.Std() > api.MaxSessionTime*time.Second {
			return wrong(t.field, "%s must be 1s to %ds", t.field, api.MaxSessionTime)
		}
	}
	return nil
}

func checkMembers(p *api.RefineParams, members []api.SessionMember) error {
	n := len(members)
	switch {
	case n == 0:
		return api.Errorf(api.Invalid, "members is required: name %d to %d agents", minMembers, maxMembers).WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	case n < minMembers:
		return api.Errorf(api.Invalid, "one member has nobody to rate its proposals: name %d to %d", minMembers, maxMembers).
			WithReason(api.ReasonFewParticipants).WithFields("members")
	case n > maxMembers:
		return api.Errorf(api.Invalid, "%d members are too many to rate one another: name %d to %d", n, minMembers, maxMembers).
			WithReason(api.ReasonManyParticipants).WithFields("members")
	case p.Judge != "" && !slices.ContainsFunc(members, func(m api.SessionMember) bool { return m.ID == p.Judge }):
		return wrong("judge", "judge names %.70q, who is no member", p.Judge)
	case limits(p, n).proposal < minProposal:
		return wrong("max_rounds", "%d rounds of %d members do not fit in one session: fewer rounds leave more room for each proposal", p.MaxRounds, n)
	}
	return nil
}

const (
	proposalBytes = 4 << 20 // what all proposals may take in the transcript, each as often as it is shown to somebody
	commentBytes  = 1 << 20 // what all comments may take
	resultBytes   = api.MaxSessionResult / 2
	minProposal   = 256
	maxProposal   = 16 << 10
	maxComment    = 2 << 10
)

// limit is how many bytes a text may have as a JSON string.
type limit struct{ proposal, comment int }

// limits let a session of n members run through all its rounds within the bounds of transcript and result.
func limits(p *api.RefineParams, n int) limit {
	shown := n * (n + 3) // by its author, as the author's last and the best one, and to all who rate it
	if p.Similarity == api.RefineAgent {
		judges := n
		if p.Judge != "" {
			judges = 1
		}
		shown += 2 * n * judges
	}
	return limit{
		proposal: min(maxProposal, proposalBytes/max(1, p.MaxRounds*shown), resultBytes/(p.MaxRounds+2)),
		comment:  min(maxComment, commentBytes/max(1, 2*p.MaxRounds*n*n)),
	}
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
