package client

import (
	"context"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Contracts are agreements whose price is held until they are settled.
type Contracts struct {
	conn *rpc.Conn
	seen *session
}

// Get returns a contract: not_found (contract_not_found) if there is none.
func (s Contracts) Get(ctx context.Context, id string) (*api.Contract, error) {
	return read(s.seen, "", func(revision string) (*api.Contract, error) {
		return look(ctx, s.conn, api.ContractsGet, &api.ContractGetRequest{ID: id, MinRevision: revision})
	})
}

// Wait waits until a contract is in one of the states, or has ended, or ctx ends, and returns how it stands. Without states it waits for
// the end.
func (s Contracts) Wait(ctx context.Context, id string, states ...api.ContractState) (*api.Contract, error) {
	var since api.ContractState
	c, err := until(ctx, func(ctx context.Context) (*api.Contract, error) {
		c, err := rpc.Call(ctx, s.conn, api.ContractsGet, &api.ContractGetRequest{ID: id, Since: since, Wait: followWait})
		if err == nil {
			since = c.State
		}
		return c, err
	}, func(c *api.Contract) bool { return c.State.Over() || slices.Contains(states, c.State) })
	return changed(s.seen, func(c *api.Contract) string { return c.Revision }, c, err)
}

// List returns the live contracts that are asked for, in the order of their ids.
func (s Contracts) List(ctx context.Context, r api.ContractsListRequest) ([]api.Contract, error) {
	return allPages(ctx, s.conn, s.seen, api.ContractsList, func(after, revision string) *api.ContractsListRequest {
		if r.MinRevision = revision; after != "" {
			r.After = after
		}
		return &r
	}, func(p *api.ContractsListResponse) ([]api.Contract, string) { return p.Contracts, p.Next })
}

// Deliver says that the client's principal has done what a contract is about. The result is anything that can be written as JSON, or nil.
func (s Contracts) Deliver(ctx context.Context, id string, result any) (*api.Contract, error) {
	body, err := optional(result)
	if err != nil {
		return nil, err
	}
	resp, err := change(ctx, s.conn, api.ContractsDeliver, &api.ContractDeliverRequest{ID: id, Result: body})
	return s.changed(resp, err)
}

// Accept accepts what was delivered, and settles the contract.
func (s Contracts) Accept(ctx context.Context, r api.ContractAcceptRequest) (*api.Contract, error) {
	resp, err := change(ctx, s.conn, api.ContractsAccept, &r)
	return s.changed(resp, err)
}

// Reject rejects what was delivered: a breach, or a dispute when the terms name a judge.
func (s Contracts) Reject(ctx context.Context, id, reason string) (*api.Contract, error) {
	resp, err := change(ctx, s.conn, api.ContractsReject, &api.ContractRejectRequest{ID: id, Reason: reason})
	return s.changed(resp, err)
}

// Cancel gives a contract up: it is cancelled when both parties have.
func (s Contracts) Cancel(ctx context.Context, r api.ContractCancelRequest) (*api.Contract, error) {
	resp, err := change(ctx, s.conn, api.ContractsCancel, &r)
	return s.changed(resp, err)
}

// Stats counts contracts since the log began.
func (s Contracts) Stats(ctx context.Context) (*api.ContractStats, error) {
	return read(s.seen, "", func(revision string) (*api.ContractStats, error) {
		return look(ctx, s.conn, api.ContractsStats, &api.ContractsStatsRequest{MinRevision: revision})
	})
}

func (s Contracts) changed(c *api.Contract, err error) (*api.Contract, error) {
	return changed(s.seen, func(c *api.Contract) string { return c.Revision }, c, err)
}
