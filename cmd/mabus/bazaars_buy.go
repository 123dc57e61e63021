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

func bazaarsSearch(o *options) *cobra.Command {
	var req api.BazaarSearchRequest
	cmd := sends(o, &cobra.Command{
		Use: "search BAZAAR SERVICE", Short: "List what is on offer, the best first", Args: args(cobra.ExactArgs(2)),
		Long: `Lists what is on offer of a type of service, the best first. The score is 0.4 of the reputation, 0.3 of the price, 0.2 of the quality and
0.1 of the free capacity, each from 0 to 1.`,
		Example: "  mabus bazaars search town translate\n  mabus bazaars search town translate --capability de --max-cost 5 --min-quality 0.9 --json",
	}, func(a []string) (api.BazaarSearchRequest, error) {
		req.Bazaar, req.ServiceType = a[0], a[1]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.BazaarSearchRequest) (*api.BazaarSearchResponse, error) {
		return c.Bazaars.Search(ctx, r)
	},
		func(w io.Writer, r *api.BazaarSearchResponse) {
			row(w, "OFFER", "PROVIDER", "PRICE", "GUARANTEE", "BUSY", "SCORE", "REPUTATION", "PRICE SCORE", "QUALITY", "FREE", "DESCRIPTION")
			for i := range r.Listings {
				l := &r.Listings[i]
				row(w, l.ID, l.Provider, money(l.Price), share(l.Quality), fmt.Sprintf("%d of %d", l.Busy, max(l.Capacity, 1)), l.Score, l.Reputation, l.PriceScore,
					l.QualityScore, l.Availability, brief(l.Description))
			}
			if r.Found > len(r.Listings) {
				fmt.Fprintf(w, "%d of %d\n", len(r.Listings), r.Found)
			}
		})
	f := cmd.Flags()
	f.StringSliceVar(&req.Capabilities, "capability", nil, "only those with all of these, with commas between")
	f.Var(unitsFlag{&req.MaxCost}, "max-cost", "only those that cost no more")
	f.Var(decimalFlag{&req.MinQuality}, "min-quality", "only those that guarantee this, from 0 to 1")
	f.BoolVar(&req.Busy, "busy", false, "those without free capacity too")
	f.IntVar(&req.Limit, "limit", 0, fmt.Sprintf("how many at most (%d), up to %d", api.DefaultPage, api.MaxPage))
	return cmd
}

func bazaarsBuy(o *options) *cobra.Command {
	var req api.ServiceRequest
	item := ""
	cmd := sends(o, &cobra.Command{
		Use: "buy BAZAAR [OFFER] --max-cost AMOUNT", Short: "Buy a service: an offer, or the best of --service", Args: args(cobra.RangeArgs(1, 2)),
		Long: `Buys a service at its price, which is held, and opens a contract with who offers it: an offer by its id, or the best that search finds of
--service. ITEM is what it is about: JSON, or else a text.`,
		Example: "  mabus bazaars buy town t1 --max-cost 5 --item '\"hello\"' --as boss\n" +
			"  mabus bazaars buy town --service translate --capability de --max-cost 5 --as boss",
	}, func(a []string) (_ api.ServiceRequest, err error) {
		if req.Bazaar = a[0]; len(a) > 1 {
			req.Listing = a[1]
		} else if req.ServiceType == "" {
			return req, fmt.Errorf("%w: give an OFFER or --service", errUsage)
		}
		if item != "" {
			req.Item, err = jsonOrText(item)
		}
		return req, err
	}, func(ctx context.Context, c *client.Client, r api.ServiceRequest) (*api.BazaarTransaction, error) {
		return c.Bazaars.RequestService(ctx, r)
	},
		func(w io.Writer, x *api.BazaarTransaction) {
			row(w, "id", x.ID)
			row(w, "offer", x.Listing)
			row(w, "provider", x.Provider)
			row(w, "price", money(x.Price))
			row(w, "contract", x.Contract)
		})
	f := cmd.Flags()
	f.StringVar(&req.ID, "id", "", "id of the transaction (a new one)")
	f.StringVar(&req.ServiceType, "service", "", "type of service, without an OFFER")
	f.StringSliceVar(&req.Capabilities, "capability", nil, "with --service: all of these, with commas between")
	f.Var(decimalFlag{&req.MinQuality}, "min-quality", "with --service: the least guarantee, from 0 to 1")
	f.Var(unitsFlag{&req.MaxCost}, "max-cost", "the most that one wants to pay")
	f.StringVar((*string)(&req.Account), "account", "", "account of one's own that pays (the main one)")
	f.StringVar(&item, "item", "", "what it is about: JSON, or else a text")
	f.StringVar(&req.Judge, "judge", "", "who decides when one rejects what was delivered")
	f.DurationVar((*time.Duration)(&req.Judging), "judging", 0, "the time in which what was delivered is judged (1h)")
	return cmd
}

