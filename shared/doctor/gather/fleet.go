package gather

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/doctor"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	page     = 1000
	maxPages = 200 // of one list
)

// list calls f for each page of a list, and tells whether it came to its end.
func list[Req, Resp any](ctx context.Context, g *gathering, what string, m api.Method[Req, Resp], req func(cursor string) *Req, f func(r *Resp) (next string)) bool {
	if slices.Contains(g.facts.Silent, m.Service) {
		return false
	}
	cursor := ""
	for range maxPages {
		ask, cancel := context.WithTimeout(ctx, askTime)
		resp, err := rpc.Call(ask, g.conn, m, req(cursor))
		cancel()
		if api.ReasonOf(err) == api.ReasonNobodyListens {
			g.facts.Silent = append(g.facts.Silent, m.Service)
			return false
		}
		if err != nil {
			g.failed(what, err)
			return false
		}
		if cursor = f(resp); cursor == "" {
			return true
		}
	}
	return false
}

func (g *gathering) services(ctx context.Context) {
	g.facts.Looked.Services = list(ctx, g, "services", api.ServicesList, func(cursor string) *api.ServicesListRequest {
		return &api.ServicesListRequest{Limit: page, Cursor: cursor}
	}, func(r *api.ServicesListResponse) string {
		for _, s := range r.Services {
			g.facts.Services = append(g.facts.Services, doctor.Instance{ID: s.ID, Name: s.Name, Version: s.Version, Live: s.Status != api.HostDead, Since: s.RegisteredAt})
		}
		return r.Next
	})
}

func (g *gathering) hosts(ctx context.Context) {
	g.facts.Looked.Hosts = list(ctx, g, "hosts", api.HostsList, func(cursor string) *api.HostsListRequest {
		return &api.HostsListRequest{Limit: page, Cursor: cursor}
	}, func(r *api.HostsListResponse) string {
		for _, h := range r.Hosts {
			g.facts.Hosts = append(g.facts.Hosts, doctor.Host{ID: h.ID, Version: h.Version, Live: h.Status == api.HostLive, Draining: h.Draining})
		}
		return r.Next
	})
}

func (g *gathering) agents(ctx context.Context) {
	g.facts.Looked.Agents = list(ctx, g, "agents", api.AgentsList, func(cursor string) *api.AgentsListRequest {
		return &api.AgentsListRequest{Limit: page, Cursor: cursor}
	}, func(r *api.AgentsListResponse) string {
		for _, a := range r.Agents {
			g.facts.Agents = append(g.facts.Agents, doctor.Agent{ID: a.ID, Host: a.Host, Status: a.Status, Wanted: a.Wanted, Changed: a.ChangedAt})
		}
		return r.Next
	})
}

// tasks looks at those that a host has.
func (g *gathering) tasks(ctx context.Context) {
	if !g.anyHost() {
		return // who could say is not there, which is a finding of its own
	}
	list(ctx, g, "tasks", api.TasksList, func(cursor string) *api.TasksListRequest {
		return &api.TasksListRequest{Status: api.TaskQueued, Limit: page, Cursor: cursor}
	}, func(r *api.TasksListResponse) string {
		for _, t := range r.Tasks {
			if t.Host != "" && t.Status == api.TaskRunning {
				g.facts.Tasks = append(g.facts.Tasks, doctor.Task{ID: t.ID, Host: t.Host, Started: t.StartedAt})
			}
		}
		return r.Next
	})
}

func (g *gathering) anyHost() bool {
	for _, h := range g.facts.Hosts {
		if h.Live {
			return true
		}
	}
	return false
}

// health asks the performance monitor which replicas are ready, and compares its clock.
func (g *gathering) health(ctx context.Context) {
	live := false
	for _, s := range g.facts.Services {
		live = live || s.Name == api.HealthGet.Service && s.Live
	}
	if !live {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*askTime)
	defer cancel()
	sent := time.Now()
	h, err := rpc.Call(ctx, g.conn, api.HealthGet, &api.HealthRequest{})
	if err != nil {
		g.failed("health", err)
		return
	}
	took := time.Since(sent)
	g.facts.Clocks = append(g.facts.Clocks, doctor.Clock{Who: "perfmon", Ahead: h.At.Sub(sent.Add(took / 2)), Within: took / 2})
	g.facts.Ready = map[string]doctor.Ready{}
	for _, s := range h.Services {
		g.facts.Ready[s.Name] = doctor.Ready{Ready: s.Ready, Live: s.Live}
	}
}
