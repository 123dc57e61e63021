package client

import (
	"context"
	"iter"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Ledger moves money: accounts, what is held in them, assets and allowances. A call that fails has changed nothing, or was carried out
// once, however often the client has had to repeat it.
type Ledger struct {
	conn *rpc.Conn
	seen *session
}

// Account returns what an account has, for example of "a1" or "a1/savings/gold".
func (s Ledger) Account(ctx context.Context, id api.AccountID) (*api.LedgerAccount, error) {
	return read(s.seen, "", func(revision string) (*api.LedgerAccount, error) {
		return look(ctx, s.conn, api.AccountsGet, &api.AccountGetRequest{Account: id, MinRevision: revision})
	})
}

// Accounts returns the accounts of an owner in the order of their ids.
func (s Ledger) Accounts(ctx context.Context, owner string) ([]api.LedgerAccount, error) {
	return allPages(ctx, s.conn, s.seen, api.AccountsList, func(after, revision string) *api.AccountsListRequest {
		return &api.AccountsListRequest{Owner: owner, After: after, Limit: api.MaxPage, MinRevision: revision}
	}, func(r *api.AccountsListResponse) ([]api.LedgerAccount, string) { return r.Accounts, r.Next })
}

// allPages asks for one page after the other.
func allPages[Req, Resp, T any](ctx context.Context, conn *rpc.Conn, seen *session, m api.Method[Req, Resp],
	ask func(after, revision string) *Req, page func(*Resp) (rows []T, next string),
) ([]T, error) {
	var all []T
	for after := ""; ; {
		resp, err := read(seen, "", func(revision string) (*Resp, error) { return look(ctx, conn, m, ask(after, revision)) })
		if err != nil {
			return nil, err
		}
		rows, next := page(resp)
		all = append(all, rows...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// Transfer moves an amount: failed_precondition (insufficient_funds, allowance_exceeded), permission_denied (not_owner, not_spender).
func (s Ledger) Transfer(ctx context.Context, r api.TransferRequest) (*api.TransferResponse, error) {
	resp, err := change(ctx, s.conn, api.AccountsTransfer, &r)
	return changed(s.seen, func(r *api.TransferResponse) string { return r.Revision }, resp, err)
}

// Mint makes units of the account's asset: permission_denied (operator_only, not_issuer).
func (s Ledger) Mint(ctx context.Context, r api.MintRequest) (*api.LedgerAccount, error) {
	resp, err := change(ctx, s.conn, api.AccountsMint, &r)
	return changed(s.seen, func(a *api.LedgerAccount) string { return a.Revision }, resp, err)
}

// Burn takes units of the account's asset out of the world: permission_denied (operator_only, not_issuer, not_owner).
func (s Ledger) Burn(ctx context.Context, r api.BurnRequest) (*api.LedgerAccount, error) {
	resp, err := change(ctx, s.conn, api.AccountsBurn, &r)
	return changed(s.seen, func(a *api.LedgerAccount) string { return a.Revision }, resp, err)
}

// Statement yields the entries of an account, the newest first, of those that are not later than until; a zero until asks for all.
func (s Ledger) Statement(ctx context.Context, id api.AccountID, until time.Time) iter.Seq2[api.LedgerEntry, error] {
	return func(yield func(api.LedgerEntry, error) bool) {
		for before := uint64(0); ; {
			page, err := read(s.seen, "", func(revision string) (*api.StatementResponse, error) {
				return look(ctx, s.conn, api.AccountsStatement, &api.StatementRequest{Account: id, Before: before, Until: until, MinRevision: revision})
			})
			if err != nil {
				yield(api.LedgerEntry{}, err)
				return
			}
			for _, e := range page.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if before = page.Next; before == 0 {
				return
			}
		}
	}
}

// Wait returns an account once it has an entry after that of a number, or ctx ends.
func (s Ledger) Wait(ctx context.Context, id api.AccountID, after uint64) (*api.LedgerAccount, error) {
	a, err := until(ctx, func(ctx context.Context) (*api.LedgerAccount, error) {
		return rpc.Call(ctx, s.conn, api.AccountsWait, &api.AccountWaitRequest{Account: id, After: after, Wait: followWait})
	}, func(a *api.LedgerAccount) bool { return a.Entries > after })
	return changed(s.seen, func(a *api.LedgerAccount) string { return a.Revision }, a, err)
}

// CreateAsset makes an asset that the client's principal issues: conflict (asset_exists).
func (s Ledger) CreateAsset(ctx context.Context, id, description string) (*api.Asset, error) {
	resp, err := change(ctx, s.conn, api.AssetsCreate, &api.AssetCreateRequest{ID: id, Description: description})
	return changed(s.seen, func(a *api.Asset) string { return a.Revision }, resp, err)
}

// Assets returns the assets in the order of their ids.
func (s Ledger) Assets(ctx context.Context) ([]api.Asset, error) {
	return allPages(ctx, s.conn, s.seen, api.AssetsList, func(after, revision string) *api.PageRequest {
		return &api.PageRequest{After: after, Limit: api.MaxPage, MinRevision: revision}
	}, func(r *api.AssetsListResponse) ([]api.Asset, string) { return r.Assets, r.Next })
}

// Hold sets an amount aside for a beneficiary: conflict (hold_exists), and what Transfer refuses.
func (s Ledger) Hold(ctx context.Context, r api.HoldCreateRequest) (*api.Hold, error) {
	resp, err := change(ctx, s.conn, api.HoldsCreate, &r)
	return changed(s.seen, func(h *api.Hold) string { return h.Revision }, resp, err)
}

// Capture pays a hold, or a part of it: not_found (hold_not_found), failed_precondition (insufficient_hold).
func (s Ledger) Capture(ctx context.Context, r api.HoldCaptureRequest) (*api.TransferResponse, error) {
	resp, err := change(ctx, s.conn, api.HoldsCapture, &r)
	return changed(s.seen, func(r *api.TransferResponse) string { return r.Revision }, resp, err)
}

// Release gives what is held back, and returns the hold as it was: not_found (hold_not_found).
func (s Ledger) Release(ctx context.Context, id string) (*api.Hold, error) {
	resp, err := change(ctx, s.conn, api.HoldsRelease, &api.HoldKey{ID: id})
	return changed(s.seen, func(h *api.Hold) string { return h.Revision }, resp, err)
}

// Held returns an open hold: not_found (hold_not_found).
func (s Ledger) Held(ctx context.Context, id string) (*api.Hold, error) {
	return read(s.seen, "", func(revision string) (*api.Hold, error) {
		return look(ctx, s.conn, api.HoldsGet, &api.HoldKey{ID: id, MinRevision: revision})
	})
}

// Holds returns the open holds in an account, or of an owner or a beneficiary, whichever the request names.
func (s Ledger) Holds(ctx context.Context, r api.HoldsListRequest) ([]api.Hold, error) {
	return allPages(ctx, s.conn, s.seen, api.HoldsList, func(after, revision string) *api.HoldsListRequest {
		q := r
		q.After, q.Limit, q.MinRevision = after, api.MaxPage, revision
		return &q
	}, func(r *api.HoldsListResponse) ([]api.Hold, string) { return r.Holds, r.Next })
}

// Allow sets an allowance: permission_denied (not_owner).
func (s Ledger) Allow(ctx context.Context, spec api.AllowanceSpec) (*api.Allowance, error) {
	resp, err := change(ctx, s.conn, api.AllowancesSet, &spec)
	return changed(s.seen, func(a *api.Allowance) string { return a.Revision }, resp, err)
}

// Disallow removes an allowance, and returns it as it was: not_found (allowance_not_found).
func (s Ledger) Disallow(ctx context.Context, id string) (*api.Allowance, error) {
	resp, err := change(ctx, s.conn, api.AllowancesRemove, &api.DeregisterRequest{ID: id})
	return changed(s.seen, func(a *api.Allowance) string { return a.Revision }, resp, err)
}

// Allowance returns an allowance: not_found (allowance_not_found).
func (s Ledger) Allowance(ctx context.Context, id string) (*api.Allowance, error) {
	return read(s.seen, "", func(revision string) (*api.Allowance, error) {
		return look(ctx, s.conn, api.AllowancesGet, &api.GetRequest{ID: id, MinRevision: revision})
	})
}

// Allowances returns the allowances of an owner's accounts, or for a spender, whichever the request names.
func (s Ledger) Allowances(ctx context.Context, r api.AllowancesListRequest) ([]api.Allowance, error) {
	return allPages(ctx, s.conn, s.seen, api.AllowancesList, func(after, revision string) *api.AllowancesListRequest {
		q := r
		q.After, q.Limit, q.MinRevision = after, api.MaxPage, revision
		return &q
	}, func(r *api.AllowancesListResponse) ([]api.Allowance, string) { return r.Allowances, r.Next })
}

// Audit counts the whole ledger: permission_denied (operator_only).
func (s Ledger) Audit(ctx context.Context) (*api.AuditResponse, error) {
	return read(s.seen, "", func(revision string) (*api.AuditResponse, error) {
		return look(ctx, s.conn, api.LedgerAudit, &api.AuditRequest{MinRevision: revision})
	})
}
