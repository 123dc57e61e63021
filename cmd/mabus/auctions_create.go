package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

func auctionsCreate(o *options) *cobra.Command {
	var s specFlags
	live := false
	cmd := &cobra.Command{
		Use: "create [TYPE]", Short: "Open an auction in the name of --as",
		Long: `Opens an auction, and prints it. What it sells, or with --reverse could have to pay, is held from the account of --as until the end.

  english          open, ascending; --increment, --soft-close, --buy-now
  dutch            a clock: --start-price falls by --step at every --interval to --reserve; who accepts first has it
  first_price      sealed, the best bid pays what it has bid; --reveal makes bids commitments, also of the next two
  vickrey          sealed, the best bid pays the second price
  uniform          sealed, --quantity units at one price, the highest that loses
  double           sealed, buyers and sellers; --rule midpoint or mcafee
  combinatorial    sealed, bundles of --items, VCG prices
  multi_attribute  sealed, the best score of price and attributes; --prices, --price-weight, --attribute, --rule
  incentive        sealed, --reverse: work is paid by what it achieves; --target, --quality-rate, --speed-rate, --reputation-rate, --skills

With --reverse the owner buys: bidders sell, the lowest price wins, the reserve is the ceiling. Prices are in units of credit, for the
lot, but per unit in uniform and double auctions. mabus auctions mechanisms says what each type promises. --spec names a file with
the whole of it as JSON as the protocol has it, amounts in millionths, in the place of all other flags but --id.`,
		Example: "  mabus auctions create english --item 'a GPU hour' --reserve 5 --increment 0.50 --duration 10m --id gpu-7 --as ann\n" +
			"  mabus auctions create dutch --asset gpu_hour --quantity 10 --start-price 20 --step 0.50 --interval 5s --reserve 8 --as ann\n" +
			"  mabus auctions create vickrey --item '{\"task\":\"review\"}' --reverse --reserve 40 --reveal 5m --deposit 2 --as ann\n" +
			"  mabus auctions create combinatorial --items cpu=10,mem=5,gpu:4:gpu_hour=20 --as ann\n" +
			"  mabus auctions create multi_attribute --item haul --reverse --reserve 100 --prices 100..20 --price-weight 0.6 --attribute hours=0.4:48..6 --as ann",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			spec, err := s.request(cmd, a)
			if err != nil {
				return err
			}
			if live {
				return o.following(cmd, func(ctx context.Context, c *client.Client) error {
					x, err := c.Auctions.Create(ctx, *spec)
					if err != nil {
						return err
					}
					return followAuction(ctx, cmd, o, c, x.ID)
				})
			}
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				x, err := c.Auctions.Create(ctx, *spec)
				if err != nil {
					return err
				}
				return o.show(cmd, x, func(w io.Writer) { printAuction(w, x) })
			})
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&live, "watch", false, "print what happens in it until the end")
	return cmd
}

// specFlags describe an auction.
type specFlags struct {
	spec                                   api.AuctionSpec
	scoring                                api.ScoringTerms
	incentive                              api.IncentiveTerms
	file, item, items, prices, account     string
	attributes                             []string
	duration, soft, interval, reveal, done time.Duration
}

func (s *specFlags) flags(cmd *cobra.Command) {
	f, r := cmd.Flags(), &s.spec
	f.StringVar(&s.file, "spec", "", "file with all of it as JSON, - for the standard input")
	f.StringVar(&r.ID, "id", "", "permanent name of the auction; one is made unless given")
	f.BoolVar(&r.Reverse, "reverse", false, "buy instead of sell")
	f.StringVar(&s.item, "item", "", "what it is about: JSON, or else a text; the winner gets a contract about it")
	f.StringVar(&r.Asset, "asset", "", "sell units of this asset instead, delivered against the payment")
	f.Int64Var(&r.Quantity, "quantity", 0, "how many units (1)")
	f.StringVar(&s.items, "items", "", "of a combinatorial auction: NAME[:QUANTITY:ASSET][=RESERVE], with commas between")
	f.StringVar(&r.Category, "category", "", "what kind of thing it is about, for lists")
	f.StringVar(&s.account, "account", "", "account that is paid, or pays: OWNER/PURPOSE (the main one of --as)")
	f.Var(unitsFlag{&r.Reserve}, "reserve", "the least price, or with --reverse, where it is required, the highest")
	f.Var(unitsFlag{&r.Increment}, "increment", "english: by how much a bid must improve (0.10)")
	f.Var(unitsFlag{&r.BuyNow}, "buy-now", "english: a price at which it closes at once")
	f.DurationVar(&s.duration, "duration", 0, "how long bids are taken (1h; of a dutch auction until its last price has stood for an interval)")
	f.DurationVar(&s.soft, "soft-close", 0, "english: there is no end sooner than that after a bid")
	f.Var(unitsFlag{&r.StartPrice}, "start-price", "dutch: where the clock begins")
	f.Var(unitsFlag{&r.Step}, "step", "dutch: by how much the price moves at every interval")
	f.DurationVar(&s.interval, "interval", 0, "dutch: how long a price stands")
	f.DurationVar(&s.reveal, "reveal", 0, "bids are commitments, revealed within that time after the last one")
	f.Var(unitsFlag{&r.Deposit}, "deposit", "what a commitment holds at least")
	f.Var(decimalFlag{&r.Forfeit}, "forfeit", "share of the deposit that the owner gets of one that is not revealed, 0 to 1")
	f.IntVar(&r.MaxBidders, "max-bidders", 0, fmt.Sprintf("how many may bid (%d)", api.AuctionBidders))
	f.Var(decimalFlag{&r.Fee}, "fee", "share of the price that whoever is paid leaves to the system, 0 to 1")
	f.Var(decimalFlag{&r.MinReputation}, "min-reputation", "reputation that a bidder needs, 0 to 1")
	f.StringVar(&r.Domain, "domain", "", "domain of that reputation, and of what the work adds to it")
	f.Var(decimalFlag{&r.QualityGuarantee}, "quality-guarantee", "quality that the contract asks for ("+api.AuctionQuality.String()+")")
	f.DurationVar(&s.done, "completion", 0, "time that the contract gives (1h)")
	f.StringVar((*string)(&r.Rule), "rule", "", "double: midpoint or mcafee; multi_attribute: first_score or second_score")
	f.StringVar(&s.prices, "prices", "", "multi_attribute: WORST..BEST price, which count nothing and all of the price weight")
	f.Var(decimalFlag{&s.scoring.PriceWeight}, "price-weight", "multi_attribute: weight of the price")
	f.StringArrayVar(&s.attributes, "attribute", nil, "multi_attribute: NAME=WEIGHT:WORST..BEST; may be given several times")
	f.StringSliceVar(&s.incentive.Skills, "skills", nil, "incentive: specialisations that bidders must have, with commas between")
	f.Var(decimalFlag{&s.incentive.Target}, "target", "incentive: quality above which there is a bonus ("+api.AuctionQuality.String()+")")
	f.Var(unitsFlag{&s.incentive.QualityRate}, "quality-rate", "incentive: bonus for each hundredth of quality above the target")
	f.Var(unitsFlag{&s.incentive.SpeedRate}, "speed-rate", "incentive: bonus for each hour before the deadline")
	f.Var(decimalFlag{&s.incentive.ReputationRate}, "reputation-rate", "incentive: bonus as a share of the price, 0 to 1")
	f.DurationVar((*time.Duration)(&s.incentive.Deadline), "deadline", 0, "incentive: time for the work, from the award (24h)")
}
