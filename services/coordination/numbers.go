package coordination

import (
	"context"

	"github.com/mabus-project/mabus/services/coordination/primitive"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

func (s *Service) handleNumbers(srv *rpc.Server) {
	rpc.Handle(srv, api.CountersAdd, s.addCounter)
	rpc.Handle(srv, api.CountersGet, s.getCounter)
	rpc.Handle(srv, api.CountersRemove, func(ctx context.Context, r *api.DeregisterRequest) (*api.DeregisterResponse, error) {
		return s.counters.remove(ctx, rpc.CauseFrom(ctx), r.ID)
	})
	rpc.Handle(srv, api.SequencesNext, s.nextNumbers)
}

func (s *Service) addCounter(ctx context.Context, r *api.CounterAddRequest) (*api.Counter, error) {
	by := int64(1)
	if r.By != nil {
		by = *r.By
	}
	return counter(s.counters.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *api.Counter) (*api.Counter, error) {
		return primitive.AddCounter(old, r.Name, by)
	}))
}

func (s *Service) getCounter(ctx context.Context, r *api.GetRequest) (*api.Counter, error) {
	res, err := s.counters.get(ctx, r.ID, r.MinRevision)
	if err == nil && !res.Existed {
		res.Value = &api.Counter{Name: r.ID}
	}
	return counter(res, err)
}

func counter(res kv.Result[api.Counter], err error) (*api.Counter, error) {
	return stamped(res, err, func(c *api.Counter, rev string) { c.Revision = rev })
}

func (s *Service) nextNumbers(ctx context.Context, r *api.SequenceNextRequest) (*api.SequenceRange, error) {
	n := max(r.N, 1)
	res, err := s.sequences.change(ctx, rpc.CauseFrom(ctx), r.Name, func(old *api.SequenceRange) (*api.SequenceRange, error) {
		return primitive.NextRange(old, r.Name, n)
	})
	return stamped(res, err, func(v *api.SequenceRange, rev string) { v.Revision = rev })
}
