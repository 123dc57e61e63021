package economics

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/services/economics/draft"
	"github.com/mabus-project/mabus/services/economics/ledger"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleLedger(srv *rpc.Server) {
	write(e, srv, api.AccountsTransfer)
	write(e, srv, api.AccountsMint)
	write(e, srv, api.AccountsBurn)
	write(e, srv, api.AssetsCreate)
	write(e, srv, api.HoldsCreate)
	write(e, srv, api.HoldsCapture)
	write(e, srv, api.HoldsRelease)
	write(e, srv, api.AllowancesSet)
	write(e, srv, api.AllowancesRemove)
	rpc.Handle(srv, api.AccountsGet, e.getAccount)
	rpc.Handle(srv, api.AccountsList, e.listAccounts)
	rpc.Handle(srv, api.AccountsStatement, e.statement)
	rpc.Handle(srv, api.AccountsWait, e.waitForAccount)
	rpc.Handle(srv, api.AssetsList, e.listAssets)
	rpc.Handle(srv, api.HoldsGet, e.getHold)
	rpc.Handle(srv, api.HoldsList, e.listHolds)
	rpc.Handle(srv, api.AllowancesGet, e.getAllowance)
	rpc.Handle(srv, api.AllowancesList, e.listAllowances)
	rpc.Handle(srv, api.LedgerAudit, e.audit)
	rpc.Handle(srv, api.EconomicsRulesGet, func(ctx context.Context, _ *api.Empty) (*api.LogRules, error) { return e.log.Rules(ctx) })
	rpc.Handle(srv, api.EconomicsRulesUse, e.useRules)
}

// looks refuses who may not see what is one of the owners': what somebody has set aside for a bid is a secret like the bid. What the
// system owns is for everybody to see.
func (e *economy) looks(ctx context.Context, owners ...string) error {
	who := rpc.CauseFrom(ctx).Principal
	if who == "" {
		return api.Errorf(api.Unauthenticated, "say who asks: send the request as a principal").WithReason(api.ReasonPrincipalMissing)
	}
	if slices.Contains(owners, who) || slices.Contains(owners, api.SystemOwner) || e.isOperator(who) {
		return nil
	}
	return api.Errorf(api.PermissionDenied, "%s may not see what is %s's", who, strings.Join(owners, "'s and ")).WithReason(api.ReasonNotOwner)
}

func (e *economy) getAccount(ctx context.Context, r *api.AccountGetRequest) (*api.LedgerAccount, error) {
	if err := e.looks(ctx, r.Account.Owner()); err != nil {
		return nil, err
	}
	return e.account(ctx, r.Account, r.MinRevision)
}

// account reads what an account has. One that was never used is empty.
func (e *economy) account(ctx context.Context, id api.AccountID, minRevision string) (*api.LedgerAccount, error) {
	v, revision, err := read(ctx, e, minRevision, func(s *realm.State, _ time.Time) (*api.LedgerAccount, error) {
		if a := s.Ledger.Accounts[string(id)]; a != nil {
			return a.View(id), nil
		}
		return &api.LedgerAccount{ID: id}, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) waitForAccount(ctx context.Context, r *api.AccountWaitRequest) (*api.LedgerAccount, error) {
	if err := e.looks(ctx, r.Account.Owner()); err != nil {
		return nil, err
	}
	if err := e.await(ctx, string(r.Account), r.Wait, func() (bool, error) {
		now, err := e.account(ctx, r.Account, "")
		return err == nil && now.Entries > r.After, err
	}); err != nil {
		return nil, err
	}
	return e.account(ctx, r.Account, "")
}

// pick returns the ids of a page of those records that are kept, in their order, and where the next page begins.
func pick[T draft.Record[T]](all draft.Table[T], after string, limit int, keep func(id string, row T) bool) (ids []string, next string) {
	some := draft.Table[T]{}
	for id, row := range all {
		if id > after && keep(id, row) {
			some[id] = row
		}
	}
	return page(some, after, limit)
}

func (e *economy) listAccounts(ctx context.Context, r *api.AccountsListRequest) (*api.AccountsListResponse, error) {
	if err := e.looks(ctx, r.Owner); err != nil {
		return nil, err
	}
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.AccountsListResponse, error) {
		ids, next := pick(s.Ledger.Accounts, r.After, r.Limit, func(id string, _ *ledger.Account) bool { return api.AccountID(id).Owner() == r.Owner })
		resp := &api.AccountsListResponse{Accounts: make([]api.LedgerAccount, len(ids)), Next: next}
		for i, id := range ids {
			resp.Accounts[i] = *s.Ledger.Accounts[id].View(api.AccountID(id))
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) listAssets(ctx context.Context, r *api.PageRequest) (*api.AssetsListResponse, error) {
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.AssetsListResponse, error) {
		ids, next := page(s.Ledger.Assets, r.After, r.Limit)
		resp := &api.AssetsListResponse{Assets: make([]api.Asset, len(ids)), Next: next}
		for i, id := range ids {
			var issued api.Micro
			if a := s.Ledger.Accounts[string(ledger.IssueAccount(id))]; a != nil {
				issued = -a.Available
			}
			resp.Assets[i] = *s.Ledger.Assets[id].View(id, issued)
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) audit(ctx context.Context, r *api.AuditRequest) (*api.AuditResponse, error) {
	if !e.isOperator(rpc.CauseFrom(ctx).Principal) {
		return nil, api.Errorf(api.PermissionDenied, "only an operator may do that: it looks at all accounts").WithReason(api.ReasonOperatorOnly)
	}
	v, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.AuditResponse, error) {
		resp := &api.AuditResponse{Assets: s.Ledger.Totals(), Holds: len(s.Ledger.Holds), Agree: true}
		if err := s.Ledger.Audit(); err != nil {
			resp.Agree, resp.Fault = false, err.Error()
		}
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	v.Revision = revision
	return v, nil
}

func (e *economy) useRules(ctx context.Context, r *api.RulesUseRequest) (*api.LogRules, error) {
	if !e.isOperator(rpc.CauseFrom(ctx).Principal) {
		return nil, api.Errorf(api.PermissionDenied, "only an operator may do that: it changes the rules for everybody").WithReason(api.ReasonOperatorOnly)
	}
	return e.log.Use(ctx, r.Version)
}
