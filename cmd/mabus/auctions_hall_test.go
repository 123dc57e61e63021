package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

const unit = api.Micro(1_000_000)

// hall is an economy in this process, with clients by their principals.
type hall struct {
	t       *testing.T
	url     string
	clients map[string]*client.Client
}

// openHall gives credit and units of gpu to those who are named.
func openHall(t *testing.T, who ...string) *hall {
	t.Helper()
	srv := natstest.Start(t)
	dial := func(principal string) *rpc.Conn {
		conn, err := rpc.Dial(t.Context(), rpc.Options{URL: srv.URL(), Principal: principal})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		return conn
	}
	s, err := economics.Start(t.Context(), dial(""), economics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	h := &hall{t, srv.URL(), map[string]*client.Client{}}
	for _, one := range append(who, economics.DefaultOperator) {
		h.clients[one] = client.New(dial(one))
	}
	operator := h.clients[economics.DefaultOperator].Ledger
	if _, err := operator.CreateAsset(t.Context(), "gpu", ""); err != nil {
		t.Fatal(err)
	}
	for _, one := range who {
		for _, asset := range []string{"credit", "gpu"} {
			if _, err := operator.Mint(t.Context(), api.MintRequest{To: api.Account(one, "", asset), Amount: 1000 * unit}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

// said is a bid of somebody in units; commit hides it.
type said struct {
	by     string
	price  api.Micro
	commit bool
	req    api.AuctionBidRequest
}

// held is an auction to hold: the outcome of its work is reported if it is an incentive auction.
type held struct {
	spec api.AuctionSpec
	bids []said
}

// hold carries an auction out to its end, and returns its transcript as a file.
func (h *hall) hold(a held) []byte {
	h.t.Helper()
	t, ctx, owner := h.t, h.t.Context(), h.clients["ann"].Auctions
	if _, err := owner.Create(ctx, a.spec); err != nil {
		t.Fatal(err)
	}
	var opens []func() error
	for _, b := range a.bids {
		c := h.clients[b.by].Auctions
		b.req.Auction, b.price = a.spec.ID, b.price*unit
		if b.req.Price = &b.price; b.commit {
			open, _, err := c.Commit(ctx, a.spec.ID, b.price, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			opens = append(opens, func() error { _, err := c.Reveal(ctx, *open); return err })
			continue
		}
		if b.price == 0 {
			b.req.Price = nil
		}
		if _, err := c.Place(ctx, b.req); err != nil {
			t.Fatalf("%s: %v", a.spec.ID, err)
		}
	}
	_, err := owner.Close(ctx, a.spec.ID)
	if err != nil && api.ReasonOf(err) != api.ReasonAuctionNotOpen { // a dutch one has closed
		t.Fatal(err)
	}
	for _, open := range opens {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	if a.spec.Type == api.AuctionIncentive {
		if _, err := owner.Settle(ctx, api.AuctionSettleRequest{Auction: a.spec.ID, Quality: 950_000, Took: api.Duration(20 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := owner.Ended(ctx, a.spec.ID); err != nil {
		t.Fatal(err)
	}
	return h.export("cy", a.spec.ID)
}

func (h *hall) export(by, id string) []byte {
	h.t.Helper()
	x, err := h.clients[by].Auctions.Transcript(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return written(h.t, x)
}

func written(t *testing.T, x *api.Transcript) []byte {
	t.Helper()
	data, err := codec.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// everyType is an auction of each type, with a winner.
func everyType() []held {
	item := json.RawMessage(`{"task":"A <b> é","n":1.50}`)
	most := 9 * unit
	return []held{
		{
			api.AuctionSpec{ID: "english", Type: api.AuctionEnglish, Asset: "gpu", Quantity: 3, Reserve: unit, Fee: 50_000},
			[]said{{by: "bob", price: 2}, {by: "cy", req: api.AuctionBidRequest{Max: &most}}, {by: "bob", price: 5}},
		},
		{
			api.AuctionSpec{ID: "dutch", Type: api.AuctionDutch, Item: item, StartPrice: 9 * unit, Step: unit, Interval: api.Duration(time.Hour), Reserve: unit},
			[]said{{by: "bob"}},
		},
		{
			api.AuctionSpec{ID: "first_price", Type: api.AuctionFirstPrice, Item: item, Reveal: api.Duration(time.Hour), Deposit: unit, Forfeit: 500_000},
			[]said{{by: "bob", price: 4, commit: true}, {by: "cy", price: 5, commit: true}},
		},
		{
			api.AuctionSpec{ID: "vickrey", Type: api.AuctionVickrey, Asset: "gpu", Reverse: true, Reserve: 50 * unit, Fee: 1},
			[]said{{by: "bob", price: 4}, {by: "cy", price: 5}},
		},
		{
			api.AuctionSpec{ID: "uniform", Type: api.AuctionUniform, Asset: "gpu", Quantity: 3},
			[]said{{by: "bob", price: 4, req: api.AuctionBidRequest{Quantity: 2}}, {by: "cy", price: 5, req: api.AuctionBidRequest{Quantity: 2}}},
		},
		{
			api.AuctionSpec{ID: "double", Type: api.AuctionDouble, Asset: "gpu", Fee: 10_000},
			[]said{{by: "bob", price: 4, req: api.AuctionBidRequest{Side: api.OrderBuy, Quantity: 3}}, {by: "cy", price: 2, req: api.AuctionBidRequest{Side: api.OrderSell, Quantity: 2}}},
		},
		{
			api.AuctionSpec{ID: "combinatorial", Type: api.AuctionCombinatorial, Items: []api.AuctionItem{{Name: "cpu", Reserve: unit}, {Name: "gpu", Asset: "gpu", Quantity: 2}}},
			[]said{
				{by: "bob", price: 9, req: api.AuctionBidRequest{Items: []string{"cpu", "gpu"}}},
				{by: "cy", price: 6, req: api.AuctionBidRequest{Items: []string{"gpu"}}},
				{by: "di", price: 7, req: api.AuctionBidRequest{Items: []string{"cpu"}}},
			},
		},
		{
			api.AuctionSpec{
				ID: "multi_attribute", Type: api.AuctionMultiTrait, Item: item, Reverse: true, Reserve: 50 * unit, Rule: api.RuleSecondScore,
				Scoring: &api.ScoringTerms{PriceWeight: api.One, WorstPrice: 50 * unit, BestPrice: unit, Attributes: []api.ScoringWeight{{Name: "q", Weight: api.One, High: api.One}}},
			},
			[]said{
				{by: "bob", price: 9, req: api.AuctionBidRequest{Attributes: []api.AuctionAttribute{{Name: "q", Value: 700_000}}}},
				{by: "cy", price: 7, req: api.AuctionBidRequest{Attributes: []api.AuctionAttribute{{Name: "q", Value: 300_000}}}},
			},
		},
		{
			api.AuctionSpec{ID: "incentive", Type: api.AuctionIncentive, Item: item, Reverse: true, Reserve: 50 * unit, Incentive: &api.IncentiveTerms{QualityRate: unit, SpeedRate: unit}},
			[]said{{by: "bob", price: 30}, {by: "cy", price: 20}},
		},
	}
}
