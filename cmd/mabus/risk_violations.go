package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func riskViolations(o *options) *cobra.Command {
	var req api.ViolationReportRequest
	var harmed, evidence string
	report := one(o, "report ACCUSED KIND REF", "Say that an agent has broken the rules",
		"  mabus risk violations report a1 quality_fraud contract/c1 --as ann\n"+
			"  mabus risk violations report a1 task_abandonment contract/c2 --harmed ann --harm 5 --evidence '{\"log\":\"...\"}' --as ann", 3,
		func(ctx context.Context, c *client.Client, a []string) (*api.Violation, error) {
			req.Accused, req.Kind, req.Ref, req.Harmed = a[0], a[1], a[2], api.AccountID(harmed)
			if evidence != "" {
				var err error
				if req.Evidence, err = jsonOrText(evidence); err != nil {
					return nil, err
				}
			}
			if err := valid(&req); err != nil {
				return nil, err
			}
			return c.Risk().Violations.Report(ctx, req)
		}, printViolation)
	report.Flags().StringVar(&req.ID, "id", "", "its permanent name; one is made unless given")
	report.Flags().StringVar(&harmed, "harmed", "", "account that gets of what is slashed, up to the harm")
	report.Flags().Var(unitsFlag{&req.Harm}, "harm", "what was lost")
	report.Flags().StringVar(&evidence, "evidence", "", "JSON, or else a text")

	var verdict api.ViolationJudgeRequest
	judge := one(o, "judge ID", "Uphold a violation or dismiss it, or bring the session of its jury",
		"  mabus risk violations judge v1 --uphold --as operator\n  mabus risk violations judge v1 --session case-1", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Violation, error) {
			verdict.ID = a[0]
			if err := valid(&verdict); err != nil {
				return nil, err
			}
			return c.Risk().Violations.Judge(ctx, verdict)
		}, printViolation)
	judge.Flags().BoolVar(&verdict.Uphold, "uphold", false, "it is one; dismissed unless given")
	judge.Flags().StringVar(&verdict.Session, "session", "", "the session that has decided")
	judge.Flags().StringVar(&verdict.Note, "note", "", "why")

	var list api.ViolationsListRequest
	all := none(o, "list", "List violations", "  mabus risk violations list --accused a1 --state upheld",
		func(ctx context.Context, c *client.Client) (*api.ViolationsListResponse, error) {
			list.Limit = api.MaxPage
			if err := valid(&list); err != nil {
				return nil, err
			}
			rows, err := c.Risk().Violations.List(ctx, list)
			return &api.ViolationsListResponse{Violations: append([]api.Violation{}, rows...)}, err
		}, func(w io.Writer, l *api.ViolationsListResponse) {
			row(w, "ID", "ACCUSED", "KIND", "REF", "STATE", "SLASH", "BY", "REPORTED")
			for i := range l.Violations {
				v := &l.Violations[i]
				row(w, v.ID, v.Accused, v.Kind, v.Ref, v.State, money(v.Slash), v.Reporter, ago(v.ReportedAt)+" ago")
			}
		})
	all.Flags().StringVar(&list.Accused, "accused", "", "only those of this agent")
	all.Flags().StringVar((*string)(&list.State), "state", "", "only those in this state")

	return branch("violations", "What agents are said to have done, and what came of it", report, judge, all,
		one(o, "appeal ID STATEMENT", "Appeal against the verdict on oneself", "  mabus risk violations appeal v1 'it was not me' --as a1", 2,
			func(ctx context.Context, c *client.Client, a []string) (*api.Violation, error) {
				return c.Risk().Violations.Appeal(ctx, a[0], a[1])
			}, printViolation),
		one(o, "overturn ID", "Take a verdict back before it is executed", "  mabus risk violations overturn v1 --as operator", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Violation, error) {
				return c.Risk().Violations.Overturn(ctx, a[0], "")
			}, printViolation),
		one(o, "get ID", "Show a violation", "  mabus risk violations get v1", 1,
			func(ctx context.Context, c *client.Client, a []string) (*api.Violation, error) {
				return c.Risk().Violations.Get(ctx, a[0])
			}, printViolation))
}

func printViolation(w io.Writer, v *api.Violation) {
	row(w, "id", v.ID)
	row(w, "accused", v.Accused)
	row(w, "kind", v.Kind)
	row(w, "ref", v.Ref)
	row(w, "state", v.State)
	row(w, "reporter", v.Reporter)
	for _, f := range []struct{ name, value string }{
		{"evidence", brief(string(v.Evidence))}, {"jury", strings.Join(v.Jury, ",")}, {"judged by", v.JudgedBy}, {"note", v.Note}, {"appeal", v.Appeal},
	} {
		if f.value != "" {
			row(w, f.name, f.value)
		}
	}
	if v.Harm > 0 {
		row(w, "harm", fmt.Sprintf("%s of %s, %s compensated", money(v.Harm), v.Harmed, money(v.Compensated)))
	}
	row(w, "slash", money(v.Slash))
	row(w, "penalty", v.Penalty)
	if !v.State.Over() {
		row(w, "due", v.Due.Local().Format(time.DateTime))
	}
}
