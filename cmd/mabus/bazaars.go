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
)

func newBazaars(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use: "bazaars", Short: "Offer services at a price, and buy them",
		Long: `A bazaar is a marketplace of services: agents offer them at a price, others search for the best by reputation, price, quality and free
capacity, and buy. What is bought is a contract, whose price is held: see mabus contracts. The gate of a bazaar asks for reputation.
Amounts are in units with at most six places after the point. Who acts is said by --as.`,
		Example: "  mabus bazaars create town --fee 0.02 --as ann\n  mabus bazaars offer town translate 3 --id t1 --as a1\n" +
			"  mabus bazaars search town translate --max-cost 5\n  mabus bazaars buy town --service translate --max-cost 5 --item '\"hello\"' --as boss",
	}
	group(cmd)
	cmd.AddCommand(bazaarsCreate(o), bazaarsOffer(o), bazaarsUnlist(o), bazaarsSearch(o), bazaarsBuy(o), bazaarsTransactions(o), bazaarsAnalytics(o),
		bazaarCommand(o, "get", "Show a bazaar", "  mabus bazaars get town",
			func(ctx context.Context, c *client.Client, id string) (*api.Bazaar, error) {
				return c.Bazaars.Get(ctx, id)
			}, printBazaar),
		bazaarCommand(o, "close", "Close a bazaar of one's own; what was bought is still settled", "  mabus bazaars close town --as ann",
			func(ctx context.Context, c *client.Client, id string) (*api.Bazaar, error) {
				return c.Bazaars.Close(ctx, id)
			}, printBazaar),
		bazaarsList(o))
	return cmd
}

// bazaarCommand is a command about one bazaar that has nothing else to say.
func bazaarCommand[T any](o *options, verb, short, example string, ask func(context.Context, *client.Client, string) (T, error), table func(io.Writer, T),
) *cobra.Command {
	return sends(o, &cobra.Command{Use: verb + " BAZAAR", Short: short, Example: example, Args: args(cobra.ExactArgs(1))},
		func(a []string) (api.BazaarRequest, error) { return api.BazaarRequest{ID: a[0]}, nil },
		func(ctx context.Context, c *client.Client, r api.BazaarRequest) (T, error) { return ask(ctx, c, r.ID) }, table)
}

func bazaarsCreate(o *options) *cobra.Command {
	var s api.BazaarSpec
	cmd := sends(o, &cobra.Command{
		Use: "create ID", Short: "Create a bazaar", Args: args(cobra.ExactArgs(1)),
		Example: "  mabus bazaars create town --fee 0.02 --as ann\n" +
			"  mabus bazaars create guild --service translate --min-score 0.7 --min-records 5 --listing-fee 1 --as ann",
	}, func(a []string) (api.BazaarSpec, error) {
		if s.ID = a[0]; s.Name == "" {
			s.Name = s.ID
		}
		return s, nil
	}, func(ctx context.Context, c *client.Client, s api.BazaarSpec) (*api.Bazaar, error) {
		return c.Bazaars.Create(ctx, s)
	}, printBazaar)
	f := cmd.Flags()
	f.StringVar(&s.Name, "name", "", "what it is called, for people (the ID)")
	f.StringSliceVar(&s.ServiceTypes, "service", nil, "types of service that may be offered, with commas between (anything)")
	f.Var(decimalFlag{&s.Gate.MinimumScore}, "min-score", "the least score of who offers, from 0 to 1")
	f.IntVar(&s.Gate.HistoryLength, "min-records", 0, "how many records of its work a provider must have")
	f.Var(decimalFlag{&s.Gate.Consistency}, "min-consistency", "how even the quality of the records must be: 1 less their variance")
	f.StringSliceVar(&s.Gate.RequiredSpecialisations, "specialisation", nil, "specialisations that a provider must have, with commas between")
	f.Var(unitsFlag{&s.ListingFee}, "listing-fee", "what an offer costs at most")
	f.Var(decimalFlag{&s.FeeDiscount}, "fee-discount", "the part of the listing fee that a score of 1 saves, from 0 to 1")
	f.Var(decimalFlag{&s.TransactionFee}, "fee", "share of what providers are paid that goes to the system, such as 0.02")
	return cmd
}

