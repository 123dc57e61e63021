package api

import "time"

// Bounds of reputations and reports.
const (
	MaxReputationHistory   = 100                   // records that are remembered of an agent
	MaxReputationMemory    = 2_000_000             // records that are remembered of all agents together; then an agent's newest take the place of its own oldest
	MaxReputationDomains   = 64                    // domains in which one agent has a reputation
	MaxStandings           = 1_000_000             // pairs of an agent and a domain
	MaxReputationPenalties = 100                   // penalties that are remembered of an agent
	MaxReputationRef       = 256                   // bytes of what a record or a penalty is about
	MaxRanking             = 1000                  // places of a ranking
	MaxRecordStake         = 1_000_000_000_000_000 // micro-units that a record may have at stake
	MaxReports             = 100_000               // reports of a namespace, with those that were settled in the last hour
	MaxReportPay           = 1_000_000_000_000_000 // micro-units that a report may pay
	MaxReportTime          = 7776000               // seconds that a report may take to be made, and to be settled
	MaxReportSubject       = 1024                  // bytes of what a report is about
)

// Reasons of what is refused about reputations and reports.
const (
	ReasonAlreadyRecorded  = "already_recorded"     // conflict: the same rater has recorded the same thing before
	ReasonGaming           = "gaming_detected"      // invalid, or rate_limited: a record that looks made to please
	ReasonSelfRating       = "self_rating"          // permission_denied: nobody rates itself
	ReasonAlreadyPenalised = "already_penalised"    // conflict: the violation has cost its agent before
	ReasonManyStandings    = "too_many_standings"   // overloaded
	ReasonReportNotFound   = "report_not_found"     // not_found
	ReasonReportExists     = "report_exists"        // conflict
	ReasonReportState      = "report_not_open"      // failed_precondition: it is not in the state that this needs
	ReasonNotReporter      = "not_reporter"         // permission_denied: somebody else is asked
	ReasonNotReportJudge   = "not_judge_of_report"  // permission_denied: somebody else judges
	ReasonManyReports      = "too_many_reports"     // overloaded
	ReasonReportParties    = "report_parties_equal" // invalid: nobody judges what it reports itself
)

// RecordSource says where a record comes from, and so what it counts.
type RecordSource string

// The sources of records.
const (
	SourceSettlement RecordSource = "settlement" // a contract or an auction that was settled
	SourceOpinion    RecordSource = "opinion"    // any principal
	SourceOperator   RecordSource = "operator"   // an operator
)

// RecordSources lists every source.
var RecordSources = []RecordSource{SourceSettlement, SourceOpinion, SourceOperator}

// ReputationRecord is what somebody found of an agent's work.
type ReputationRecord struct {
	Agent string `json:"agent"`
	// Domain is the field of work, such as a capability; "" counts for the agent as a whole alone.
	Domain string `json:"domain,omitempty"`
	By     string `json:"by"`
	// Ref is what it is about, for example "contract/c1": each rater records it once.
	Ref    string       `json:"ref"`
	Source RecordSource `json:"source,omitempty"`
	// Quality, Satisfaction and CostEfficiency are from 0 to 1.
	Quality        Decimal `json:"quality"`
	Satisfaction   Decimal `json:"satisfaction"`
	CostEfficiency Decimal `json:"cost_efficiency"`
	// Stake is the value of the transaction, and Fee what it has cost in fees.
	Stake Micro `json:"stake,omitempty"`
	Fee   Micro `json:"fee,omitempty"`
	// Duration is how long the work took; 0 when it is not known.
	Duration Duration  `json:"duration,omitzero"`
	At       time.Time `json:"at"`
	// Weight is what the record counted when it was made, at most 1, and Proven the part of it that the rater's own standing and fees back.
	Weight Decimal `json:"weight"`
	Proven Decimal `json:"proven"`
}

// ReputationPenalty is what a violation has cost an agent.
type ReputationPenalty struct {
	Violation string    `json:"violation"`
	Ref       string    `json:"ref"`
	Amount    Decimal   `json:"amount"`
	At        time.Time `json:"at"`
}

// Reputation is what is known of an agent, as a whole or in one domain.
type Reputation struct {
	Agent  string `json:"agent"`
	Domain string `json:"domain,omitempty"`
	// Score is from 0 to 1, and 0.5 when nothing is known: the weighted mean of the records and of the prior, less the penalties.
	Score Decimal `json:"score"`
	// Raw is the mean of the last 100 records, 0.95 to the power of its age in records as the weight of each, without the prior.
	Raw Decimal `json:"raw"`
	// Proven and Unproven are the weights behind the score, next to the prior's weight of 2: of raters with a standing of their own, or
	// who have paid fees, and of all the others, who count for at most 0.5 together, and less the more is proven.
	Proven   Decimal `json:"proven"`
	Unproven Decimal `json:"unproven"`
	// Penalty is what violations take off the score now.
	Penalty Decimal `json:"penalty"`
	// Records were made in all; History of them are remembered, and the means are over those.
	Records        int     `json:"records"`
	History        int     `json:"history"`
	Quality        Decimal `json:"quality"`
	Satisfaction   Decimal `json:"satisfaction"`
	CostEfficiency Decimal `json:"cost_efficiency"`
	// Consistency is 1 less the variance of quality: 1 for one record, 0 for none.
	Consistency Decimal `json:"consistency"`
	// Specialisations are the domains with three records or more and a score of at least 0.55.
	Specialisations []string `json:"specialisations"`
	// Version counts the records and penalties of the agent.
	Version  uint64 `json:"version"`
	Revision string `json:"revision,omitempty"`
}
