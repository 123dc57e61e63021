package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
)

func (e *economy) getHold(ctx context.Context, r *api.HoldKey) (*api.Hold, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.Hold, error) {
		h := s.Ledger.Holds[r.ID]
		if h == nil {
			return nil, ledger.NoHold(r.ID)
		}
		if err := e.looks(ctx, h.Account.Owner(), h.Beneficiary, h.Holder); err != nil {
			return nil, ledger.NoHold(r.ID) // that there is one may be a secret too
		}
		return h.View(r.ID), nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) listHolds(ctx context.Context, r *api.HoldsListRequest) (*api.HoldsListResponse, error) {
	owner := r.Owner + r.Beneficiary
	if r.Account != "" {
		owner = r.Account.Owner()
	}
	if err := e.looks(ctx, owner); err != nil {
		return nil, err
	}
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.HoldsListResponse, error) {
		ids, next := pick(s.Ledger.Holds, r.After, r.Limit, func(_ string, h *ledger.Hold) bool {
			switch {
			case r.Account != "":
				return h.Account == r.Account
			case r.Beneficiary != "":
				return h.Beneficiary == r.Beneficiary
			}
			return h.Account.Owner() == r.Owner
		})
		resp := &api.HoldsListResponse{Holds: make([]api.Hold, len(ids)), Next: next}
		for i, id := range ids {
			resp.Holds[i] = *s.Ledger.Holds[id].View(id)
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) getAllowance(ctx context.Context, r *api.GetRequest) (*api.Allowance, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.Allowance, error) {
		a := s.Ledger.Allowances[r.ID]
		if a == nil {
			return nil, ledger.NoAllowance(r.ID)
		}
		if err := e.looks(ctx, a.Spec.Account.Owner(), a.Spec.Spender); err != nil {
			return nil, err
		}
		return a.View(), nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) listAllowances(ctx context.Context, r *api.AllowancesListRequest) (*api.AllowancesListResponse, error) {
	if err := e.looks(ctx, r.Owner+r.Spender); err != nil {
		return nil, err
	}
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.AllowancesListResponse, error) {
		ids, next := pick(s.Ledger.Allowances, r.After, r.Limit, func(_ string, a *ledger.Allowance) bool {
			return r.Owner != "" && a.Spec.Account.Owner() == r.Owner || r.Spender != "" && a.Spec.Spender == r.Spender
		})
		resp := &api.AllowancesListResponse{Allowances: make([]api.Allowance, len(ids)), Next: next}
		for i, id := range ids {
			resp.Allowances[i] = *s.Ledger.Allowances[id].View()
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}
