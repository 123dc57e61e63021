package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func newReputation(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reputation", Short: "What agents have found of one another's work: scores, rankings, history",
		Long: `A score is from 0 to 1, and 0.5 when nothing is known. It goes back there by 1 % of what is known for each day. Records weigh by the
value at stake, and by what is known of who makes them, so that rings of mutual praise gain little.`,
	}
	group(cmd)
	cmd.AddCommand(reputationGet(o), reputationRank(o), reputationHistory(o), reputationRecord(o), reputationWatch(o), reputationStats(o),
		one(o, "penalise AGENT VIOLATION REF", "Take off a score what a violation costs, once",
			"  mabus reputation penalise a1 quality_fraud violation/v1 --as operator", 3,
			func(ctx context.Context, c *client.Client, a []string) (*api.ReputationChange, error) {
				req := api.ReputationPenaliseRequest{Agent: a[0], Violation: a[1], Ref: a[2]}
				if err := valid(&req); err != nil {
					return nil, err
				}
				return c.Reputation.Penalise(ctx, req)
			}, func(w io.Writer, x *api.ReputationChange) {
				row(w, "score", x.Score)
				row(w, "penalty", x.Penalty.Amount)
			}))
	return cmd
}

// domainFlag adds the flag that chooses one domain.
func domainFlag(cmd *cobra.Command, domain *string) *cobra.Command {
	cmd.Flags().StringVar(domain, "domain", "", "in this domain; as a whole unless given")
	return cmd
}

func reputationGet(o *options) *cobra.Command {
	domain := ""
	return domainFlag(one(o, "get AGENT", "Show what is known of an agent", "  mabus reputation get a1\n  mabus reputation get a1 --domain sums --json", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.Reputation, error) {
			if err := valid(&api.ReputationGetRequest{Agent: a[0], Domain: domain}); err != nil {
				return nil, err
			}
			return c.Reputation.Get(ctx, a[0], domain)
		}, printReputation), &domain)
}

func printReputation(w io.Writer, r *api.Reputation) {
	row(w, "agent", r.Agent)
	if r.Domain != "" {
		row(w, "domain", r.Domain)
	}
	row(w, "score", r.Score)
	row(w, "raw", r.Raw)
	row(w, "weight", fmt.Sprintf("%s proven, %s not", r.Proven, r.Unproven))
	row(w, "penalty", r.Penalty)
	row(w, "records", fmt.Sprintf("%d, %d of them remembered", r.Records, r.History))
	row(w, "quality", r.Quality)
	row(w, "satisfaction", r.Satisfaction)
	row(w, "cost efficiency", r.CostEfficiency)
	row(w, "consistency", r.Consistency)
	row(w, "specialisations", strings.Join(r.Specialisations, ","))
}

func reputationRank(o *options) *cobra.Command {
	var req api.ReputationRankRequest
	cmd := &cobra.Command{
		Use: "rank [DOMAIN]", Short: "List the agents with the best scores",
		Example: "  mabus reputation rank\n  mabus reputation rank sums --min-records 5 --limit 3", Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req.Domain = strings.Join(a, "")
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				resp, err := c.Reputation.Rank(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, resp, func(w io.Writer) {
					row(w, "PLACE", "AGENT", "SCORE", "PROVEN", "RECORDS")
					for _, p := range resp.Places {
						row(w, p.Place, p.Agent, p.Score, p.Proven, p.Records)
					}
				})
			})
		},
	}
	cmd.Flags().IntVar(&req.MinRecords, "min-records", 0, "only those with so many records in the domain (1)")
	cmd.Flags().IntVar(&req.Limit, "limit", 0, fmt.Sprintf("how many at most (10), up to %d", api.MaxRanking))
	return cmd
}

func reputationHistory(o *options) *cobra.Command {
	domain, limit := "", 0
	cmd := one(o, "history AGENT", "List the last records and penalties of an agent, the newest first", "  mabus reputation history a1 --limit 10", 1,
		func(ctx context.Context, c *client.Client, a []string) (*api.ReputationHistoryResponse, error) {
			if err := valid(&api.ReputationHistoryRequest{Agent: a[0], Domain: domain, Limit: limit}); err != nil {
				return nil, err
			}
			return c.Reputation.History(ctx, a[0], domain, limit)
		}, func(w io.Writer, list *api.ReputationHistoryResponse) {
			row(w, "AT", "BY", "SOURCE", "DOMAIN", "REF", "QUALITY", "SATISFACTION", "STAKE", "WEIGHT", "PROVEN")
			for i := range list.Records {
				r := &list.Records[i]
				row(w, r.At.Local().Format(time.DateTime), r.By, r.Source, r.Domain, r.Ref, r.Quality, r.Satisfaction, money(r.Stake), r.Weight, r.Proven)
			}
			for _, p := range list.Penalties {
				row(w, p.At.Local().Format(time.DateTime), "-", "penalty", "", p.Ref, "-", "-", "-", "-"+p.Amount.String(), p.Violation)
			}
		})
	cmd.Flags().IntVar(&limit, "limit", 0, fmt.Sprintf("how many of each at most, up to %d", api.MaxReputationHistory))
	return domainFlag(cmd, &domain)
}

