package api

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Validate implements Validator. What a rule needs (id, metric, threshold, comparison) and lacks is missing_required_fields.
func (r *AlertRule) Validate() error {
	if err := CheckID("id", r.ID); err != nil {
		return err
	}
	if err := CheckMetric("metric", r.Metric); err != nil {
		return err
	}
	if r.Threshold == nil {
		return Errorf(Invalid, "threshold is required").WithReason(ReasonMissingFields).WithFields("threshold")
	}
	if r.Comparison == "" {
		return Errorf(Invalid, "comparison is required").WithReason(ReasonMissingFields).WithFields("comparison")
	}
	if !slices.Contains(AlertComparisons, r.Comparison) {
		return Errorf(Invalid, "comparison must be one of %q", AlertComparisons).WithFields("comparison")
	}
	if r.Statistic != "" && r.Statistic != StatLast && !slices.Contains(Statistics, r.Statistic) {
		return Errorf(Invalid, "statistic must be %q or one of %q", StatLast, Statistics).WithFields("statistic")
	}
	if r.Statistic == StatErrorShare && !strings.HasPrefix(r.Metric, MetricLatency) {
		return Errorf(Invalid, "error_share is a figure of %s and what begins with it", MetricLatency).WithFields("statistic", "metric")
	}
	if r.Severity != "" && !slices.Contains(AlertSeverities, r.Severity) {
		return Errorf(Invalid, "severity must be one of %q", AlertSeverities).WithFields("severity")
	}
	sel := r.Selector()
	if err := sel.Validate(); err != nil {
		return err
	}
	if len(r.Description) > MaxAlertText {
		return Errorf(Invalid, "description has %d bytes, at most %d are allowed", len(r.Description), MaxAlertText).WithFields("description")
	}
	if r.Version != 0 || !r.ChangedAt.IsZero() || r.ChangedBy != "" || r.Revision != "" {
		return Errorf(Invalid, "version, changed_at, changed_by and revision are the service's to set").WithFields("version", "changed_at", "changed_by", "revision")
	}
	if err := r.checkNumbers(); err != nil {
		return err
	}
	if r.Route != nil {
		return r.Route.validate()
	}
	return nil
}

func (r *AlertRule) checkNumbers() error {
	if !r.Threshold.Finite() || r.Clear != nil && !r.Clear.Finite() {
		return Errorf(Invalid, "threshold and clear are finite numbers").WithFields("threshold", "clear")
	}
	if r.Clear != nil && *r.Clear != *r.Threshold && r.Comparison.Rising() != (*r.Clear < *r.Threshold) {
		return Errorf(Invalid, "clear must be on the healthy side of the threshold: below it for greater_than and at_least, above it for the others").WithFields("clear")
	}
	span := func(field string, d Duration, least time.Duration) error {
		if d != 0 && (d.Std() < least || d.Std() > time.Hour) {
			return Errorf(Invalid, "%s must be %s to 1h", field, least).WithFields(field)
		}
		return nil
	}
	if err := span("window", r.Window, time.Second); err != nil {
		return err
	}
	if err := span("for", r.For, 0); err != nil {
		return err
	}
	return span("absent", r.Absent, 5*time.Second)
}

func (r *AlertRoute) validate() error {
	if r.Subject == "" && r.Webhook == nil {
		return Errorf(Invalid, "a route has a subject, a webhook, or both").WithReason(ReasonMissingFields).WithFields("route.subject", "route.webhook")
	}
	if r.Subject != "" {
		tokens := strings.Split(r.Subject, ".")
		if len(tokens) > MaxRouteTokens || slices.ContainsFunc(tokens, func(s string) bool { return !ValidID(s) }) {
			return Errorf(Invalid, "route.subject is 1 to %d ids with dots between; events go to <namespace>.alert.<subject>", MaxRouteTokens).WithFields("route.subject")
		}
	}
	if r.Webhook != nil {
		return r.Webhook.validate()
	}
	return nil
}

func (w *AlertWebhook) validate() error {
	if (w.URL == "") == (w.URLEnv == "") {
		return Errorf(Invalid, "a webhook has either a url or a url_env").WithFields("route.webhook.url", "route.webhook.url_env")
	}
	if w.URL != "" {
		if err := CheckWebhookURL(w.URL); err != nil {
			return err
		}
	}
	for _, v := range []struct{ field, name string }{{"route.webhook.url_env", w.URLEnv}, {"route.webhook.key_env", w.KeyEnv}} {
		if v.name != "" && (!strings.HasPrefix(v.name, AlertEnvironment) || !ValidID(v.name)) {
			return Errorf(Invalid, "%s is the name of an environment variable that begins with %s", v.field, AlertEnvironment).WithFields(v.field)
		}
	}
	if l := w.Guard.Limiter; l != nil && l.Scope == LimiterCluster {
		return Errorf(Invalid, "route.webhook.guard.limiter.scope must be local").WithFields("route.webhook.guard.limiter.scope")
	}
	return w.Guard.Validate()
}

// CheckWebhookURL returns an invalid error unless s can be the URL of a webhook.
func CheckWebhookURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return Errorf(Invalid, "the URL of a webhook must be http or https and have a host").WithFields("route.webhook.url")
	case len(s) > MaxAlertURL:
		return Errorf(Invalid, "the URL of a webhook has at most %d bytes", MaxAlertURL).WithFields("route.webhook.url")
	case u.User != nil:
		return Errorf(Invalid, "the URL of a webhook must hold no password: name environment variables in key_env or url_env").WithFields("route.webhook.url")
	}
	return nil
}

// Validate implements Validator. A version that is given is that of the rule to be replaced.
func (r *AlertRuleSetRequest) Validate() error { return r.Rule.Validate() }

// Validate implements Validator.
func (r *AlertsListRequest) Validate() error {
	if r.Status != "" && !slices.Contains(AlertStatuses, r.Status) {
		return Errorf(Invalid, "status must be one of %q", AlertStatuses).WithFields("status")
	}
	if r.Severity != "" && !slices.Contains(AlertSeverities, r.Severity) {
		return Errorf(Invalid, "severity must be one of %q", AlertSeverities).WithFields("severity")
	}
	for _, f := range []struct{ name, value string }{{"rule", r.Rule}, {"source", r.Source}, {"cursor", r.Cursor}} {
		if err := CheckOptionalID(f.name, f.value); err != nil {
			return err
		}
	}
	return checkPage(r.Limit)
}

// Validate implements Validator.
func (r *AlertChangeRequest) Validate() error {
	if len(r.Note) > MaxAlertText {
		return Errorf(Invalid, "note has %d bytes, at most %d are allowed", len(r.Note), MaxAlertText).WithFields("note")
	}
	return CheckID("id", r.ID)
}

// Validate implements Validator.
func (r *AlertRulesListRequest) Validate() error { return nil }

// Validate implements Validator.
func (r *UndeliveredRequest) Validate() error { return checkPage(r.Limit) }

// Validate implements Validator.
func (r *HealthRequest) Validate() error { return nil }
