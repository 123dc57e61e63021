package economics

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/services/economics/contract"
	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (e *economy) handleContracts(srv *rpc.Server) {
	write(e, srv, api.ContractsDeliver)
	write(e, srv, api.ContractsAccept)
	write(e, srv, api.ContractsReject)
	write(e, srv, api.ContractsCancel)
	rpc.Handle(srv, api.ContractsGet, e.getContract)
	rpc.Handle(srv, api.ContractsList, e.listContracts)
	rpc.Handle(srv, api.ContractsStats, e.contractStats)
}

// getContract finds a contract among the live ones, or in the archive.
func (e *economy) getContract(ctx context.Context, r *api.ContractGetRequest) (*api.Contract, error) {
	var last *api.Contract
	look := func() (bool, error) {
		c, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.Contract, error) {
			c, err := s.Contracts.Get(r.ID)
			if err != nil {
				return nil, err
			}
			return c.Clone(), nil
		})
		if api.ReasonOf(err) == api.ReasonContractNotFound {
			c = new(api.Contract)
			if found, aerr := e.archived(ctx, contract.Entity(r.ID), c); found || aerr != nil {
				err = aerr
			}
		}
		if err != nil {
			return false, err
		}
		c.Revision = revision
		last = c
		return c.State.Over() || c.State != r.Since, nil
	}
	if r.Wait == 0 {
		_, err := look()
		return last, err
	}
	err := e.await(ctx, contract.Entity(r.ID), r.Wait, look)
	if err != nil {
		return nil, err
	}
	return last, nil
}

func (e *economy) listContracts(ctx context.Context, r *api.ContractsListRequest) (*api.ContractsListResponse, error) {
	resp, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (*api.ContractsListResponse, error) {
		resp := &api.ContractsListResponse{}
		resp.Contracts, resp.Next = s.Contracts.List(r)
		return resp, nil
	})
	if err != nil {
		return nil, err
	}
	resp.Revision = revision
	return resp, nil
}

func (e *economy) contractStats(ctx context.Context, r *api.ContractsStatsRequest) (*api.ContractStats, error) {
	stats, revision, err := read(ctx, e, r.MinRevision, func(s *realm.State, _ time.Time) (api.ContractStats, error) { return s.Contracts.Stats(), nil })
	stats.Revision = revision
	return &stats, err
}
