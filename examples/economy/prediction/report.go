package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/mabus-project/mabus/examples/economy"
)

// report prints the trades, what came of the build, and who was paid what.
func (x *result) report(out io.Writer) error {
	fmt.Fprintf(out, "%s\nliquidity %s; the maker stakes %s and cannot lose more\n\n", x.market.Name, economy.Units(x.liquidity), economy.Units(x.stake))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tBELIEVES\tBUYS\tFOR\tPRICE OF YES")
	for _, b := range x.bets {
		fmt.Fprintf(w, "%s\t%s\t%d %s\t%s\t%s to %s\n", b.trader, b.belief, b.shares, x.market.Outcomes[b.outcome-1], economy.Units(b.cost), b.before, b.after)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nmarket     believes in yes by %s\noutcome    %s (%s)\n\n", x.belief[0], x.market.Outcomes[x.market.Outcome-1], x.market.Note)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tYES\tNO\tPAID IN\tPAID OUT\tGAIN")
	for _, h := range x.holdings {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", h.name, h.yes, h.no, economy.Units(h.purse-h.before), economy.Units(h.left-h.before), economy.Units(h.left-h.purse))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	maker := fmt.Sprintf("has lost %s of the %s that it can lose", economy.Units(x.loss), economy.Units(x.stake))
	if x.loss < 0 {
		maker = "has gained " + economy.Units(-x.loss)
	}
	_, err := fmt.Fprintf(out, "\nmaker      %s\nledger     %d accounts: what was issued of each asset is what they have\n", maker, x.accounts)
	return err
}
