package api

import "time"

// AlertStatus tells whether an alert stands.
type AlertStatus string

// The statuses of an alert.
const (
	AlertActive  AlertStatus = "active"
	AlertCleared AlertStatus = "cleared" // it is over; kept for a day
)

// AlertStatuses lists every status.
var AlertStatuses = []AlertStatus{AlertActive, AlertCleared}

// AlertEnd says why an alert ended.
type AlertEnd string

// The ends of an alert.
const (
	EndRecovered AlertEnd = "recovered"     // the figure came back to where it clears, or the series reports again
	EndRule      AlertEnd = "rule_gone"     // the rule was removed, disabled, or is about something else now
	EndByHand    AlertEnd = "by_hand"       // somebody has ended it
	EndForgotten AlertEnd = "series_absent" // there was no figure for a day
)

// Alert is what a rule has found about one series. The same rule and series always have the same alert: it is raised again in the
// next episode.
type Alert struct {
	// ID follows from the rule and the series.
	ID       string        `json:"id"`
	Rule     string        `json:"rule"`
	Status   AlertStatus   `json:"status"`
	Severity AlertSeverity `json:"severity"`
	Scope    MetricScope   `json:"scope"`
	// Series is what it is about; it has an id with scope source alone.
	Series     Series          `json:"series"`
	Statistic  Statistic       `json:"statistic"`
	Comparison AlertComparison `json:"comparison"`
	Threshold  Measure         `json:"threshold"`
	// Value is the figure at the last change; absent when the alert is about silence.
	Value *Measure `json:"value,omitempty"`
	// Absent says that it was raised because the series fell silent.
	Absent  bool   `json:"absent,omitempty"`
	Message string `json:"message"`
	// Episode counts the times it was raised.
	Episode  uint64    `json:"episode"`
	RaisedAt time.Time `json:"raised_at"`
	// ClearedAt is when it ended, and End why.
	ClearedAt time.Time `json:"cleared_at,omitzero"`
	End       AlertEnd  `json:"end,omitempty"`
	// Flapping says that it came and went too often: it stands, and is not sent again, until it has been quiet.
	Flapping bool `json:"flapping,omitempty"`
	// Changes are the times at which it was raised and cleared of late.
	Changes []time.Time `json:"changes,omitempty"`
	// JudgedAt is the time of what the last change was decided on; nothing older changes it.
	JudgedAt time.Time `json:"judged_at"`
	// AckedBy has taken note of this episode, at AckedAt, with Note.
	AckedBy string    `json:"acked_by,omitempty"`
	AckedAt time.Time `json:"acked_at,omitzero"`
	Note    string    `json:"note,omitempty"`
	// Route is where the rule had it sent when it was raised.
	Route *AlertRoute `json:"route,omitempty"`
	// RuleVersion is that of the rule then.
	RuleVersion uint64 `json:"rule_version"`
	Revision    string `json:"revision,omitempty"`
}

// AlertRulesListRequest asks for all rules.
type AlertRulesListRequest struct {
	MinRevision string `json:"min_revision,omitempty"`
}

// AlertRuleState is a rule and how the replica that answers applies it.
type AlertRuleState struct {
	AlertRule
	// EvaluatedAt is the time of the data that it was last applied to; zero if it never was.
	EvaluatedAt time.Time `json:"evaluated_at,omitzero"`
	// Series is how many series it was about then, and Every how often it is applied.
	Series int      `json:"series"`
	Every  Duration `json:"every,omitzero"`
	// Active is how many of its alerts stand.
	Active int `json:"active"`
	// Problem is why it cannot be applied.
	Problem string `json:"problem,omitempty"`
}

// AlertRulesListResponse has every rule, in the order of their ids.
type AlertRulesListResponse struct {
	Rules    []AlertRuleState `json:"rules"`
	Revision string           `json:"revision,omitempty"`
}

// AlertRuleSetRequest replaces a rule.
type AlertRuleSetRequest struct {
	Rule AlertRule `json:"rule"`
	// Version is what the rule to be replaced must have; any unless given.
	Version *uint64 `json:"version,omitempty"`
}

// AlertsListRequest selects alerts.
type AlertsListRequest struct {
	Status      AlertStatus   `json:"status,omitempty"`
	Severity    AlertSeverity `json:"severity,omitempty"`
	Rule        string        `json:"rule,omitempty"`
	Source      string        `json:"source,omitempty"`
	Limit       int           `json:"limit,omitempty"`
	Cursor      string        `json:"cursor,omitempty"`
	MinRevision string        `json:"min_revision,omitempty"`
}

// AlertsListResponse is one page of alerts, in the order of their ids.
type AlertsListResponse struct {
	Alerts []Alert `json:"alerts"`
	Next   string  `json:"next,omitempty"`
	// Active counts all that stand, and Suppressed those of them that this replica did not raise because there are too many already.
	Active     int    `json:"active"`
	Suppressed uint64 `json:"suppressed,omitempty"`
	Revision   string `json:"revision,omitempty"`
}

// AlertChangeRequest names an alert, and says why it is changed.
type AlertChangeRequest struct {
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
}

// UndeliveredRequest asks for what could not be delivered.
type UndeliveredRequest struct {
	Limit int `json:"limit,omitempty"`
}

// UndeliveredAlert is an event that was given up for one of its routes.
type UndeliveredAlert struct {
	Event Event `json:"event"`
	// Rule is whose route it was, To the subject or the host of the webhook.
	Rule  string    `json:"rule"`
	To    string    `json:"to"`
	Error string    `json:"error"`
	Tries uint64    `json:"tries"`
	At    time.Time `json:"at"`
}

// UndeliveredResponse has the events, the newest first.
type UndeliveredResponse struct {
	Undelivered []UndeliveredAlert `json:"undelivered"`
	// Total is how many there are; at most 1,000, for a week.
	Total int `json:"total"`
}
