package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

const seller = "datacentre"

// items are the parts, with their reserves. Each is one unit of an asset that the seller issues.
var items = []api.AuctionItem{{Name: "cpu", Reserve: 2 * economy.Unit}, {Name: "mem", Reserve: 2 * economy.Unit}, {Name: "gpu", Reserve: 5 * economy.Unit}}

// bidder is an agent that needs bundles: it wants one of them at most, and bids what each is worth to it.
type bidder struct {
	name    string
	bundles []api.AuctionBundle
}

// bidders are those that bid unless a test brings its own.
var bidders = []bidder{
	{"trainer", []api.AuctionBundle{{Items: []string{"mem", "gpu"}, Price: 27 * economy.Unit}, {Items: []string{"cpu", "mem", "gpu"}, Price: 31 * economy.Unit}}},
	{"renderer", []api.AuctionBundle{{Items: []string{"gpu"}, Price: 15 * economy.Unit}, {Items: []string{"cpu", "gpu"}, Price: 22 * economy.Unit}}},
	{"database", []api.AuctionBundle{{Items: []string{"mem"}, Price: 9 * economy.Unit}, {Items: []string{"cpu", "mem"}, Price: 14 * economy.Unit}}},
	{"compiler", []api.AuctionBundle{{Items: []string{"cpu"}, Price: 8 * economy.Unit}}},
}

func run(ctx context.Context, out io.Writer, o options) error {
	r, err := economy.Open(ctx, economy.Config{Server: o.server, Operator: o.operator, Services: o.services})
	if err != nil {
		return err
	}
	s, err := sell(ctx, r, o.bidders)
	if err == nil {
		err = s.report(out, r)
	}
	if err := errors.Join(err, r.Close(ctx)); err != nil {
		return err
	}
	return prove(out, o.out, s) // nothing of the server is left
}

// sale is what is printed and proved.
type sale struct {
	auction    *api.Auction
	transcript *api.Transcript
	key        string
	bidders    []bidder
	left       map[string]api.Micro // of credit, by bidder
	has        map[string][]string  // parts, by bidder
	took       time.Duration        // from the end of the bidding to the payments
	accounts   int
}

// sell has the agents bid, and returns how it ended.
func sell(ctx context.Context, r *economy.Runtime, bidders []bidder) (*sale, error) {
	centre, err := r.As(ctx, seller, 0)
	if err != nil {
		return nil, err
	}
	parts := slices.Clone(items)
	for i := range parts {
		parts[i].Asset, parts[i].Quantity = r.ID(parts[i].Name), 1
		if _, err := centre.Ledger.CreateAsset(ctx, parts[i].Asset, "a part of the machine, for a day"); err != nil {
			return nil, err
		}
		if _, err := centre.Ledger.Mint(ctx, api.MintRequest{To: api.Account(r.ID(seller), "", parts[i].Asset), Amount: economy.Unit}); err != nil {
			return nil, err
		}
	}
	x, err := centre.Auctions.Create(ctx, api.AuctionSpec{ID: r.ID("machine"), Type: api.AuctionCombinatorial, Items: parts})
	if err != nil {
		return nil, err
	}
	s := &sale{bidders: bidders, left: map[string]api.Micro{}, has: map[string][]string{}}
	for _, b := range bidders {
		if err := b.bid(ctx, r, x.ID); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	if _, err := centre.Auctions.Close(ctx, x.ID); err != nil {
		return nil, err
	}
	if s.auction, err = centre.Auctions.Ended(ctx, x.ID); err != nil { // the winners are found by whichever replica is free
		return nil, err
	}
	s.took = time.Since(begin)
	if s.auction.State != api.AuctionClosed {
		return nil, fmt.Errorf("the auction is %s: %s", s.auction.State, s.auction.Reason)
	}
	return s, s.look(ctx, r, centre)
}

// bid places all bundles of the bidder, who has what the dearest is worth to it, and no more.
func (b *bidder) bid(ctx context.Context, r *economy.Runtime, auction string) error {
	purse := api.Micro(0)
	for _, bundle := range b.bundles {
		purse = max(purse, bundle.Price)
	}
	agent, err := r.As(ctx, b.name, purse)
	if err != nil {
		return err
	}
	for _, bundle := range b.bundles {
		if _, err := agent.Auctions.Place(ctx, api.AuctionBidRequest{Auction: auction, Items: bundle.Items, Price: &bundle.Price}); err != nil {
			return fmt.Errorf("bid of %s: %w", b.name, err)
		}
	}
	return nil
}

// look reads what everybody has now, and what the service says of it under its signature.
func (s *sale) look(ctx context.Context, r *economy.Runtime, centre *client.Client) (err error) {
	for _, b := range s.bidders {
		if s.left[b.name], err = r.Has(ctx, b.name, ""); err != nil {
			return err
		}
		for _, i := range items {
			n, err := r.Has(ctx, b.name, r.ID(i.Name))
			if err != nil {
				return err
			}
			if n > 0 {
				s.has[b.name] = append(s.has[b.name], i.Name)
			}
		}
	}
	if s.transcript, err = centre.Auctions.Transcript(ctx, s.auction.ID); err != nil {
		return err
	}
	if s.key, err = centre.Auctions.Key(ctx); err != nil {
		return err
	}
	s.accounts, err = r.Balanced(ctx)
	return err
}
