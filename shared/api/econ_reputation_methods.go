package api

// The methods of services/economics about reputation, and about reports that pay best when they are honest.
var (
	ReputationGet = Method[ReputationGetRequest, Reputation]{
		Service: "economics", Noun: "reputation", Verb: "get",
		Doc: "Returns what is known of an agent, as a whole or in a domain. Of an unknown one that is the prior, 0.5.",
	}
	ReputationRecordWork = Method[ReputationRecordRequest, ReputationChange]{
		Service: "economics", Noun: "reputation", Verb: "record", Write: true,
		Doc: "Records what the principal found of an agent's work. An operator's record counts in full, a party's of a contract that is settled by its price, anybody else's little. Refused with already_recorded, gaming_detected, self_rating, too_many_standings.",
	}
	ReputationPenalise = Method[ReputationPenaliseRequest, ReputationChange]{
		Service: "economics", Noun: "reputation", Verb: "penalise", Write: true,
		Doc: "Takes off an agent's score what a violation of its kind costs, once per violation (already_penalised). For operators (operator_only).",
	}
	ReputationRank = Method[ReputationRankRequest, ReputationRankResponse]{
		Service: "economics", Noun: "reputation", Verb: "rank",
		Doc: "Returns the agents with the best scores of a domain, or as a whole, the best first; equal ones in the order of their names.",
	}
	ReputationHistory = Method[ReputationHistoryRequest, ReputationHistoryResponse]{
		Service: "economics", Noun: "reputation", Verb: "history",
		Doc: "Returns the last records of an agent and its penalties, the newest first; at most 100 of each are remembered.",
	}
	ReputationStats = Method[ReputationStatsRequest, ReputationStatsResponse]{
		Service: "economics", Noun: "reputation", Verb: "stats",
		Doc: "Counts the agents, domains, records, penalties and reports.",
	}
	ReputationWait = Method[ReputationWaitRequest, Reputation]{
		Service: "economics", Noun: "reputation", Verb: "wait",
		Doc: "Returns what is known of an agent once its version is above the one given, or as it is when the time is up.",
	}
	ReportsAsk = Method[ReportSpec, Report]{
		Service: "economics", Noun: "reports", Verb: "ask", Write: true,
		Doc: "Asks an agent what it expects of its effort or quality, and holds what that may pay on the payer's account. Refused with report_exists, not_owner, insufficient_funds, too_many_reports.",
	}
	ReportsSubmit = Method[ReportSubmitRequest, Report]{
		Service: "economics", Noun: "reports", Verb: "submit", Write: true,
		Doc: "States what the agent who was asked expects, once. Refused with report_not_found, not_reporter, report_not_open.",
	}
	ReportsSettle = Method[ReportSettleRequest, Report]{
		Service: "economics", Noun: "reports", Verb: "settle", Write: true,
		Doc: "Tells the outcome, and pays the report by it, once; for its judge, or an operator. Refused with report_not_found, not_judge_of_report, report_not_open.",
	}
	ReportsGet = Method[ReportGetRequest, Report]{
		Service: "economics", Noun: "reports", Verb: "get",
		Doc: "Returns a report, or not_found (report_not_found). With wait it waits for a change. One that has ended is forgotten an hour later.",
	}
	ReportsList = Method[ReportsListRequest, ReportsListResponse]{
		Service: "economics", Noun: "reports", Verb: "list",
		Doc: "Returns reports in the order of their ids, a page at a time.",
	}
)

var econReputationMethods = []Descriptor{
	ReputationGet.Describe(), ReputationRecordWork.Describe(), ReputationPenalise.Describe(), ReputationRank.Describe(),
	ReputationHistory.Describe(), ReputationStats.Describe(), ReputationWait.Describe(),
	ReportsAsk.Describe(), ReportsSubmit.Describe(), ReportsSettle.Describe(), ReportsGet.Describe(), ReportsList.Describe(),
}

