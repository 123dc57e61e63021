package economics

import (
	"cmp"
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/auction"
	"github.com/mabus-project/mabus/services/economics/mechanism/card"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/transcript"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/replog/engine"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleAuctions(srv *rpc.Server) {
	create(e, srv, api.AuctionsCreate, "auction", func(r *api.AuctionSpec) string { return r.ID })
	inAuction(e, srv, api.AuctionsBid, func(r *api.AuctionBidRequest) string { return r.Auction })
	inAuction(e, srv, api.AuctionsReveal, func(r *api.AuctionRevealRequest) string { return r.Auction })
	inAuction(e, srv, api.AuctionsWithdraw, func(r *api.AuctionRequest) string { return r.Auction })
	inAuction(e, srv, api.AuctionsClose, func(r *api.AuctionRequest) string { return r.Auction })
	inAuction(e, srv, api.AuctionsCancel, func(r *api.AuctionCancelRequest) string { return r.Auction })
	inAuction(e, srv, api.AuctionsSettle, func(r *api.AuctionSettleRequest) string { return r.Auction })
	rpc.Handle(srv, api.AuctionsGet, e.getAuction)
	rpc.Handle(srv, api.AuctionsList, e.listAuctions)
	rpc.Handle(srv, api.AuctionsWait, e.waitForAuction)
	rpc.Handle(srv, api.AuctionsBids, e.auctionBids)
	rpc.Handle(srv, api.AuctionsTranscript, e.auctionTranscript)
	rpc.Handle(srv, api.AuctionsKey, e.publicKey)
	rpc.Handle(srv, api.AuctionsMechanisms, mechanisms)
	rpc.Handle(srv, api.AuctionsStats, e.auctionStats)
}

// inAuction is write for a method about an auction. One that has ended and is archived is told from one that never was.
func inAuction[Req, Resp any](e *economy, srv *rpc.Server, m api.Method[Req, Resp], id func(*Req) string) {
	rpc.HandleRaw(srv, m, func(ctx context.Context, body []byte, r *Req) ([]byte, error) {
		resp, err := order(ctx, e, m, body, act.Call{})
		if api.ReasonOf(err) != api.ReasonAuctionNotFound {
			return resp, err
		}
		var old auction.Archived
		if found, lost := e.archived(ctx, auction.Entity(id(r)), &old); lost != nil || !found {
			return nil, cmp.Or(lost, err)
		}
		return nil, old.Refuses(m.Verb)
	})
}

// lookAt asks the replica's state about an auction, and the archive when it has ended and is not there any more.
func lookAt[T any](ctx context.Context, e *economy, id, minRevision string, f func(s *auction.State, x *auction.Auction, now time.Time) (T, error),
	archived func(*auction.Archived) (T, error),
) (v T, revision string, err error) {
	v, revision, err = read(ctx, e, minRevision, func(s *realm.State, now time.Time) (none T, err error) {
		x, err := s.Auctions.Get(id)
		if err != nil {
			return none, err
		}
		return f(s.Auctions, x, now)
	})
	if api.ReasonOf(err) != api.ReasonAuctionNotFound {
		return v, revision, err
	}
	var old auction.Archived
	found, lost := e.archived(ctx, auction.Entity(id), &old)
	if lost != nil {
		return v, "", lost
	}
	if !found {
		return v, "", err
	}
	v, err = archived(&old)
	return v, revision, err
}

func (e *economy) auction(ctx context.Context, id, minRevision string) (*api.Auction, error) {
	v, revision, err := lookAt(ctx, e, id, minRevision,
		func(_ *auction.State, x *auction.Auction, now time.Time) (*api.Auction, error) {
			return x.View(now), nil
		},
		func(old *auction.Archived) (*api.Auction, error) { return &old.Auction, nil })
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) getAuction(ctx context.Context, r *api.GetRequest) (*api.Auction, error) {
	return e.auction(ctx, r.ID, r.MinRevision)
}

func (e *economy) waitForAuction(ctx context.Context, r *api.AuctionWaitRequest) (last *api.Auction, err error) {
	err = e.await(ctx, auction.Entity(r.Auction), r.Wait, func() (bool, error) {
		last, err = e.auction(ctx, r.Auction, "")
		return err == nil && (last.Version > r.After || last.State.Ended()), err
	})
	return last, err
}

func (e *economy) listAuctions(ctx context.Context, r *api.AuctionsListRequest) (*api.AuctionsListResponse, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, now time.Time) (*api.AuctionsListResponse, error) {
		ids, next := pick(s.Auctions.Auctions, r.After, r.Limit, func(_ string, x *auction.Auction) bool { return selects(r, x) })
		resp := &api.AuctionsListResponse{Auctions: make([]api.Auction, len(ids)), Next: next}
		for i, id := range ids {
			resp.Auctions[i] = s.Auctions.Auctions[id].Brief(now)
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func selects(r *api.AuctionsListRequest, x *auction.Auction) bool {
	return (r.Type == "" || r.Type == x.Terms.Type) && (r.State == "" || r.State == x.State) &&
		(r.Category == "" || r.Category == x.Terms.Category) && (r.Owner == "" || r.Owner == x.Owner)
}

// auctionBids shows a bidder all of its own bid, and everybody's when there was an outcome.
func (e *economy) auctionBids(ctx context.Context, r *api.AuctionBidsRequest) (*api.AuctionBidsResponse, error) {
	by := rpc.CauseFrom(ctx).Principal
	mine := func(bidder string) bool { return by != "" && bidder == by }
	v, revision, err := lookAt(ctx, e, r.Auction, r.MinRevision, func(s *auction.State, x *auction.Auction, _ time.Time) (*api.AuctionBidsResponse, error) {
		return bidsPage(r, len(x.Bidders), func(i int) (api.AuctionBid, bool) {
			if r.Bidder != "" && x.Bidders[i] != r.Bidder {
				return api.AuctionBid{}, false
			}
			return s.BidOf(x, x.Bidders[i], x.Open() || mine(x.Bidders[i]))
		}), nil
	}, func(old *auction.Archived) (*api.AuctionBidsResponse, error) {
		return bidsPage(r, len(old.Bids), func(i int) (api.AuctionBid, bool) {
			b := old.Bids[i]
			if !old.Open && !mine(b.Bidder) {
				b = auction.Conceal(b)
			}
			return b, r.Bidder == "" || r.Bidder == b.Bidder
		}), nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func bidsPage(r *api.AuctionBidsRequest, n int, get func(i int) (api.AuctionBid, bool)) *api.AuctionBidsResponse {
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	resp := &api.AuctionBidsResponse{Bids: []api.AuctionBid{}}
	for i := r.After; i < n; i++ {
		if len(resp.Bids) == limit {
			resp.Next = i
			break
		}
		if b, ok := get(i); ok {
			resp.Bids = append(resp.Bids, b)
		}
	}
	return resp
}

// auctionTranscript returns steps without what is withheld from whoever asks.
func (e *economy) auctionTranscript(ctx context.Context, r *api.AuctionTranscriptRequest) (*api.AuctionTranscriptResponse, error) {
	limit := r.Limit
	if limit == 0 {
		limit = api.DefaultPage
	}
	var recent *transcript.Log
	v, revision, err := lookAt(ctx, e, r.Auction, r.MinRevision,
		func(_ *auction.State, x *auction.Auction, _ time.Time) (*api.AuctionTranscriptResponse, error) {
			log := x.Log // steps that are there are never changed
			recent = &log
			return &api.AuctionTranscriptResponse{Version: x.Log.Count, Head: x.Log.Head, State: x.State}, nil
		}, func(old *auction.Archived) (*api.AuctionTranscriptResponse, error) {
			recent = nil
			return &api.AuctionTranscriptResponse{Version: old.Auction.Version, Head: old.Auction.Head, State: old.Auction.State}, nil
		})
	if err != nil {
		return nil, err
	}
	steps, err := e.steps(ctx, auction.Entity(r.Auction), recent, r.After, limit)
	if err != nil {
		return nil, err
	}
	steps = fitting(steps)
	v.Steps, v.Revision = auction.Steps(steps, rpc.CauseFrom(ctx).Principal, v.State), revision
	v.Namespace, v.Entity = e.conn.Namespace, auction.Entity(r.Auction)
	if r.After+uint64(len(steps)) == v.Version {
		whole := api.Transcript{Namespace: v.Namespace, Entity: v.Entity, Head: v.Head}
		transcript.SignHead(&whole, int(v.Version), e.key)
		v.Key, v.Signature = whole.Key, whole.Signature
	}
	return v, nil
}

// pageBytes is what the steps of one page of a transcript say at most; one step may be as long as it is.
const pageBytes = 512 << 10

// fitting cuts steps off that are too much for one answer.
func fitting(steps []api.TranscriptStep) []api.TranscriptStep {
	size := 0
	for i := range steps {
		if size += len(steps[i].Body); size > pageBytes && i > 0 {
			return steps[:i]
		}
	}
	return steps
}

func (e *economy) auctionStats(ctx context.Context, _ *api.Empty) (*api.AuctionsStatsResponse, error) {
	v, revision, err := read(ctx, e, "", func(s *realm.State, _ time.Time) (api.AuctionsStatsResponse, error) { return s.Auctions.Stats(), nil })
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return &v, nil
}

// solving lets one winner determination run at a time: another core is for everybody else.
var solving = make(chan struct{}, 1)

// runSolve determines the winners of a combinatorial auction.
func (e *economy) runSolve(ctx context.Context, f engine.Effect) ([]byte, error) {
	select {
	case solving <- struct{}{}:
		defer func() { <-solving }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return auction.Solve(f.Body)
}

// mechanisms answers with the cards of mechanisms.
func mechanisms(_ context.Context, r *api.MechanismsRequest) (*api.MechanismsResponse, error) {
	cards := card.Cards()
	if r.Name != "" {
		one, ok := card.Find(r.Name)
		if !ok {
			return nil, api.Errorf(api.NotFound, "there is no mechanism %s", r.Name).WithReason(api.ReasonMechanismNotFound).WithFields("name")
		}
		cards = []card.Card{one}
	}
	resp := &api.MechanismsResponse{Mechanisms: make([]api.MechanismCard, len(cards))}
	for i, c := range cards {
		v := api.MechanismCard{Name: c.Name, Kind: c.Kind, Summary: c.Summary, When: c.When, Formula: c.Formula, Paper: c.Paper}
		for _, p := range c.Promises {
			v.Properties = append(v.Properties, api.MechanismProperty{Name: p.Name, Holds: p.Holds, Condition: p.Condition, Test: p.Test})
		}
		if c.Regret != nil {
			v.Regret = &api.MechanismRegret{Mean: c.Regret.Mean, Max: c.Regret.Max, Setting: c.Regret.Setting}
		}
		resp.Mechanisms[i] = v
	}
	return resp, nil
}
