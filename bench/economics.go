package bench

import "context"

// DefaultBids is how many bids have been made, and DefaultCommands how many commands are in the log, when growth and restoring are
// measured, unless the caller says otherwise.
const (
	DefaultBids     = 100_000
	DefaultCommands = 1_000_000
	bundleInstances = 9 // of each distribution
)

// EconomicsSize says how large things are that economics measures.
type EconomicsSize struct {
	// Bids of the auction that is compared with a new one; DefaultBids unless given.
	Bids int
	// Commands behind which a replica starts; DefaultCommands unless given.
	Commands int
	// Instances of each distribution of winner determination; 9 unless given.
	Instances int
}

func economicsMeasurements(size EconomicsSize) []measurement {
	bundles := func(ctx context.Context, r *run) error { return measureBundles(ctx, r, size.Instances) }
	growth := func(ctx context.Context, r *run) error { return measureBidGrowth(ctx, r, size.Bids) }
	restore := func(ctx context.Context, r *run) error { return measureRestore(ctx, r, size.Commands) }
	return []measurement{
		{"bids", "bids on one english auction, against request and reply", `Bids per second that count, all on one english auction, by so many callers who each are a principal of their own: from the request
to the receipt with the head of the auction's chain of hashes, the price held in the bidder's account and that of whoever was outbid given
back. bid_ratio_64 and bid_ratio_512 compare them with requests that a plain subscriber sends back. A caller bids what is one step above
all that were bid before, but bids overtake one another on their way: bid_accepted_64 is the share of them that was enough, the others
are refused as bid_too_low, and count as nothing though they are commands too: bid_commands_ratio_64 counts all. sealed_bid_ratio_64
is for bids on one vickrey auction, each in the place of its bidder's last, of which all count. Every request has a request id, as the
SDK's have. Where their answers fill within two seconds the 64 MiB that are kept for repetitions, which takes some 70,000 bids per second, a
caller is told that the log is overloaded, and bids again 5 ms later.`, measureBids},
		{"growth", "the same after many bids", `bid_growth compares the time of 64 callers for a bid on an auction that has so many bids (--bids) already with that on a new one,
in turns.`, growth},
		{"auctions", "whole auctions, against commands that do nothing", `Commands per second of 64 callers that each open an english auction, bid ten times, close it, and deliver and settle the contract that it
ends with: 14 commands. auction_commands_ratio compares them with commands of a replicated log that do nothing, asked for by plain requests of
the size of a bid.`, measureAuctions},
		{"orders", "orders on a market, against commands that do nothing", `orders_ratio compares limit orders of 64 callers on one market, of which most trade, with the same commands that do nothing.
matching_orders_per_s is the order book alone, in memory: limit orders around one price, a third of them cancelled.`, measureOrders},
		{"bundles", "winner determination, in memory", `vcg_12x100_ms is the median time to find the winners and all VCG payments of combinatorial auctions of 12 items and 100 bids,
wdp_30x200_ms that to find the winners of 30 items and 200 bids; of each distribution the median of several instances, and of these
the greatest.`, bundles},
		{"neighbour", "bids while a large winner determination runs", `other_auction_p99_growth compares the 99th percentile of bids on an english auction by four callers while the winners of a
combinatorial auction with as many bids as there may be are determined, over and over, with that before.`, measureNeighbour},
		{"restore", "a replica behind many commands", `restore_1m_ms is the time from the start of a further replica until it answers, when so many commands (--commands) have been
carried out.`, restore},
	}
}

// EconomicsNames lists the measurements of Economics with what they are about, and how their figures are to be read.
func EconomicsNames() [][3]string {
	var names [][3]string
	for _, m := range economicsMeasurements(EconomicsSize{}) {
		names = append(names, [3]string{m.name, m.doc, m.help})
	}
	return names
}

// Economics measures the economy against plain NATS and against a log whose commands do nothing.
func Economics(ctx context.Context, cfg Config, size EconomicsSize) (*Report, error) {
	if size.Bids <= 0 {
		size.Bids = DefaultBids
	}
	if size.Commands <= 0 {
		size.Commands = DefaultCommands
	}
	if size.Instances <= 0 {
		size.Instances = bundleInstances
	}
	return take(ctx, "economics", cfg, economicsMeasurements(size))
}
