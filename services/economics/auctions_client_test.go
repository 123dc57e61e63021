package economics_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A whole auction by the SDK: commitments, revealing, watching, and the transcript.
func TestAuctionByTheSDK(t *testing.T) {
	t.Parallel()
	r := world(t, 2)
	r.mint(1000*credit, "a", "b")
	ctx := t.Context()
	owner, a, b := client.New(r.as("owner")).Auctions, client.New(r.as("a")).Auctions, client.New(r.as("b")).Auctions
	spec := lot("x", api.AuctionVickrey)
	spec.Reveal, spec.Deposit = api.Duration(time.Minute), credit
	if _, err := owner.Create(ctx, spec); err != nil {
		t.Fatal(err)
	}
	watched := make(chan api.AuctionState, 100)
	go func() {
		defer close(watched)
		for x, err := range b.Watch(ctx, "x") {
			if err != nil {
				t.Error(err)
				return
			}
			watched <- x.State
		}
	}()
	opensA, _, err := a.Commit(ctx, "x", 80*credit, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	opensB, receipt, err := b.Commit(ctx, "x", 70*credit, 1, 100*credit)
	if err != nil || receipt.Number != 3 || receipt.Price != 0 {
		t.Fatal(receipt, err)
	}
	if _, err := owner.Close(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		who   client.Auctions
		opens *api.AuctionRevealRequest
	}{{b, opensB}, {a, opensA}} {
		if _, err := one.who.Reveal(ctx, *one.opens); err != nil {
			t.Fatal(err)
		}
	}
	x, err := a.Ended(ctx, "x")
	if err != nil || x.State != api.AuctionClosed || x.Price != 70*credit || x.Outcome.Awards[0].Bidder != "a" {
		t.Fatal(x, err)
	}
	last := api.AuctionState("")
	for last = range watched {
	}
	if last != api.AuctionClosed {
		t.Errorf("the last that was watched is %s", last)
	}
	whole, err := a.Transcript(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := transcript.Verify(whole, whole.Key); err != nil {
		t.Error(err)
	}
	bids, err := a.Bids(ctx, "x")
	if err != nil || len(bids) != 2 || bids[1].Price != 70*credit {
		t.Errorf("%+v %v", bids, err)
	}
	if _, err := a.Bid(ctx, "x", credit); api.CodeOf(err) != api.FailedPrecondition {
		t.Errorf("a late bid: %v", err)
	}
	if _, err := a.Get(ctx, "y"); api.ReasonOf(err) != api.ReasonAuctionNotFound {
		t.Errorf("an unknown auction: %v", err)
	}
	natstest.Eventually(t, patience, func() bool {
		s, err := a.Stats(ctx)
		return err == nil && s.Traded == 70*credit
	}, "it is counted")
}
