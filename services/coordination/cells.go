package coordination

import (
	"context"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleCells(srv *rpc.Server) {
	rpc.Handle(srv, api.CellsOpen, s.openCell)
	rpc.Handle(srv, api.CellsPut, s.putCell)
	rpc.Handle(srv, api.CellsGet, s.getCell)
	rpc.Handle(srv, api.CellsRemove, s.removeCell)
}

func (s *Service) openCell(ctx context.Context, r *api.CellOpenRequest) (*api.Cell, error) {
	return cell(s.cells.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *api.Cell) (*api.Cell, error) {
		return primitive.OpenCell(old, r.Name, r.Token)
	}))
}

func (s *Service) putCell(ctx context.Context, r *api.CellPutRequest) (*api.Cell, error) {
	return cell(s.cells.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *api.Cell) (*api.Cell, error) {
		return primitive.PutCell(old, r.Name, r.Token, r.Value)
	}))
}

func (s *Service) getCell(ctx context.Context, r *api.GetRequest) (*api.Cell, error) {
	res, err := s.cells.get(ctx, r.ID, r.MinRevision)
	if err == nil && !res.Existed {
		return nil, api.Errorf(api.NotFound, "there is no cell %s: nobody has ever opened it", r.ID).WithReason(api.ReasonCellNotFound)
	}
	return cell(res, err)
}

func (s *Service) removeCell(ctx context.Context, r *api.CellOpenRequest) (*api.Empty, error) {
	_, err := s.cells.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *api.Cell) (*api.Cell, error) {
		return primitive.EmptyCell(old, r.Name, r.Token)
	})
	if err != nil {
		return nil, err
	}
	return &api.Empty{}, nil
}

func cell(res kv.Result[api.Cell], err error) (*api.Cell, error) {
	return stamped(res, err, func(c *api.Cell, rev string) { c.Revision = rev })
}
