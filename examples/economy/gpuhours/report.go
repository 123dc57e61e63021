package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

// report prints who has bought how much at which price, and the seller's statement.
func report(out io.Writer, r *economy.Runtime, s *sale) error {
	x := s.auction
	fmt.Fprintf(out, "%d GPU hours, the highest bids win, at the price of the highest that loses; reserve %s, fee %s\n\n", x.Quantity, economy.Units(x.Reserve), x.Fee)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tWANTS\tBIDS EACH\tHAS\tWORTH TO IT\tPAID\tCREDIT LEFT")
	for _, b := range s.trainers {
		if b.refused != nil {
			fmt.Fprintf(w, "%s\t%d\t%s\trefused: %s\n", b.name, b.hours, economy.Units(b.worth), api.ReasonOf(b.refused))
			continue
		}
		got := int64(b.has / economy.Unit)
		fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n", b.name, b.hours, economy.Units(b.worth), got,
			economy.Units(api.Micro(got)*b.worth), economy.Units(b.purse-b.left), economy.Units(b.left))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	o := x.Outcome
	fmt.Fprintf(out, "\nprice      %s an hour; traded %s, of which the fee is %s\nbids       %d, all within %s\n\nstatements of %s\n",
		economy.Units(o.Price), economy.Units(o.Traded), economy.Units(o.Fee), x.Bids, s.bidding.Round(time.Microsecond), seller)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ASSET\tKIND\tFROM OR TO\tAMOUNT\tBALANCE")
	for _, of := range []struct {
		asset   string
		entries []api.LedgerEntry
	}{{api.CreditAsset, s.entries}, {hour, s.units}} {
		for _, e := range slices.Backward(of.entries) {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", of.asset, e.Kind, r.Name(e.Counter.Owner()), economy.Units(e.Amount), economy.Units(e.Balance))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nledger     %d accounts: what was issued of each asset is what they have\n", s.accounts)
	return err
}
