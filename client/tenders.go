package client

import (
	"context"
	"iter"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Tenders are tasks for which agents bid.
type Tenders struct {
	conn *rpc.Conn
	seen *session
}

// Announce announces a task and holds its budget.
func (s Tenders) Announce(ctx context.Context, spec api.TenderSpec) (*api.Tender, error) {
	resp, err := change(ctx, s.conn, api.TendersAnnounce, &spec)
	return s.changed(resp, err)
}

// AnnounceMany announces up to api.MaxBulk tasks, each by itself, and returns their results in order.
func (s Tenders) AnnounceMany(ctx context.Context, specs []api.TenderSpec) ([]api.TenderResult, error) {
	resp, err := change(ctx, s.conn, api.TendersAnnounceMany, &api.TendersAnnounceManyRequest{Tenders: specs})
	resp, err = changed(s.seen, func(r *api.TendersAnnounceManyResponse) string { return r.Revision }, resp, err)
	if err != nil {
		return nil, err
	}
	return resp.Results, nil
}

// Bid bids for a task in the name of the client's principal.
func (s Tenders) Bid(ctx context.Context, r api.TenderBidRequest) (*api.TenderBid, error) {
	resp, err := change(ctx, s.conn, api.TendersBid, &r)
	return changed(s.seen, func(b *api.TenderBid) string { return b.Revision }, resp, err)
}

// BidMany bids for up to api.MaxBulk tasks, for each by itself, and returns the results in order.
func (s Tenders) BidMany(ctx context.Context, bids []api.TenderBidRequest) ([]api.TenderResult, error) {
	resp, err := change(ctx, s.conn, api.TendersBidMany, &api.TendersBidManyRequest{Bids: bids})
	resp, err = changed(s.seen, func(r *api.TendersBidManyResponse) string { return r.Revision }, resp, err)
	if err != nil {
		return nil, err
	}
	return resp.Results, nil
}

// Withdraw takes the bid of the client's principal back.
func (s Tenders) Withdraw(ctx context.Context, id string) (*api.Tender, error) {
	resp, err := change(ctx, s.conn, api.TendersWithdraw, &api.TenderWithdrawRequest{ID: id})
	return s.changed(resp, err)
}

// Award awards a task now.
func (s Tenders) Award(ctx context.Context, id string) (*api.Tender, error) {
	resp, err := change(ctx, s.conn, api.TendersAward, &api.TenderAwardRequest{ID: id})
	return s.changed(resp, err)
}

// Cancel gives an open tender up.
func (s Tenders) Cancel(ctx context.Context, id, reason string) (*api.Tender, error) {
	resp, err := change(ctx, s.conn, api.TendersCancel, &api.TenderCancelRequest{ID: id, Reason: reason})
	return s.changed(resp, err)
}

// Complete tells what came of an awarded task, and settles its contract.
func (s Tenders) Complete(ctx context.Context, r api.TenderCompleteRequest) (*api.Tender, error) {
	resp, err := change(ctx, s.conn, api.TendersComplete, &r)
	return s.changed(resp, err)
}

// Get returns a tender: not_found (tender_not_found) if there is none.
func (s Tenders) Get(ctx context.Context, id string) (*api.Tender, error) {
	return read(s.seen, "", func(revision string) (*api.Tender, error) {
		return look(ctx, s.conn, api.TendersGet, &api.TenderGetRequest{ID: id, MinRevision: revision})
	})
}

// Wait waits until a tender is in one of the states, or has ended, or ctx ends, and returns how it stands. Without states it waits for
// the end.
func (s Tenders) Wait(ctx context.Context, id string, states ...api.TenderState) (*api.Tender, error) {
	var since api.TenderState
	t, err := until(ctx, func(ctx context.Context) (*api.Tender, error) {
		t, err := rpc.Call(ctx, s.conn, api.TendersGet, &api.TenderGetRequest{ID: id, Since: since, Wait: followWait})
		if err == nil {
			since = t.State
		}
		return t, err
	}, func(t *api.Tender) bool { return t.State.Over() || slices.Contains(states, t.State) })
	return s.changed(t, err)
}

// List returns one page of the live tenders that are asked for; with wait in the request, as soon as there is one.
func (s Tenders) List(ctx context.Context, r api.TendersListRequest) (*api.TendersListResponse, error) {
	if r.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Wait.Std()+graceWait)
		defer cancel()
	}
	return read(s.seen, r.MinRevision, func(revision string) (*api.TendersListResponse, error) {
		r.MinRevision = revision
		return look(ctx, s.conn, api.TendersList, &r)
	})
}

// All returns all live tenders that are asked for. An error ends it.
func (s Tenders) All(ctx context.Context, r api.TendersListRequest) iter.Seq2[api.Tender, error] {
	return pages(func(after string) ([]api.Tender, string, error) {
		if after != "" {
			r.After = after
		}
		resp, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return resp.Tenders, resp.Next, nil
	})
}

func (s Tenders) changed(t *api.Tender, err error) (*api.Tender, error) {
	return changed(s.seen, func(t *api.Tender) string { return t.Revision }, t, err)
}
