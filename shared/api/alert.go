package api

import "time"

// Reasons of the methods about alerts.
const (
	ReasonRuleExists     = "rule_exists"      // conflict: a rule has the id already
	ReasonRuleNotFound   = "rule_not_found"   // not_found
	ReasonTooManyRules   = "too_many_rules"   // overloaded
	ReasonAlertNotFound  = "alert_not_found"  // not_found: it was never raised, or is over for a day
	ReasonAlertNotActive = "alert_not_active" // failed_precondition: it is over
)

// Bounds of alerts.
const (
	MaxAlertRules  = 500    // rules of a namespace
	MaxAlerts      = 10_000 // alerts that are remembered; while there are as many, no other is raised
	MaxAlertText   = 512    // bytes of a description or note
	MaxAlertURL    = 2048   // bytes of the URL of a webhook
	MaxUndelivered = 1_000  // events that are remembered because they could not be delivered
	MaxRouteTokens = 8      // tokens of the subject of a route
)

// AlertEnvironment is how the names of environment variables begin that rules may name.
const AlertEnvironment = "MABUS_ALERT_"

// DefaultAlertWindow is the window of a rule unless given.
const DefaultAlertWindow = Duration(time.Minute)

// AlertSubject is where the events of a route with a subject go.
func AlertSubject(namespace, subject string) string { return namespace + ".alert." + subject }

// AlertSeverity says how much an alert matters.
type AlertSeverity string

// The severities, the least first.
const (
	SeverityInfo     AlertSeverity = "info"     // good to know
	SeverityWarning  AlertSeverity = "warning"  // somebody should look
	SeverityCritical AlertSeverity = "critical" // somebody must act
)

// AlertSeverities lists every severity, the least first.
var AlertSeverities = []AlertSeverity{SeverityInfo, SeverityWarning, SeverityCritical}

// AlertComparison says on which side of the threshold a figure raises an alert.
type AlertComparison string

// The comparisons.
const (
	GreaterThan AlertComparison = "greater_than" // strictly
	AtLeast     AlertComparison = "at_least"
	LessThan    AlertComparison = "less_than" // strictly
	AtMost      AlertComparison = "at_most"
)

// AlertComparisons lists every comparison.
var AlertComparisons = []AlertComparison{GreaterThan, AtLeast, LessThan, AtMost}

// Rising tells whether large figures raise an alert.
func (c AlertComparison) Rising() bool { return c == GreaterThan || c == AtLeast }

// Holds tells whether a figure is on the side of the threshold that raises an alert.
func (c AlertComparison) Holds(figure, threshold Measure) bool {
	switch c {
	case GreaterThan:
		return figure > threshold
	case AtLeast:
		return figure >= threshold
	case LessThan:
		return figure < threshold
	case AtMost:
		return figure <= threshold
	}
	return false
}

// StatLast is a statistic of rules alone: the mean of the newest samples, those of the last 5 seconds, whatever the window.
const StatLast Statistic = "last"

// AlertRule says when an alert is to be raised, and about what. One rule has an alert for each series that it is about.
type AlertRule struct {
	ID          string `json:"id"`
	Description string `json:"description,omitempty"`

	// Metric is what is looked at, and Statistic which figure of it; mean unless given.
	Metric    string    `json:"metric"`
	Statistic Statistic `json:"statistic,omitempty"`
	// Scope is what is taken together: source (unless given) is about each agent, host, service instance or caller, type about each type,
	// host about what runs on each host, fleet about all of a kind.
	Scope MetricScope `json:"scope,omitempty"`
	// Kind of the sources; agent unless given.
	Kind SourceKind `json:"kind,omitempty"`
	// Source, Type and Host narrow the rule to one source, to a type, to what runs on a host; as with questions about metrics.
	Source string `json:"source,omitempty"`
	Type   string `json:"type,omitempty"`
	Host   string `json:"host,omitempty"`

	Comparison AlertComparison `json:"comparison"`
	Threshold  *Measure        `json:"threshold"`
	// Clear is what the figure must come back to for the alert to end; the threshold unless given.
	Clear *Measure `json:"clear,omitempty"`
	// Window is what the figure is of: the last so much, 1s to 1h, 1m unless given.
	Window Duration `json:"window,omitzero"`
	// For is how long the condition must hold without a break before an alert is raised; at once unless given.
	For Duration `json:"for,omitzero"`
	// Absent raises an alert as well when a series that was there has had no sample for that long, 5s to 1h. Without it, missing data
	// raises nothing.
	Absent Duration `json:"absent,omitzero"`
	// Severity is warning unless given.
	Severity AlertSeverity `json:"severity,omitempty"`
	// Route is where alerts are sent beside the stream of events.
	Route *AlertRoute `json:"route,omitempty"`
	// Disabled rules raise nothing; their alerts end.
	Disabled bool `json:"disabled,omitempty"`

	// What follows is the service's to set.
	Version   uint64    `json:"version,omitempty"`
	ChangedAt time.Time `json:"changed_at,omitzero"`
	ChangedBy string    `json:"changed_by,omitempty"`
	Revision  string    `json:"revision,omitempty"`
}

// AlertRoute is where alerts are sent when they are raised, begin to flap, and end.
type AlertRoute struct {
	// Subject takes each event as a message, on <namespace>.alert.<subject>: 1 to 8 ids with dots between.
	Subject string `json:"subject,omitempty"`
	// Webhook takes each event as the body of an HTTP POST.
	Webhook *AlertWebhook `json:"webhook,omitempty"`
}

// AlertWebhook is an HTTP endpoint. It gets CloudEvents in structured mode (application/cloudevents+json) and answers with any status of
// 2xx. It may get an event twice, with the same id. Redirects are not followed.
type AlertWebhook struct {
	// URL is http or https. One that is a secret itself is given by URLEnv instead: the environment variable of perfmon that has it.
	URL    string `json:"url,omitempty"`
	URLEnv string `json:"url_env,omitempty"`
	// KeyEnv names the environment variable of perfmon that has the bearer token. Names begin with MABUS_ALERT_, so that no other
	// variable can be asked out of the process; the values are nowhere stored.
	KeyEnv string `json:"key_env,omitempty"`
	// Guard stands between perfmon and the endpoint, in each replica by itself. What it leaves out of timeout (5s), retry (3 attempts),
	// bulkhead (2 at once), limiter (120 a minute) and breaker (5 failures) is as said here.
	Guard GuardSpec `json:"guard,omitzero"`
}

// WithDefaults returns the rule with what was left out.
func (r AlertRule) WithDefaults() AlertRule {
	if r.Statistic == "" {
		r.Statistic = StatMean
	}
	if r.Scope == "" {
		r.Scope = MetricsOfSource
	}
	if r.Kind == "" {
		r.Kind = SourceAgent
	}
	if r.Window == 0 {
		r.Window = DefaultAlertWindow
	}
	if r.Statistic == StatLast {
		r.Window = CurrentWindow
	}
	if r.Severity == "" {
		r.Severity = SeverityWarning
	}
	if r.Clear == nil {
		r.Clear = r.Threshold
	}
	return r
}

// Selector names the series that the rule is about.
func (r *AlertRule) Selector() MetricSelector {
	return MetricSelector{Scope: r.Scope, Kind: r.Kind, Metric: r.Metric, ID: r.Source, Type: r.Type, Host: r.Host}.WithDefaults()
}
