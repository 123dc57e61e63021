package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Breakers stop a part of the economy when too much of it fails.
type Breakers struct {
	conn *rpc.Conn
	seen *session
}

func revisionOfBreaker(x *api.SystemicBreaker) string { return x.Revision }

// Set sets a breaker: permission_denied (operator_only).
func (s Breakers) Set(ctx context.Context, r api.SystemicBreakerSpec) (*api.SystemicBreaker, error) {
	resp, err := change(ctx, s.conn, api.BreakersSet, &r)
	return changed(s.seen, revisionOfBreaker, resp, err)
}

// Remove removes a breaker, and tells whether there was one: permission_denied (operator_only).
func (s Breakers) Remove(ctx context.Context, name string) (existed bool, err error) {
	resp, err := change(ctx, s.conn, api.BreakersRemove, &api.NameRequest{Name: name})
	return resp != nil && resp.Existed, err
}

// Reset closes a breaker: permission_denied (operator_only), not_found (breaker_not_found).
func (s Breakers) Reset(ctx context.Context, name string) (*api.SystemicBreaker, error) {
	resp, err := change(ctx, s.conn, api.BreakersReset, &api.NameRequest{Name: name})
	return changed(s.seen, revisionOfBreaker, resp, err)
}

// Report reports the share of agents or coordinations that fail: permission_denied (operator_only).
func (s Breakers) Report(ctx context.Context, metric api.RiskMetric, value api.Decimal) (*api.HealthResponse, error) {
	resp, err := change(ctx, s.conn, api.BreakersReport, &api.RiskReport{Metric: metric, Value: value})
	return changed(s.seen, func(x *api.HealthResponse) string { return x.Revision }, resp, err)
}

// Get returns a breaker: not_found (breaker_not_found).
func (s Breakers) Get(ctx context.Context, name string) (*api.SystemicBreaker, error) {
	return read(s.seen, "", func(revision string) (*api.SystemicBreaker, error) {
		return look(ctx, s.conn, api.BreakersGet, &api.NameRequest{Name: name, MinRevision: revision})
	})
}

// List returns all breakers, and the last times that one has tripped.
func (s Breakers) List(ctx context.Context) (*api.BreakersListResponse, error) {
	return read(s.seen, "", func(revision string) (*api.BreakersListResponse, error) {
		return look(ctx, s.conn, api.BreakersList, &api.PageRequest{MinRevision: revision})
	})
}

// Health tells how the economy does.
func (s Breakers) Health(ctx context.Context) (*api.HealthResponse, error) {
	return read(s.seen, "", func(revision string) (*api.HealthResponse, error) {
		return look(ctx, s.conn, api.BreakersHealth, &api.PageRequest{MinRevision: revision})
	})
}

// Screens test what agents have done for collusion.
type Screens struct {
	conn *rpc.Conn
}

// Collusion runs the tests that fit the request: invalid (invalid_screen).
func (s Screens) Collusion(ctx context.Context, r api.ScreenRequest) (*api.ScreenResponse, error) {
	return look(ctx, s.conn, api.ScreensCollusion, &r)
}
