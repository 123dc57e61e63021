package hierarchy

import (
	"slices"
	"time"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	roundTime     = 60 * time.Second
	minMembers    = 6
	maxOptions    = 20
	maxOption     = 64
	maxSize       = 50
	maxLevels     = 10
	maxAttributes = 16
	maxExpertise  = 1000 * api.One
)

// defaults are those of the reference system.
func defaults() api.HierarchyParams {
	return api.HierarchyParams{
		Options: []string{"yes", "no"}, ClusterSize: 5, MaxLevels: 4, BalanceTolerance: 300_000, TargetEfficiency: 800_000, Clustering: api.ClusterRandom,
		Representatives: api.RepresentElection, Delegation: api.DelegateExpertise, Mandate: api.MandateBound,
		DelegationTimeout: api.Duration(30 * time.Second), Threshold: api.One / 2,
	}
}

// params reads what Check has made complete.
func params(s *api.Session) api.HierarchyParams {
	p := defaults()
	if len(s.Params) > 0 {
		p.Options = nil
		if codec.Read(s.Params, &p) != nil {
			return defaults()
		}
	}
	if len(p.Options) == 0 {
		p.Options = defaults().Options
	}
	return p
}

// Check implements protocol.Protocol.
func (Hierarchy) Check(s *api.Session) (protocol.Settings, error) {
	if s.Algorithm != "" && s.Algorithm != string(api.SessionHierarchical) {
		return protocol.Settings{}, wrong("algorithm", "algorithm must be %s or left out: the parameters delegation and mandate choose the rest", api.SessionHierarchical)
	}
	p := defaults()
	p.Options = nil
	if err := codec.Decode(s.Params, &p); err != nil {
		return protocol.Settings{}, unreadable(err)
	}
	if p.Options == nil {
		p.Options = defaults().Options
	}
	if err := checkParams(&p); err != nil {
		return protocol.Settings{}, err
	}
	if s.Members != nil {
		if err := checkMembers(s, &p); err != nil {
			return protocol.Settings{}, err
		}
	}
	raw, err := codec.Marshal(p)
	if err != nil {
		return protocol.Settings{}, err
	}
	return protocol.Settings{Algorithm: string(api.SessionHierarchical), Params: raw, Timeout: roundTime}, nil
}

func checkParams(p *api.HierarchyParams) error {
	if len(p.Options) < 2 || len(p.Options) > maxOptions {
		return wrong("options", "options must be 2 to %d", maxOptions)
	}
	for i, o := range p.Options {
		if o == "" || len(o) > maxOption || slices.Contains(p.Options[:i], o) {
			return wrong("options", "options: %.70q must have 1 to %d bytes and be there once", o, maxOption)
		}
	}
	switch {
	case p.ClusterSize < 2 || p.ClusterSize > maxSize:
		return wrong("cluster_size", "invalid_cluster_size: cluster_size must be 2 to %d", maxSize)
	case p.MaxLevels < 1 || p.MaxLevels > maxLevels:
		return wrong("max_levels", "invalid_max_levels: max_levels must be 1 to %d", maxLevels)
	case len(p.Attributes) > maxAttributes || p.Clustering == api.ClusterAttributes && len(p.Attributes) == 0:
		return wrong("attributes", "attributes must name 1 to %d attributes to make clusters by", maxAttributes)
	case len(p.Attributes) > 0 && p.Clustering != api.ClusterAttributes:
		return wrong("attributes", "attributes are for the clustering %s only", api.ClusterAttributes)
	case p.DelegationTimeout.Std() < time.Second || p.DelegationTimeout.Std() > api.MaxSessionTime*time.Second:
		return wrong("delegation_timeout", "delegation_timeout must be 1s to %ds", api.MaxSessionTime)
	case p.Mandate == api.MandateFree && p.Delegation == api.DelegateProportional:
		return wrong("mandate", "with the delegation %s all votes are passed on as they are, so the mandate must be %s", api.DelegateProportional, api.MandateBound)
	}
	for _, part := range []struct {
		field string
		d     api.Decimal
	}{{"balance_tolerance", p.BalanceTolerance}, {"target_efficiency", p.TargetEfficiency}, {"threshold", p.Threshold}} {
		if part.d < 0 || part.d > api.One {
			return wrong(part.field, "invalid_%s: %s must be 0 to 1", part.field, part.field)
		}
	}
	for _, choice := range []struct {
		field, have string
		want        []string
	}{
		{"clustering", p.Clustering, []string{api.ClusterRandom, api.ClusterAttributes, api.ClusterCapability}},
		{"representatives", p.Representatives, []string{api.RepresentElection, api.RepresentExpertise}},
		{"delegation", p.Delegation, []string{api.DelegateExpertise, api.DelegateSize, api.DelegateEqual, api.DelegateProportional}},
		{"mandate", p.Mandate, []string{api.MandateBound, api.MandateFree}},
	} {
		if !slices.Contains(choice.want, choice.have) {
			return wrong(choice.field, "%s must be one of %v", choice.field, choice.want)
		}
	}
	return nil
}

func checkMembers(s *api.Session, p *api.HierarchyParams) error {
	n := len(s.Members)
	switch {
	case n == 0:
		return api.Errorf(api.Invalid, "members is required: a hierarchy has at least %d", minMembers).WithReason(api.ReasonEmptyAgentPool).WithFields("members")
	case n < minMembers:
		return api.Errorf(api.Invalid, "%d members make no hierarchy, at least %d are needed", n, minMembers).WithReason(api.ReasonFewParticipants).WithFields("members")
	case n > api.MaxSessionMembers:
		return api.Errorf(api.Invalid, "%d members are too many, at most %d are allowed", n, api.MaxSessionMembers).WithReason(api.ReasonManyParticipants).WithFields("members")
	case len(s.Question) == 0:
		return api.Errorf(api.Invalid, "empty_proposal: the question says what is decided").WithReason(api.ReasonMissingFields).WithFields("question")
	}
	for _, m := range s.Members {
		if text, ok := m.Attributes[api.AttributeExpertise]; ok {
			if d, err := api.ParseDecimal(text); err != nil || d <= 0 || d > maxExpertise {
				return wrong("attributes", "the attribute %s of %s must be a number of more than 0 and at most %s", api.AttributeExpertise, m.ID, maxExpertise)
			}
		}
	}
	if most := worst(s, p); most > api.MaxSessionResult {
		return wrong("cluster_size", "the result for %d members in clusters of %d does not fit in a session: make the clusters larger", n, shape(p, n).size)
	}
	return nil
}

// worst is how many bytes the result may have, to be on the safe side.
func worst(s *api.Session, p *api.HierarchyParams) int {
	ids, name, option := 0, 0, 0
	for _, m := range s.Members {
		ids += len(m.ID) + 3
		name = max(name, len(m.ID))
	}
	for _, o := range p.Options {
		option = max(option, 2*len(o)) // its quotes and control characters may be escaped
	}
	bytes := 3*ids + 100*maxDeadlocks // as members, in circles, as silent
	for _, level := range grow(shape(p, len(s.Members)), len(s.Members)) {
		for _, c := range level {
			entries := min(len(p.Options), len(c.parts))
			if p.Delegation == api.DelegateProportional {
				entries = len(p.Options)
			}
			bytes += 200 + 3*name + option + entries*(option+24) + 5*len(c.parts)
		}
	}
	return bytes
}

func within(s *api.Session, d api.Duration) time.Duration {
	if own := s.Timeout.Std(); own > 0 && own < d.Std() {
		return own
	}
	return d.Std()
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