func reputationRecord(o *options) *cobra.Command {
	var req api.ReputationRecordRequest
	var satisfaction, cost string
	cmd := &cobra.Command{
		Use: "record AGENT REF QUALITY", Short: "Record what one found of an agent's work",
		Long: `Records what the principal found of an agent's work, once for each REF, such as contract/c1. QUALITY is from 0 to 1, and so is the
satisfaction, which is the same unless given.`,
		Example: "  mabus reputation record a1 contract/c1 0.9 --as ann\n  mabus reputation record a1 r7 0.9 --domain sums --took 3s --as operator",
		Args:    args(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, a []string) error {
			req.Agent, req.Ref = a[0], a[1]
			if satisfaction == "" {
				satisfaction = a[2]
			}
			for _, f := range []struct {
				name, text string
				to         *api.Decimal
			}{{"QUALITY", a[2], &req.Quality}, {"--satisfaction", satisfaction, &req.Satisfaction}, {"--cost-efficiency", cost, &req.CostEfficiency}} {
				var err error
				if *f.to, err = api.ParseDecimal(f.text); err != nil {
					return fmt.Errorf("%w: %s: %w", errUsage, f.name, err)
				}
			}
			if err := valid(&req); err != nil {
				return err
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Reputation.Record(ctx, req)
				if err != nil {
					return err
				}
				return o.show(cmd, x, func(w io.Writer) {
					row(w, "score", x.Score)
					row(w, "weight", fmt.Sprintf("%s, %s of it proven", x.Record.Weight, x.Record.Proven))
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&satisfaction, "satisfaction", "", "from 0 to 1 (QUALITY)")
	f.StringVar(&cost, "cost-efficiency", "0", "from 0 to 1")
	f.DurationVar((*time.Duration)(&req.Duration), "took", 0, "how long the work took")
	return domainFlag(cmd, &req.Domain)
}

func reputationWatch(o *options) *cobra.Command {
	domain := ""
	cmd := &cobra.Command{
		Use: "watch AGENT", Short: "Print what is known of an agent, and again after each change",
		Long: `Prints the version, the time, the score, the weights behind it and the number of records, now and after each record and penalty, until
the command is interrupted. With --json, each line is all that is known.`,
		Example: "  mabus reputation watch a1\n  mabus reputation watch a1 --domain sums --json", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := valid(&api.ReputationGetRequest{Agent: a[0], Domain: domain}); err != nil {
				return err
			}
			return o.following(cmd, func(ctx context.Context, c *client.Client) error {
				r, err := c.Reputation.Get(ctx, a[0], domain)
				if err != nil {
					return err
				}
				if err := printScore(cmd.OutOrStdout(), o, r); err != nil {
					return err
				}
				for r, err := range c.Reputation.Follow(ctx, a[0], domain, r.Version) {
					if err != nil {
						return err
					}
					if err := printScore(cmd.OutOrStdout(), o, r); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	return domainFlag(cmd, &domain)
}

// printScore prints a line about a reputation.
func printScore(w io.Writer, o *options, r *api.Reputation) error {
	if o.json {
		body, err := codec.Marshal(r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, string(body))
		return err
	}
	_, err := fmt.Fprintf(w, "%6d  %s  %-8s  %s proven, %s not, %d records\n",
		r.Version, time.Now().Format(time.TimeOnly), r.Score, r.Proven, r.Unproven, r.Records)
	return err
}

func reputationStats(o *options) *cobra.Command {
	return one(o, "stats", "Count agents, records, penalties and reports", "  mabus reputation stats", 0,
		func(ctx context.Context, c *client.Client, _ []string) (*api.ReputationStatsResponse, error) {
			return c.Reputation.Stats(ctx)
		}, func(w io.Writer, s *api.ReputationStatsResponse) {
			row(w, "agents", s.Agents)
			row(w, "standings", s.Standings)
			row(w, "records", fmt.Sprintf("%d at settlements, %d opinions, %d by operators", s.Settlements, s.Opinions, s.ByOperators))
			row(w, "left out", s.Unplaced)
			row(w, "penalties", s.Penalties)
			row(w, "reports", fmt.Sprintf("%d asked for, %d settled, %d lapsed, %d open", s.ReportsAsked, s.ReportsSettled, s.ReportsLapsed, s.OpenReports))
		})
}
