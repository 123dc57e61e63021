package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

// report prints what was bid, who has won which bundle, and what each pays.
func (s *sale) report(out io.Writer, r *economy.Runtime) error {
	var parts []string
	for _, i := range items {
		parts = append(parts, fmt.Sprintf("%s (reserve %s)", i.Name, economy.Units(i.Reserve)))
	}
	fmt.Fprintf(out, "one machine: %s\n\n", strings.Join(parts, ", "))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tBUNDLE\tBIDS\tWINS\tPAYS\tHAS\tCREDIT LEFT")
	for _, b := range s.bidders {
		award := s.award(r, b.name)
		for i, bundle := range b.bundles {
			wins, pays := "", ""
			if award != nil && sameItems(award.Items, bundle.Items) {
				wins, pays = "yes", economy.Units(award.Amount)
			}
			name, has, left := b.name, strings.Join(s.has[b.name], "+"), economy.Units(s.left[b.name])
			if i > 0 {
				name, has, left = "", "", ""
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, strings.Join(bundle.Items, "+"), economy.Units(bundle.Price), wins, pays, has, left)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	o := s.auction.Outcome
	_, err := fmt.Fprintf(out, "\nwelfare    %s beyond the reserves\npaid       %s\nsettled    in %s: winners found, checked by the log, paid\nledger     %d accounts: what was issued of each asset is what they have\n",
		economy.Units(o.Welfare), economy.Units(o.Traded), s.took.Round(time.Microsecond), s.accounts)
	return err
}

// award finds what an agent has won, or nil.
func (s *sale) award(r *economy.Runtime, name string) *api.AuctionAward {
	for i := range s.auction.Outcome.Awards {
		if a := &s.auction.Outcome.Awards[i]; r.Name(a.Bidder) == name {
			return a
		}
	}
	return nil
}

func sameItems(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