// ReputationGetRequest asks for a reputation.
type ReputationGetRequest struct {
	Agent string `json:"agent"`
	// Domain asks for that one; "" for the agent as a whole.
	Domain      string `json:"domain,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReputationGetRequest) Validate() error {
	return first(CheckID("agent", r.Agent), CheckOptionalID("domain", r.Domain))
}

// ReputationRecordRequest is what the principal found of an agent's work.
type ReputationRecordRequest struct {
	Agent  string `json:"agent"`
	Domain string `json:"domain,omitempty"`
	// Ref is what it is about: "contract/<id>" of a contract, or any id.
	Ref            string  `json:"ref"`
	Quality        Decimal `json:"quality"`
	Satisfaction   Decimal `json:"satisfaction"`
	CostEfficiency Decimal `json:"cost_efficiency,omitempty"`
	// Duration is how long the work took; left out when it is not known.
	Duration Duration `json:"duration,omitzero"`
}

// Validate implements Validator.
func (r *ReputationRecordRequest) Validate() error {
	if r.Duration < 0 {
		return Errorf(Invalid, "duration must not be below 0s").WithFields("duration")
	}
	return first(CheckID("agent", r.Agent), CheckOptionalID("domain", r.Domain), checkRef(r.Ref),
		checkUnit("quality", r.Quality), checkUnit("satisfaction", r.Satisfaction), checkUnit("cost_efficiency", r.CostEfficiency))
}

// checkRef accepts ids with slashes between them.
func checkRef(ref string) error {
	if ref == "" {
		return Errorf(Invalid, "ref is required").WithReason(ReasonMissingFields).WithFields("ref")
	}
	start := 0
	for i := 0; i <= len(ref); i++ {
		if i < len(ref) && ref[i] != '/' {
			continue
		}
		if !ValidID(ref[start:i]) || i > MaxReputationRef {
			return Errorf(Invalid, "ref must be ids with slashes between them, %d bytes at most", MaxReputationRef).WithFields("ref")
		}
		start = i + 1
	}
	return nil
}

// ReputationChange tells what a record or a penalty has brought.
type ReputationChange struct {
	// Score is that of the agent in the domain, or as a whole, now.
	Score Decimal `json:"score"`
	// Record is as it is remembered.
	Record *ReputationRecord `json:"record,omitempty"`
	// Penalty is as it is remembered.
	Penalty  *ReputationPenalty `json:"penalty,omitempty"`
	Revision string             `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write.
func (r *ReputationChange) SetRevision(revision string) { r.Revision = revision }

// ReputationPenaliseRequest names a violation.
type ReputationPenaliseRequest struct {
	Agent string `json:"agent"`
	// Domain is that whose score is answered; the penalty counts in all of them.
	Domain string `json:"domain,omitempty"`
	// Violation is its kind: quality_fraud, effort_manipulation, collusion_detected, performance_failure, task_abandonment, or another.
	Violation string `json:"violation"`
	// Ref names the violation itself: it costs once.
	Ref string `json:"ref"`
}

// Validate implements Validator.
func (r *ReputationPenaliseRequest) Validate() error {
	return first(CheckID("agent", r.Agent), CheckOptionalID("domain", r.Domain), CheckID("violation", r.Violation), checkRef(r.Ref))
}

// ReputationRankRequest asks for the best agents.
type ReputationRankRequest struct {
	Domain string `json:"domain,omitempty"`
	// MinRecords leaves out those with fewer records in the domain; 1 unless given.
	MinRecords int `json:"min_records,omitempty"`
	// Limit is 10 unless given, at most 1000.
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReputationRankRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxRanking {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for 10", MaxRanking).WithFields("limit")
	}
	if r.MinRecords < 0 {
		return Errorf(Invalid, "min_records must not be below 0").WithFields("min_records")
	}
	return CheckOptionalID("domain", r.Domain)
}

// ReputationPlace is an agent in a ranking.
type ReputationPlace struct {
	// Place counts from 1.
	Place   int     `json:"place"`
	Agent   string  `json:"agent"`
	Score   Decimal `json:"score"`
	Proven  Decimal `json:"proven"`
	Records int     `json:"records"`
}

// ReputationRankResponse has the best, the best first, and how many met the conditions.
type ReputationRankResponse struct {
	Places   []ReputationPlace `json:"places"`
	Ranked   int               `json:"ranked"`
	Revision string            `json:"revision,omitempty"`
}

// ReputationHistoryRequest asks for the last records of an agent.
type ReputationHistoryRequest struct {
	Agent string `json:"agent"`
	// Domain keeps those of it.
	Domain string `json:"domain,omitempty"`
	// Limit is 100 unless given, at most 100.
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReputationHistoryRequest) Validate() error {
	if r.Limit < 0 || r.Limit > MaxReputationHistory {
		return Errorf(Invalid, "limit must be 1 to %d, or left out for all", MaxReputationHistory).WithFields("limit")
	}
	return first(CheckID("agent", r.Agent), CheckOptionalID("domain", r.Domain))
}

// ReputationHistoryResponse has the last records and penalties, the newest first.
type ReputationHistoryResponse struct {
	Records   []ReputationRecord  `json:"records"`
	Penalties []ReputationPenalty `json:"penalties"`
	Revision  string              `json:"revision,omitempty"`
}

// ReputationStatsRequest asks for counts.
type ReputationStatsRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReputationStatsRequest) Validate() error { return nil }

// ReputationStatsResponse counts.
type ReputationStatsResponse struct {
	// Agents have a reputation, and Standings are pairs of an agent and a domain.
	Agents    int `json:"agents"`
	Standings int `json:"standings"`
	// Records were made, since the log began, by source; Unplaced of the settlements found no room, and were left out.
	Settlements uint64 `json:"settlements"`
	Opinions    uint64 `json:"opinions"`
	ByOperators uint64 `json:"by_operators"`
	Unplaced    uint64 `json:"unplaced"`
	// Remembered is how many records the histories have together.
	Remembered int    `json:"remembered"`
	Penalties  uint64 `json:"penalties"`
	// Reports were asked for, settled, and lapsed since the log began; OpenReports are under way.
	OpenReports    int    `json:"open_reports"`
	ReportsAsked   uint64 `json:"reports_asked"`
	ReportsSettled uint64 `json:"reports_settled"`
	ReportsLapsed  uint64 `json:"reports_lapsed"`
	Revision       string `json:"revision,omitempty"`
}

// ReputationWaitRequest waits for a change.
type ReputationWaitRequest struct {
	Agent  string `json:"agent"`
	Domain string `json:"domain,omitempty"`
	// After is the version that is known.
	After uint64 `json:"after,omitempty"`
	// Wait is how long to wait at most.
	Wait Duration `json:"wait,omitzero"`
}

// Validate implements Validator.
func (r *ReputationWaitRequest) Validate() error {
	return first(CheckID("agent", r.Agent), CheckOptionalID("domain", r.Domain), checkSessionTimes(map[string]Duration{"wait": r.Wait}))
}
