package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// signs are how people write comparisons.
var signs = map[string]api.AlertComparison{">": api.GreaterThan, ">=": api.AtLeast, "<": api.LessThan, "<=": api.AtMost}

func sign(c api.AlertComparison) string {
	for s, known := range signs {
		if known == c {
			return s
		}
	}
	return string(c)
}

func alertsRules(o *options) *cobra.Command {
	return one(o, "rules", "List the rules, and how they are applied", "  mabus alerts rules\n  mabus alerts rules --json", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.AlertRulesListResponse, error) {
			list, err := c.Alerts.Rules(ctx)
			return &api.AlertRulesListResponse{Rules: list}, err
		},
		func(w io.Writer, r *api.AlertRulesListResponse) {
			row(w, "ID", "WHEN", "OVER", "FOR", "SEVERITY", "ROUTE", "SERIES", "ACTIVE", "STATE")
			for i := range r.Rules {
				printRule(w, &r.Rules[i])
			}
		})
}

func printRule(w io.Writer, s *api.AlertRuleState) {
	r := s.AlertRule.WithDefaults()
	what := []string{fmt.Sprint(r.Kind, " ", r.Statistic, " of ", r.Metric), sign(r.Comparison), r.Threshold.String()}
	if r.Scope != api.MetricsOfSource {
		what[0] = "of each " + string(r.Scope) + ": " + what[0]
	}
	for _, only := range []string{r.Source, r.Type, r.Host} {
		if only != "" {
			what = append(what, "("+only+")")
		}
	}
	if r.Absent > 0 {
		what = append(what, "or silent for", r.Absent.String())
	}
	var to []string
	if r.Route != nil && r.Route.Subject != "" {
		to = append(to, r.Route.Subject)
	}
	if r.Route != nil && r.Route.Webhook != nil {
		to = append(to, "webhook")
	}
	state := "applied every " + s.Every.String()
	switch {
	case s.Disabled:
		state = "off"
	case s.Problem != "":
		state = s.Problem
	case s.EvaluatedAt.IsZero():
		state = "not applied yet"
	}
	row(w, r.ID, strings.Join(what, " "), r.Window, r.For, r.Severity, strings.Join(to, ", "), s.Series, s.Active, state)
}