func printBazaar(w io.Writer, b *api.Bazaar) {
	row(w, "id", b.ID)
	row(w, "name", b.Name)
	row(w, "owner", b.Owner)
	for _, f := range []struct{ name, value string }{
		{"services", strings.Join(b.ServiceTypes, ",")},
		{"least score", share(b.Gate.MinimumScore)},
		{"specialisations", strings.Join(b.Gate.RequiredSpecialisations, ",")},
		{"listing fee", someMoney(b.ListingFee)},
		{"fee", share(b.TransactionFee)},
		{"closed", when(b.ClosedAt)},
	} {
		if f.value != "" {
			row(w, f.name, brief(f.value))
		}
	}
	row(w, "offers", b.Listings)
	row(w, "under way", b.Open)
}

func bazaarsList(o *options) *cobra.Command {
	var req api.BazaarsListRequest
	cmd := sends(o, &cobra.Command{
		Use: "list", Short: "List the bazaars", Example: "  mabus bazaars list --service translate", Args: args(cobra.NoArgs),
	}, func([]string) (api.BazaarsListRequest, error) {
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.BazaarsListRequest) (*api.BazaarsListResponse, error) {
		all, err := c.Bazaars.List(ctx, r)
		return &api.BazaarsListResponse{Bazaars: append([]api.Bazaar{}, all...)}, err
	}, func(w io.Writer, list *api.BazaarsListResponse) {
		row(w, "BAZAAR", "OWNER", "SERVICES", "OFFERS", "UNDER WAY", "LISTING FEE", "FEE", "CLOSED", "NAME")
		for i := range list.Bazaars {
			b := &list.Bazaars[i]
			row(w, b.ID, b.Owner, brief(strings.Join(b.ServiceTypes, ",")), b.Listings, b.Open, someMoney(b.ListingFee), share(b.TransactionFee),
				when(b.ClosedAt), brief(b.Name))
		}
	})
	cmd.Flags().StringVar(&req.ServiceType, "service", "", "only those in which this type of service may be offered")
	return cmd
}

func bazaarsOffer(o *options) *cobra.Command {
	var s api.ListingSpec
	cmd := sends(o, &cobra.Command{
		Use: "offer BAZAAR SERVICE PRICE", Short: "Offer a service; the listing fee is paid at once", Args: args(cobra.ExactArgs(3)),
		Example: "  mabus bazaars offer town translate 3 --id t1 --as a1\n" +
			"  mabus bazaars offer town translate 3 --capability de,fr --capacity 4 --quality 0.95 --as a1",
	}, func(a []string) (_ api.ListingSpec, err error) {
		s.Bazaar, s.ServiceType = a[0], a[1]
		s.Price, err = units(a[2])
		return s, err
	}, func(ctx context.Context, c *client.Client, s api.ListingSpec) (*api.Listing, error) {
		return c.Bazaars.ListService(ctx, s)
	}, printListing)
	f := cmd.Flags()
	f.StringVar(&s.ID, "id", "", "id of the offer (a new one)")
	f.StringSliceVar(&s.Capabilities, "capability", nil, "capabilities, with commas between")
	f.StringVar(&s.Description, "description", "", "what it is, for people")
	f.IntVar(&s.Capacity, "capacity", 0, "how many requests it serves at the same time (1)")
	f.Var(decimalFlag{&s.Quality}, "quality", "the quality that is guaranteed, from 0 to 1 (0.8)")
	f.DurationVar((*time.Duration)(&s.Completion), "completion", 0, "in how long it is done (1h)")
	f.DurationVar((*time.Duration)(&s.Expires), "expires", 0, "after how long the offer goes (never)")
	return cmd
}

func printListing(w io.Writer, l *api.Listing) {
	row(w, "id", l.ID)
	row(w, "service", l.ServiceType)
	row(w, "provider", l.Provider)
	row(w, "price", money(l.Price))
	row(w, "busy", fmt.Sprintf("%d of %d", l.Busy, max(l.Capacity, 1)))
	row(w, "listing fee", money(l.Fee))
}

func bazaarsUnlist(o *options) *cobra.Command {
	return sends(o, &cobra.Command{
		Use: "unlist BAZAAR OFFER", Short: "Take an offer away; what was bought is still settled",
		Example: "  mabus bazaars unlist town t1 --as a1", Args: args(cobra.ExactArgs(2)),
	}, func(a []string) (api.ListingRequest, error) {
		return api.ListingRequest{Bazaar: a[0], ID: a[1]}, nil
	}, func(ctx context.Context, c *client.Client, r api.ListingRequest) (*api.Listing, error) {
		return c.Bazaars.Unlist(ctx, r.Bazaar, r.ID)
	}, printListing)
}
