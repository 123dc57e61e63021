package api

import "time"

// The methods by which an operator changes the version of the rules that the replicas of a service go by.
var (
	CoordinationRulesGet = Method[Empty, LogRules]{
		Service: "coordination", Noun: "rules", Verb: "get",
		Doc: "Returns by which version of the rules sessions, protocols and variables go, and which versions each replica has.",
	}
	CoordinationRulesUse = Method[RulesUseRequest, LogRules]{
		Service: "coordination", Noun: "rules", Verb: "use", Write: true,
		Doc: "Puts a later version of the rules of sessions, protocols and variables in force, for good: replicas that lack it serve no longer. The one in force changes nothing. Refused as failed_precondition with rules_missing when a live replica lacks it, and with rules_final when a later one is in force.",
	}
	EconomicsRulesGet = Method[Empty, LogRules]{
		Service: "economics", Noun: "rules", Verb: "get",
		Doc: "Returns by which version of the rules the economy goes, and which versions each replica has.",
	}
	EconomicsRulesUse = Method[RulesUseRequest, LogRules]{
		Service: "economics", Noun: "rules", Verb: "use", Write: true,
		Doc: "Puts a later version of the rules of the economy in force, for good: replicas that lack it serve no longer. For operators (operator_only). The one in force changes nothing. Refused as failed_precondition with rules_missing when a live replica lacks it, and with rules_final when a later one is in force.",
	}
)

// rulesMethods are rows of the method table.
var rulesMethods = []Descriptor{
	CoordinationRulesGet.Describe(), CoordinationRulesUse.Describe(), EconomicsRulesGet.Describe(), EconomicsRulesUse.Describe(),
}

// Reasons of refusals of a version of the rules.
const (
	ReasonRulesMissing = "rules_missing" // failed_precondition: a live replica lacks that version
	ReasonRulesFinal   = "rules_final"   // failed_precondition: a later version is in force, and there is no way back
)

// MaxRulesVersion bounds the number of a version of the rules.
const MaxRulesVersion = 1_000_000 // number

// LogRules says by which version of its rules a replicated log goes, and which versions its replicas have.
type LogRules struct {
	Realm string `json:"realm"`
	// Version is in force.
	Version int `json:"version"`
	// Available is the latest that every live replica has: it may be put in force.
	Available int            `json:"available"`
	Replicas  []RulesReplica `json:"replicas"`
}

// RulesReplica is a replica that has written to the log within the last two minutes.
type RulesReplica struct {
	Writer string `json:"writer"`
	// Low and High are the versions that it has said it has.
	Low  int       `json:"low"`
	High int       `json:"high"`
	Seen time.Time `json:"seen_at"`
	// Live says that it counts: it has not left, and was heard of within 30s.
	Live bool `json:"live"`
}

// RulesUseRequest puts a version of the rules in force.
type RulesUseRequest struct {
	// Version is 1 or more.
	Version int `json:"version"`
}

// Validate implements Validator.
func (r *RulesUseRequest) Validate() error {
	if r.Version < 1 || r.Version > MaxRulesVersion {
		return Errorf(Invalid, "version must be 1 to %d", MaxRulesVersion).WithFields("version")
	}
	return nil
}
