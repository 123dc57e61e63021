package api

import (
	"slices"
	"time"
)

// ReportKind says what a report is about.
type ReportKind string

// The kinds of reports.
const (
	ReportEffort  ReportKind = "effort"  // the part of the effort agreed that the work will take
	ReportQuality ReportKind = "quality" // the quality that the work will have
)

// ReportKinds lists every kind.
var ReportKinds = []ReportKind{ReportEffort, ReportQuality}

// ReportState is how far a report has come.
type ReportState string

// The states of a report.
const (
	ReportAsked   ReportState = "asked"   // the reporter has not said anything yet
	ReportMade    ReportState = "made"    // the judge has not said anything yet
	ReportSettled ReportState = "settled" // it is paid by the rule
	ReportLapsed  ReportState = "lapsed"  // nobody reported in time: nothing was paid; or nobody judged in time: the base was paid
)

// ReportStates lists every state.
var ReportStates = []ReportState{ReportAsked, ReportMade, ReportSettled, ReportLapsed}

// ReportSpec is what somebody asks an agent to report, and what it is paid for it.
type ReportSpec struct {
	// ID is made up unless given.
	ID    string     `json:"id,omitempty"`
	Agent string     `json:"agent"`
	Kind  ReportKind `json:"kind"`
	// Subject says in words, or by an id, what the report is about.
	Subject string `json:"subject,omitempty"`
	// Payer is the account that pays: base and scale together are held on it until the end. The asker's main one unless given.
	Payer AccountID `json:"payer,omitempty"`
	// Base is paid for the report, and up to Scale more for how right it was.
	Base  Micro `json:"base"`
	Scale Micro `json:"scale"`
	// Judge is the principal who tells the outcome: whoever asks unless given, never the agent.
	Judge string `json:"judge,omitempty"`
	// MakeWithin is for how long the agent may report, an hour unless given, and SettleWithin how long the judge then has, a day unless given.
	MakeWithin   Duration `json:"make_within,omitzero"`
	SettleWithin Duration `json:"settle_within,omitzero"`
}

// Validate implements Validator.
func (r *ReportSpec) Validate() error {
	if err := first(CheckOptionalID("id", r.ID), CheckID("agent", r.Agent), CheckOptionalID("judge", r.Judge)); err != nil {
		return err
	}
	if r.Kind != ReportEffort && r.Kind != ReportQuality {
		return Errorf(Invalid, "kind must be one of %v", ReportKinds).WithFields("kind")
	}
	if len(r.Subject) > MaxReportSubject {
		return Errorf(Invalid, "subject has %d bytes, at most %d are allowed", len(r.Subject), MaxReportSubject).WithFields("subject")
	}
	if r.Judge == r.Agent {
		return Errorf(Invalid, "judge must be somebody else than the agent who reports").WithReason(ReasonReportParties).WithFields("judge")
	}
	if r.Payer != "" {
		if _, err := ParseAccount(string(r.Payer)); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		v    Micro
	}{{"base", r.Base}, {"scale", r.Scale}} {
		if f.v < 0 || f.v > MaxReportPay {
			return Errorf(Invalid, "%s must be \"0\" to \"%d\" millionths", f.name, MaxReportPay).WithFields(f.name)
		}
	}
	if r.Scale == 0 {
		return Errorf(Invalid, "scale must be more than 0: it is what honesty earns").WithFields("scale")
	}
	for _, f := range []struct {
		name string
		d    Duration
	}{{"make_within", r.MakeWithin}, {"settle_within", r.SettleWithin}} {
		if f.d < 0 || f.d.Std() > MaxReportTime*time.Second {
			return Errorf(Invalid, "%s must be 0s to %ds", f.name, MaxReportTime).WithFields(f.name)
		}
	}
	return nil
}

// Report is what an agent was asked to say beforehand about its effort or quality, and what that has brought it. It is paid base +
// scale * (1 - (belief - outcome)^2), rounded down: a proper scoring rule (Brier 1950), by which its true expectation pays best.
type Report struct {
	ReportSpec
	State ReportState `json:"state"`
	// By is the principal who asked.
	By string `json:"by"`
	// Belief is what the reporter expects, from 0 to 1, once it has said so.
	Belief *Decimal `json:"belief,omitempty"`
	// Outcome is what the judge has found, from 0 to 1.
	Outcome *Decimal `json:"outcome,omitempty"`
	Paid    Micro    `json:"paid"`
	// Until is when the state lapses, or, of a report that has ended, is forgotten.
	Until    time.Time `json:"until"`
	AskedAt  time.Time `json:"asked_at"`
	MadeAt   time.Time `json:"made_at,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Version  uint64    `json:"version"`
	Revision string    `json:"revision,omitempty"`
}

// SetRevision tells the revision of the write that has made the report what it is.
func (r *Report) SetRevision(revision string) { r.Revision = revision }

// ReportSubmitRequest says what the agent who asks expects.
type ReportSubmitRequest struct {
	ID     string  `json:"id"`
	Belief Decimal `json:"belief"`
}

// Validate implements Validator.
func (r *ReportSubmitRequest) Validate() error {
	return first(CheckID("id", r.ID), checkUnit("belief", r.Belief))
}

// ReportSettleRequest tells the outcome of what a report was about.
type ReportSettleRequest struct {
	ID      string  `json:"id"`
	Outcome Decimal `json:"outcome"`
}

// Validate implements Validator.
func (r *ReportSettleRequest) Validate() error {
	return first(CheckID("id", r.ID), checkUnit("outcome", r.Outcome))
}

// ReportGetRequest asks for a report.
type ReportGetRequest struct {
	ID string `json:"id"`
	// After is a version that is known: with wait, the answer comes when there is a later one, or the time is up.
	After       uint64   `json:"after,omitempty"`
	Wait        Duration `json:"wait,omitzero"`
	MinRevision string   `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReportGetRequest) Validate() error {
	return first(CheckID("id", r.ID), checkSessionTimes(map[string]Duration{"wait": r.Wait}))
}

// ReportsListRequest asks for reports.
type ReportsListRequest struct {
	// Agent keeps those that it is asked for, Judge those that it judges, and State those that are in it.
	Agent string      `json:"agent,omitempty"`
	Judge string      `json:"judge,omitempty"`
	State ReportState `json:"state,omitempty"`
	// After is where the page before has ended.
	After       string `json:"after,omitempty"`
	Limit       int    `json:"limit,omitempty"`
	MinRevision string `json:"min_revision,omitempty"`
}

// Validate implements Validator.
func (r *ReportsListRequest) Validate() error {
	if r.State != "" && !slices.Contains(ReportStates, r.State) {
		return Errorf(Invalid, "state must be one of %v", ReportStates).WithFields("state")
	}
	return first(CheckOptionalID("agent", r.Agent), CheckOptionalID("judge", r.Judge), CheckOptionalID("after", r.After), checkPage(r.Limit))
}

// ReportsListResponse is a page of reports, in the order of their ids. Those that the request leaves out count for the page, so that it
// may be short, or empty, and not the last: that has no next.
type ReportsListResponse struct {
	Reports  []Report `json:"reports"`
	Next     string   `json:"next,omitempty"`
	Revision string   `json:"revision,omitempty"`
}

// checkUnit accepts 0 to 1.
func checkUnit(field string, v Decimal) error {
	if v < 0 || v > One {
		return Errorf(Invalid, "%s must be 0 to 1, have %s", field, v).WithFields(field)
	}
	return nil
}
