package client

import (
	"context"
	"iter"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Hosts lists agent hosts.
type Hosts struct {
	conn *rpc.Conn
	seen *session
}

// Register registers an agent host under a live lease.
func (h Hosts) Register(ctx context.Context, host api.Host) (*api.Host, error) {
	resp, err := rpc.Call(ctx, h.conn, api.HostsRegister, &host)
	return changed(h.seen, func(x *api.Host) string { return x.Revision }, resp, err)
}

// Get returns a host: not_found (host_not_found) if there is none.
func (h Hosts) Get(ctx context.Context, req api.GetRequest) (*api.Host, error) {
	return read(h.seen, req.MinRevision, func(rev string) (*api.Host, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, h.conn, api.HostsGet, &req)
	})
}

// List returns one page of hosts.
func (h Hosts) List(ctx context.Context, req api.HostsListRequest) (*api.HostsListResponse, error) {
	return read(h.seen, req.MinRevision, func(rev string) (*api.HostsListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, h.conn, api.HostsList, &req)
	})
}

// All returns all hosts that meet the request's conditions. An error ends it.
func (h Hosts) All(ctx context.Context, req api.HostsListRequest) iter.Seq2[api.Host, error] {
	return pages(func(cursor string) ([]api.Host, string, error) {
		req.Cursor = cursor
		resp, err := h.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Hosts, resp.Next, nil
	})
}

// Deregister removes a host, and tells whether there was one.
func (h Hosts) Deregister(ctx context.Context, id string) (bool, error) {
	resp, err := rpc.Call(ctx, h.conn, api.HostsDeregister, &api.DeregisterRequest{ID: id})
	if err != nil {
		return false, err
	}
	h.seen.wrote(resp.Revision)
	return resp.Existed, nil
}

// Services registers and lists instances of services.
type Services struct {
	conn *rpc.Conn
	seen *session
}

// Register registers an instance of a service.
func (s Services) Register(ctx context.Context, inst api.Service) (*api.Service, error) {
	resp, err := rpc.Call(ctx, s.conn, api.ServicesRegister, &inst)
	return changed(s.seen, func(x *api.Service) string { return x.Revision }, resp, err)
}

// Get returns an instance: not_found (service_not_found) if there is none.
func (s Services) Get(ctx context.Context, req api.GetRequest) (*api.Service, error) {
	return read(s.seen, req.MinRevision, func(rev string) (*api.Service, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, s.conn, api.ServicesGet, &req)
	})
}

// List returns one page of instances.
func (s Services) List(ctx context.Context, req api.ServicesListRequest) (*api.ServicesListResponse, error) {
	return read(s.seen, req.MinRevision, func(rev string) (*api.ServicesListResponse, error) {
		req.MinRevision = rev
		return rpc.Call(ctx, s.conn, api.ServicesList, &req)
	})
}

// All returns all instances that meet the request's conditions. An error ends it.
func (s Services) All(ctx context.Context, req api.ServicesListRequest) iter.Seq2[api.Service, error] {
	return pages(func(cursor string) ([]api.Service, string, error) {
		req.Cursor = cursor
		resp, err := s.List(ctx, req)
		if err != nil {
			return nil, "", err
		}
		return resp.Services, resp.Next, nil
	})
}

// WaitFor answers as soon as a live instance of the named service is registered: deadline_exceeded (timeout) otherwise.
func (s Services) WaitFor(ctx context.Context, req api.ServicesWaitForRequest) (*api.Service, error) {
	return rpc.Call(ctx, s.conn, api.ServicesWaitFor, &req)
}

// Deregister removes an instance, and tells whether there was one.
func (s Services) Deregister(ctx context.Context, id string) (bool, error) {
	resp, err := rpc.Call(ctx, s.conn, api.ServicesDeregister, &api.DeregisterRequest{ID: id})
	if err != nil {
		return false, err
	}
	s.seen.wrote(resp.Revision)
	return resp.Existed, nil
}

// Stats counts instances.
func (s Services) Stats(ctx context.Context) (*api.ServicesStatsResponse, error) {
	return rpc.Call(ctx, s.conn, api.ServicesStats, &api.Empty{})
}
