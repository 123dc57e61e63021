package economics

import (
	"context"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/services/economics/act"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/services/economics/tender"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleTenders(srv *rpc.Server) {
	create(e, srv, api.TendersAnnounce, "tender", func(r *api.TenderSpec) string { return r.ID })
	write(e, srv, api.TendersBid)
	write(e, srv, api.TendersWithdraw)
	write(e, srv, api.TendersAward)
	write(e, srv, api.TendersCancel)
	write(e, srv, api.TendersComplete)
	rpc.Handle(srv, api.TendersAnnounceMany, e.announceMany)
	rpc.Handle(srv, api.TendersBidMany, e.bidMany)
	rpc.Handle(srv, api.TendersGet, e.getTender)
	rpc.Handle(srv, api.TendersList, e.listTenders)
}

// manyAtOnce is how many commands of one bulk request are under way at the same time.
const manyAtOnce = 128

// oneOf carries out one part of a bulk request, as a command of its own.
type oneOf func(ctx context.Context, i int) (id, revision string, err error)

// many carries out the parts of a bulk request at the same time, so that they go into the log together.
func (e *economy) many(ctx context.Context, n int, one oneOf) (results []api.TenderResult, last string) {
	results = make([]api.TenderResult, n)
	revisions := make([]string, n)
	cause := rpc.CauseFrom(ctx)
	var group errgroup.Group
	group.SetLimit(manyAtOnce)
	for i := range n {
		group.Go(func() error {
			part := cause
			if part.RequestID != "" { // a repetition of the whole repeats each part
				part.RequestID += "." + strconv.Itoa(i)
			}
			var err error
			results[i].ID, revisions[i], err = one(rpc.WithCause(ctx, part), i)
			if err != nil {
				results[i].Error = rpc.Explain(err, e.cfg.Log)
			}
			return nil
		})
	}
	_ = group.Wait() // no error leaves it
	for _, revision := range revisions {
		if revision != "" {
			last = kv.Later(last, revision)
		}
	}
	return results, last
}

func (e *economy) announceMany(ctx context.Context, r *api.TendersAnnounceManyRequest) (*api.TendersAnnounceManyResponse, error) {
	resp := &api.TendersAnnounceManyResponse{}
	resp.Results, resp.Revision = e.many(ctx, len(r.Tenders), func(ctx context.Context, i int) (string, string, error) {
		spec := &r.Tenders[i]
		if err := spec.Validate(); err != nil {
			return spec.ID, "", err
		}
		var as act.Call
		if spec.ID != "" {
			var err error
			if as, err = e.taken(ctx, tender.Entity(spec.ID)); err != nil {
				return spec.ID, "", err
			}
		}
		t, err := do[api.Tender](ctx, e, "tenders.announce", spec, as)
		if err != nil {
			return spec.ID, "", err
		}
		return t.ID, t.Revision, nil
	})
	return resp, nil
}

func (e *economy) bidMany(ctx context.Context, r *api.TendersBidManyRequest) (*api.TendersBidManyResponse, error) {
	resp := &api.TendersBidManyResponse{}
	resp.Results, resp.Revision = e.many(ctx, len(r.Bids), func(ctx context.Context, i int) (string, string, error) {
		bid := &r.Bids[i]
		if err := bid.Validate(); err != nil {
			return bid.ID, "", err
		}
		b, err := do[api.TenderBid](ctx, e, "tenders.bid", bid, act.Call{})
		if err != nil {
			return bid.ID, "", err
		}
		return bid.ID, b.Revision, nil
	})
	return resp, nil
}

// getTender finds a tender among the live ones, or in the archive.
func (e *economy) getTender(ctx context.Context, r *api.TenderGetRequest) (*api.Tender, error) {
	by := rpc.CauseFrom(ctx).Principal
	var last *api.Tender
	look := func() (bool, error) {
		t, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.Tender, error) { return s.Tenders.View(r.ID, by, s.Contracts) })
		if api.ReasonOf(err) == api.ReasonTenderNotFound {
			t = new(api.Tender)
			if found, aerr := e.archived(ctx, tender.Entity(r.ID), t); found || aerr != nil {
				err = aerr
			}
		}
		if err != nil {
			return false, err
		}
		t.Revision = revision
		last = t
		return t.State.Over() || t.State != r.Since, nil
	}
	var err error
	if r.Wait == 0 {
		_, err = look()
	} else {
		err = e.await(ctx, tender.Entity(r.ID), r.Wait, look)
	}
	if err != nil {
		return nil, err
	}
	return last, nil
}

func (e *economy) listTenders(ctx context.Context, r *api.TendersListRequest) (*api.TendersListResponse, error) {
	by := rpc.CauseFrom(ctx).Principal
	var last *api.TendersListResponse
	look := func() (bool, error) {
		resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.TendersListResponse, error) {
			resp := &api.TendersListResponse{}
			resp.Tenders, resp.Next = s.Tenders.List(r, by, s.Contracts)
			return resp, nil
		})
		if err != nil {
			return false, err
		}
		resp.Revision = revision
		last = resp
		return len(resp.Tenders) > 0, nil
	}
	var err error
	if r.Wait == 0 {
		_, err = look()
	} else {
		err = e.await(ctx, tender.Board(r.Capability), r.Wait, look)
	}
	if err != nil {
		return nil, err
	}
	return last, nil
}
