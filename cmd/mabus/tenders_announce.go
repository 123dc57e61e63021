package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func tendersAnnounce(o *options) *cobra.Command {
	var t tenderFlags
	live := false
	cmd := &cobra.Command{
		Use: "announce CAPABILITY --budget AMOUNT", Short: "Announce a task, and hold its budget", Args: args(cobra.ExactArgs(1)),
		Long: `Announces a task for agents with a capability. Bids are taken for --bidding, or until as many have come as are expected. By the rule
vickrey the lowest price wins and gets the second lowest; by first_price it gets its own; score and second_score weigh the price
against the time and quality that are promised, and the reputation.

--terms has terms of the contract that have no flag, for example bonuses.`,
		Example: "  mabus tenders announce summarise --id t1 --budget 20 --bidding 30s --as boss\n" +
			"  mabus tenders announce dig --budget 100 --invite a,b --rule score --weights '{\"price\":0.6,\"quality\":0.4}' --watch --as boss\n" +
			"  mabus tenders announce sums --budget 5 --payload '{\"n\":7}' --execution task --terms '{\"fee\":0.01}' --as boss",
		RunE: func(cmd *cobra.Command, a []string) error {
			spec, err := t.read(a[0])
			if err != nil {
				return err
			}
			if live {
				return o.following(cmd, func(ctx context.Context, c *client.Client) error {
					x, err := c.Tenders.Announce(ctx, spec)
					if err != nil {
						return err
					}
					return followTender(ctx, cmd, o, c, x.ID)
				})
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Tenders.Announce(ctx, spec)
				if err != nil {
					return err
				}
				return o.show(cmd, x, func(w io.Writer) { printTender(w, x) })
			})
		},
	}
	t.flags(cmd)
	cmd.Flags().BoolVar(&live, "watch", false, "print what becomes of it until the end")
	return cmd
}

// tenderFlags describe a tender.
type tenderFlags struct {
	spec                    api.TenderSpec
	payload, weights, terms string
	quality                 api.Decimal
	completion, judging     time.Duration
	judge                   string
}

func (t *tenderFlags) flags(cmd *cobra.Command) {
	f, s := cmd.Flags(), &t.spec
	f.StringVar(&s.ID, "id", "", "id of the tender (a new one)")
	f.Var(unitsFlag{&s.Budget}, "budget", "the most that is paid, held at once")
	f.StringVar((*string)(&s.Account), "account", "", "account of one's own that pays (the main one)")
	f.StringVar(&s.Task.Name, "name", "", "what it is about, for people")
	f.StringVar(&t.payload, "payload", "", "the task itself: JSON, or else a text")
	f.StringVar(&s.Task.Job, "job", "", "job that it belongs to")
	f.StringVar((*string)(&s.Rule), "rule", "", "vickrey, first_price, score or second_score (vickrey)")
	f.StringVar(&t.weights, "weights", "", "JSON object with the weights of a score: price, quality, time and reputation, 1 together")
	f.DurationVar((*time.Duration)(&s.Bidding), "bidding", 0, "for how long bids are taken (1m)")
	f.IntVar(&s.Expected, "expected", 0, "award it when so many have bid (as many as are invited)")
	f.StringSliceVar(&s.Invited, "invite", nil, "who may bid, with commas between (everybody)")
	f.Var(decimalFlag{&s.MinReputation}, "min-reputation", "the least score of who bids, from 0 to 1")
	f.IntVar(&s.MaxBidders, "max-bidders", 0, fmt.Sprintf("how many may bid (50), up to %d", api.MaxTenderBidders))
	f.StringVar((*string)(&s.Execution), "execution", "", "who has it done: agent (the winner delivers), task (a durable task) or announcer (agent)")
	f.BoolVar(&s.Check, "check", false, "with --execution task: one judges the result oneself")
	f.Var(decimalFlag{&t.quality}, "guarantee", "the quality from which the price is paid in full, from 0 to 1 (0.8)")
	f.DurationVar(&t.completion, "completion", 0, "the time that the winner has (1h)")
	f.DurationVar(&t.judging, "judging", 0, "the time in which what was delivered is judged, and passes for accepted after it (1h)")
	f.StringVar(&t.judge, "judge", "", "who decides when one rejects what was delivered")
	f.StringVar(&t.terms, "terms", "", "JSON object with terms of the contract")
}

func (t *tenderFlags) read(capability string) (s api.TenderSpec, err error) {
	s = t.spec
	s.Task.Capability = capability
	if t.payload != "" {
		if s.Task.Payload, err = jsonOrText(t.payload); err != nil {
			return s, err
		}
	}
	for _, f := range []struct {
		name, text string
		to         any
	}{{"--weights", t.weights, &s.Weights}, {"--terms", t.terms, &s.Terms}} {
		if f.text == "" {
			continue
		}
		if err := codec.Decode([]byte(f.text), f.to); err != nil {
			return s, fmt.Errorf("%w: %s: %s", errUsage, f.name, api.AsError(err).Message)
		}
	}
	if t.quality != 0 {
		s.Terms.QualityGuarantee = t.quality
	}
	if t.completion != 0 {
		s.Terms.Completion = api.Duration(t.completion)
	}
	if t.judging != 0 {
		s.Terms.Judging = api.Duration(t.judging)
	}
	if t.judge != "" {
		s.Terms.Judge = t.judge
	}
	return s, valid(&s)
}