func bazaarsTransactions(o *options) *cobra.Command {
	var req api.BazaarTransactionsRequest
	cmd := sends(o, &cobra.Command{
		Use: "transactions BAZAAR", Short: "List what was bought: what is under way, and then what has ended last", Args: args(cobra.ExactArgs(1)),
		Example: "  mabus bazaars transactions town --party a1",
	}, func(a []string) (api.BazaarTransactionsRequest, error) {
		req.Bazaar = a[0]
		return req, nil
	}, func(ctx context.Context, c *client.Client, r api.BazaarTransactionsRequest) (*api.BazaarTransactionsResponse, error) {
		all, err := c.Bazaars.Transactions(ctx, r)
		return &api.BazaarTransactionsResponse{Transactions: append([]api.BazaarTransaction{}, all...)}, err
	}, func(w io.Writer, list *api.BazaarTransactionsResponse) {
		row(w, "TRANSACTION", "OFFER", "SERVICE", "BUYER", "PROVIDER", "PRICE", "PAID", "STATE", "QUALITY", "AGE", "CONTRACT")
		for i := range list.Transactions {
			x := &list.Transactions[i]
			row(w, x.ID, x.Listing, x.ServiceType, x.Buyer, x.Provider, money(x.Price), someMoney(x.Paid), x.State, share(x.Quality), ago(x.At), x.Contract)
		}
	})
	cmd.Flags().StringVar(&req.Party, "party", "", "only those of this buyer or provider")
	cmd.Flags().IntVar(&req.Limit, "limit", 0, fmt.Sprintf("how many at most (%d), up to %d", api.DefaultPage, api.MaxPage))
	return cmd
}

func bazaarsAnalytics(o *options) *cobra.Command {
	return bazaarCommand(o, "analytics", "Add up what was bought, by type of service", "  mabus bazaars analytics town",
		func(ctx context.Context, c *client.Client, id string) (*api.BazaarAnalytics, error) {
			return c.Bazaars.Analytics(ctx, id)
		},
		func(w io.Writer, x *api.BazaarAnalytics) {
			row(w, "bazaar", x.Bazaar)
			row(w, "offers", fmt.Sprintf("%d of %d providers, %s on average", x.Listings, x.Providers, money(x.Price)))
			row(w, "under way", x.Open)
			row(w, "listing fees", money(x.ListingFees))
			fmt.Fprintln(w)
			row(w, "SERVICE", "OPENED", "FULFILLED", "BREACHED", "CANCELLED", "PAID", "FEES", "QUALITY", "SATISFACTION", "DURATION")
			for i := range x.ByService {
				statsRow(w, x.ByService[i].ServiceType, &x.ByService[i].Stats)
			}
			statsRow(w, "all", &x.Total)
		})
}

func statsRow(w io.Writer, name string, s *api.ContractStats) {
	row(w, name, s.Opened, s.Fulfilled, s.Breached, s.Cancelled, money(s.Paid), money(s.Fees), s.Quality, s.Satisfaction, took(s.Duration.Std()))
}