func alertsAdd(o *options) *cobra.Command {
	var rule api.AlertRule
	var window, holds, absent time.Duration
	var clearAt, subject string
	var hook api.AlertWebhook
	cmd := sends(o, &cobra.Command{
		Use: "add ID METRIC COMPARISON THRESHOLD", Short: "Add a rule", Args: args(cobra.ExactArgs(4)),
		Long: `Adds a rule. COMPARISON is >, >=, < or <=. Durations are in seconds, sizes in bytes, shares from 0 to 1, as metrics have them.

The URL and the token of a webhook may be secrets: --webhook-env and --key-env name environment variables of the perfmon processes that have
them, whose names begin with MABUS_ALERT_.`,
		Example: "  mabus alerts add slow latency_seconds '>' 0.5 --statistic p99 --for 30s --severity critical --subject ops\n" +
			"  mabus alerts add lost memory_bytes '>' 4e9 --kind host --absent 1m --webhook https://example.org/hook --key-env MABUS_ALERT_TOKEN",
	}, func(a []string) (api.AlertRule, error) {
		r := rule
		r.ID, r.Metric, r.Comparison = a[0], a[1], signs[a[2]]
		if r.Comparison == "" {
			r.Comparison = api.AlertComparison(a[2])
		}
		r.Window, r.For, r.Absent = api.Duration(window), api.Duration(holds), api.Duration(absent)
		var err error
		if r.Threshold, err = figure("THRESHOLD", a[3]); err != nil {
			return r, err
		}
		if clearAt != "" {
			if r.Clear, err = figure("--clear", clearAt); err != nil {
				return r, err
			}
		}
		if subject != "" {
			r.Route = &api.AlertRoute{Subject: subject}
		}
		if hook.URL != "" || hook.URLEnv != "" || hook.KeyEnv != "" {
			if r.Route == nil {
				r.Route = &api.AlertRoute{}
			}
			r.Route.Webhook = &hook
		}
		return r, nil
	}, func(ctx context.Context, c *client.Client, r api.AlertRule) (*api.AlertRule, error) {
		return c.Alerts.AddRule(ctx, r)
	}, changedRule("added"))
	f := cmd.Flags()
	f.StringVar(&rule.Description, "description", "", "what it is for")
	f.StringVar((*string)(&rule.Statistic), "statistic", "", "which figure: count, rate, sum, mean, min, max, p50 to p999, error_share or last (mean)")
	f.StringVar((*string)(&rule.Kind), "kind", "", "kind of the sources: agent, host, service, caller or custom (agent)")
	f.StringVar((*string)(&rule.Scope), "scope", "", "what is taken together: source, type, host or fleet (source)")
	f.StringVar(&rule.Source, "source", "", "only about this source")
	f.StringVar(&rule.Type, "type", "", "only of this type")
	f.StringVar(&rule.Host, "host", "", "only on this host")
	f.StringVar(&clearAt, "clear", "", "what the figure must come back to; the threshold unless given")
	f.DurationVar(&window, "window", 0, "what the figure is of: the last so much (1m)")
	f.DurationVar(&holds, "for", 0, "how long it must hold before the alert is raised")
	f.DurationVar(&absent, "absent", 0, "raise an alert as well when there is no sample for so long")
	f.StringVar((*string)(&rule.Severity), "severity", "", "info, warning or critical (warning)")
	f.StringVar(&subject, "subject", "", "send alerts to <namespace>.alert.<this>")
	f.StringVar(&hook.URL, "webhook", "", "send alerts to this URL")
	f.StringVar(&hook.URLEnv, "webhook-env", "", "environment variable of perfmon that has the URL")
	f.StringVar(&hook.KeyEnv, "key-env", "", "environment variable of perfmon that has the webhook's bearer token")
	f.BoolVar(&rule.Disabled, "off", false, "do not apply it yet")
	return cmd
}

func figure(name, text string) (*api.Measure, error) {
	v, err := strconv.ParseFloat(text, 64)
	if m := api.Measure(v); err == nil && m.Finite() {
		return &m, nil
	}
	return nil, fmt.Errorf("%w: %s must be a number", errUsage, name)
}

func changedRule(what string) func(io.Writer, *api.AlertRule) {
	return func(w io.Writer, r *api.AlertRule) { row(w, what, r.ID) }
}

func alertsRemove(o *options) *cobra.Command {
	id := ""
	return one(o, "remove ID", "Remove a rule; its alerts end", "  mabus alerts remove slow", 1, func(ctx context.Context, c *client.Client, a []string) (*api.DeregisterResponse, error) {
		id = a[0]
		return &api.DeregisterResponse{Existed: true}, c.Alerts.RemoveRule(ctx, id)
	}, func(w io.Writer, _ *api.DeregisterResponse) { row(w, "removed", id) })
}

func alertsEnable(o *options, on bool) *cobra.Command {
	use, short := "enable", "Apply a rule that is off"
	if !on {
		use, short = "disable", "Do not apply a rule; its alerts end"
	}
	return one(o, use+" ID", short, "  mabus alerts "+use+" low_throughput", 1, func(ctx context.Context, c *client.Client, a []string) (*api.AlertRule, error) {
		now, err := c.Alerts.Rule(ctx, a[0])
		if err != nil {
			return nil, err
		}
		next := api.AlertRuleSetRequest{Rule: *now, Version: &now.Version}
		next.Rule.Version, next.Rule.ChangedAt, next.Rule.ChangedBy, next.Rule.Revision = 0, time.Time{}, "", ""
		next.Rule.Disabled = !on
		return c.Alerts.SetRule(ctx, next)
	}, changedRule(use+"d"))
}
