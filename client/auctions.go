package client

import (
	"context"
	"crypto/rand"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Auctions sells and buys. A bid that fails was not placed, or was placed once, however often the client has had to repeat it.
type Auctions struct {
	conn *rpc.Conn
	seen *session
}

func auctionRevision(a *api.Auction) string    { return a.Revision }
func receiptRevision(r *api.BidReceipt) string { return r.Revision }

// Create opens an auction: conflict (auction_exists), failed_precondition (insufficient_funds).
func (s Auctions) Create(ctx context.Context, spec api.AuctionSpec) (*api.Auction, error) {
	resp, err := change(ctx, s.conn, api.AuctionsCreate, &spec)
	return changed(s.seen, auctionRevision, resp, err)
}

// Bid bids a price: failed_precondition (bid_too_low, bid_too_high, auction_expired, auction_not_open, insufficient_funds).
func (s Auctions) Bid(ctx context.Context, id string, price api.Micro) (*api.BidReceipt, error) {
	return s.Place(ctx, api.AuctionBidRequest{Auction: id, Price: &price})
}

// Place places a bid of any form.
func (s Auctions) Place(ctx context.Context, r api.AuctionBidRequest) (*api.BidReceipt, error) {
	resp, err := change(ctx, s.conn, api.AuctionsBid, &r)
	return changed(s.seen, receiptRevision, resp, err)
}

// Commit places a commitment to a bid of this client's principal, and returns what reveals it later, which nobody else has: keep it.
// The deposit is what the auction asks for if it is 0.
func (s Auctions) Commit(ctx context.Context, id string, price api.Micro, quantity int64, deposit api.Micro) (*api.AuctionRevealRequest, *api.BidReceipt, error) {
	opens := &api.AuctionRevealRequest{Auction: id, Price: &price, Quantity: max(quantity, 1), Salt: rand.Text()}
	seal := api.SealBid(id, s.conn.Principal, price, opens.Quantity, opens.Salt)
	receipt, err := s.Place(ctx, api.AuctionBidRequest{Auction: id, Commitment: seal, Deposit: deposit})
	return opens, receipt, err
}

// Reveal opens a commitment: invalid (commitment_mismatch), failed_precondition (not_revealing).
func (s Auctions) Reveal(ctx context.Context, r api.AuctionRevealRequest) (*api.BidReceipt, error) {
	resp, err := change(ctx, s.conn, api.AuctionsReveal, &r)
	return changed(s.seen, receiptRevision, resp, err)
}

// Withdraw takes a sealed bid back: failed_precondition (cannot_withdraw, auction_not_open).
func (s Auctions) Withdraw(ctx context.Context, id string) (*api.BidReceipt, error) {
	resp, err := change(ctx, s.conn, api.AuctionsWithdraw, &api.AuctionRequest{Auction: id})
	return changed(s.seen, receiptRevision, resp, err)
}

// Close ends the bidding now: failed_precondition (no_bids).
func (s Auctions) Close(ctx context.Context, id string) (*api.Auction, error) {
	resp, err := change(ctx, s.conn, api.AuctionsClose, &api.AuctionRequest{Auction: id})
	return changed(s.seen, auctionRevision, resp, err)
}

// Cancel calls an auction off: failed_precondition (cannot_cancel) when there are bids.
func (s Auctions) Cancel(ctx context.Context, id, reason string) (*api.Auction, error) {
	resp, err := change(ctx, s.conn, api.AuctionsCancel, &api.AuctionCancelRequest{Auction: id, Reason: reason})
	return changed(s.seen, auctionRevision, resp, err)
}

// Settle reports what the winner of an incentive auction has achieved: failed_precondition (already_settled).
func (s Auctions) Settle(ctx context.Context, r api.AuctionSettleRequest) (*api.Auction, error) {
	resp, err := change(ctx, s.conn, api.AuctionsSettle, &r)
	return changed(s.seen, auctionRevision, resp, err)
}

// Get returns an auction as it stands: not_found (auction_not_found) if there never was one.
func (s Auctions) Get(ctx context.Context, id string) (*api.Auction, error) {
	return read(s.seen, "", func(revision string) (*api.Auction, error) {
		return look(ctx, s.conn, api.AuctionsGet, &api.GetRequest{ID: id, MinRevision: revision})
	})
}

// List returns the auctions that are not archived yet and that the request keeps, in the order of their ids.
func (s Auctions) List(ctx context.Context, r api.AuctionsListRequest) ([]api.Auction, error) {
	return allPages(ctx, s.conn, s.seen, api.AuctionsList, func(after, revision string) *api.AuctionsListRequest {
		r.After, r.MinRevision = after, revision
		return &r
	}, func(r *api.AuctionsListResponse) ([]api.Auction, string) { return r.Auctions, r.Next })
}

// Watch yields an auction as it stands, and then whenever something has happened, until it has ended or ctx does. What happens in quick
// succession may be seen as one.
func (s Auctions) Watch(ctx context.Context, id string) iter.Seq2[*api.Auction, error] {
	return func(yield func(*api.Auction, error) bool) {
		for after := uint64(0); ; {
			x, err := until(ctx, func(ctx context.Context) (*api.Auction, error) {
				return rpc.Call(ctx, s.conn, api.AuctionsWait, &api.AuctionWaitRequest{Auction: id, After: after, Wait: followWait})
			}, func(x *api.Auction) bool { return x.Version > after || x.State.Ended() })
			if err == nil {
				s.seen.wrote(x.Revision) // what is read afterwards is no older
			}
			if !yield(x, err) || err != nil || x.State.Ended() {
				return
			}
			after = x.Version
		}
	}
}

// Ended waits until an auction has ended, or ctx does.
func (s Auctions) Ended(ctx context.Context, id string) (last *api.Auction, err error) {
	for last, err = range s.Watch(ctx, id) {
		if err != nil {
			return nil, err
		}
	}
	return last, nil
}

// Bids returns the bids of an auction as they stand, in the order in which their bidders came.
func (s Auctions) Bids(ctx context.Context, id string) ([]api.AuctionBid, error) {
	var all []api.AuctionBid
	for after := 0; ; {
		resp, err := read(s.seen, "", func(revision string) (*api.AuctionBidsResponse, error) {
			return look(ctx, s.conn, api.AuctionsBids, &api.AuctionBidsRequest{Auction: id, After: after, Limit: api.MaxPage, MinRevision: revision})
		})
		if err != nil {
			return nil, err
		}
		all = append(all, resp.Bids...)
		if after = resp.Next; after == 0 {
			return all, nil
		}
	}
}

// Transcript returns all that has happened in an auction, signed by the service: `mabus verify` checks it offline. What is sealed to this
// client's principal is in it by its digest alone.
func (s Auctions) Transcript(ctx context.Context, id string) (*api.Transcript, error) {
	var t api.Transcript
	var state api.AuctionState
	for {
		page, err := read(s.seen, "", func(revision string) (*api.AuctionTranscriptResponse, error) {
			return look(ctx, s.conn, api.AuctionsTranscript, &api.AuctionTranscriptRequest{Auction: id, After: uint64(len(t.Steps)), Limit: api.MaxAuctionSteps, MinRevision: revision})
		})
		if err != nil {
			return nil, err
		}
		if len(t.Steps) > 0 && page.State != state { // what was withheld on the pages before may be open now
			t.Steps, state = nil, page.State
			continue
		}
		t.Steps, state = append(t.Steps, page.Steps...), page.State
		t.Namespace, t.Entity, t.Head, t.Key, t.Signature = page.Namespace, page.Entity, page.Head, page.Key, page.Signature
		switch {
		case page.Signature != "":
			return &t, nil
		case len(page.Steps) == 0:
			return nil, api.Errorf(api.Unavailable, "steps %d to %d of auction %s are not there", len(t.Steps)+1, page.Version, id).WithReason(api.ReasonNotReady)
		}
	}
}

// Key returns the public key with which the service signs transcripts. Whoever gets it from here trusts the connection.
func (s Auctions) Key(ctx context.Context) (string, error) {
	resp, err := look(ctx, s.conn, api.AuctionsKey, &api.Empty{})
	if err != nil {
		return "", err
	}
	return resp.Key, nil
}

// Mechanisms returns what each mechanism promises, and by which test it is shown; with a name, that of one.
func (s Auctions) Mechanisms(ctx context.Context, name string) ([]api.MechanismCard, error) {
	resp, err := look(ctx, s.conn, api.AuctionsMechanisms, &api.MechanismsRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return resp.Mechanisms, nil
}

// Stats counts the auctions since the log began, and what they have traded.
func (s Auctions) Stats(ctx context.Context) (*api.AuctionsStatsResponse, error) {
	return look(ctx, s.conn, api.AuctionsStats, &api.Empty{})
}
