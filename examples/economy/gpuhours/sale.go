package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
)

// The agent that sells, and what it sells.
const (
	seller = "datacentre"
	hour   = "gpu_hour"
)

// trainer is an agent that wants hours.
type trainer struct {
	name  string
	hours int64
	// worth is what an hour is worth to it: it bids that.
	worth api.Micro
	// purse is what it has.
	purse api.Micro
}

// trainers are those that bid unless a test brings its own.
var trainers = []trainer{
	{"chess", 6, 4 * economy.Unit, 60 * economy.Unit},
	{"protein", 8, 3_500_000, 80 * economy.Unit},
	{"speech", 4, 2_750_000, 20 * economy.Unit},
	{"weather", 6, 2_200_000, 40 * economy.Unit},
	{"vision", 5, 1_800_000, 30 * economy.Unit},
	{"recipes", 10, 900_000, 20 * economy.Unit},
}

// bought is what became of a trainer.
type bought struct {
	trainer
	refused error
	has     api.Micro // of the asset
	left    api.Micro // of credit
}

// sale is what is printed.
type sale struct {
	auction  *api.Auction
	trainers []bought
	bidding  time.Duration
	// entries are the seller's, of credit and of the asset, the newest first.
	entries  []api.LedgerEntry
	units    []api.LedgerEntry
	accounts int
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	r, err := economy.Open(ctx, economy.Config{Server: o.server, Operator: o.operator, Services: o.services})
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := r.Close(ctx); err == nil {
			err = closeErr
		}
	}()
	s, err := sell(ctx, r, o)
	if err != nil {
		return err
	}
	return report(out, r, s)
}

// sell has the data centre issue the hours and sell them to the trainers.
func sell(ctx context.Context, r *economy.Runtime, o options) (*sale, error) {
	centre, err := r.As(ctx, seller, 0)
	if err != nil {
		return nil, err
	}
	asset := r.ID(hour)
	if _, err := centre.Ledger.CreateAsset(ctx, asset, "one hour on one GPU"); err != nil {
		return nil, err
	}
	mint := api.MintRequest{To: api.Account(r.ID(seller), "", asset), Amount: api.Micro(o.hours) * economy.Unit, Note: "new hours"}
	if _, err := centre.Ledger.Mint(ctx, mint); err != nil {
		return nil, err
	}
	x, err := centre.Auctions.Create(ctx, api.AuctionSpec{
		ID: r.ID("hours"), Type: api.AuctionUniform, Asset: asset, Quantity: o.hours, Reserve: o.reserve, Fee: o.fee,
	})
	if err != nil {
		return nil, err
	}
	s := &sale{trainers: make([]bought, len(o.trainers))}
	agents := make([]*client.Client, len(o.trainers))
	for i, t := range o.trainers {
		s.trainers[i].trainer = t
		if agents[i], err = r.As(ctx, t.name, t.purse); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	var work sync.WaitGroup
	for i, t := range o.trainers { // each by its own connection, all at once
		work.Go(func() {
			_, s.trainers[i].refused = agents[i].Auctions.Place(ctx, api.AuctionBidRequest{Auction: x.ID, Price: &t.worth, Quantity: min(t.hours, o.hours)})
		})
	}
	work.Wait()
	s.bidding = time.Since(begin)
	if s.auction, err = centre.Auctions.Close(ctx, x.ID); err != nil {
		return nil, err
	}
	return s, s.look(ctx, r, centre, asset)
}

// look reads from the ledger what everybody has now.
func (s *sale) look(ctx context.Context, r *economy.Runtime, centre *client.Client, asset string) (err error) {
	for i := range s.trainers {
		b := &s.trainers[i]
		if b.has, err = r.Has(ctx, b.name, asset); err != nil {
			return err
		}
		if b.left, err = r.Has(ctx, b.name, ""); err != nil {
			return err
		}
	}
	for _, of := range []struct {
		asset string
		to    *[]api.LedgerEntry
	}{{"", &s.entries}, {asset, &s.units}} {
		for e, err := range centre.Ledger.Statement(ctx, api.Account(r.ID(seller), "", of.asset), time.Time{}) {
			if err != nil {
				return fmt.Errorf("read the statement: %w", err)
			}
			*of.to = append(*of.to, e)
		}
	}
	s.accounts, err = r.Balanced(ctx)
	return err
}
