package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// fleet is the page of hosts, agents, their loads, and services.
func fleet(string) []feed {
	return append((&loads{}).feeds(), []feed{
		{table: "totals", slow: 2, hint: "event.registry.agents.>", read: func(ctx context.Context, c *client.Client) (rows, error) {
			s, err := c.Agents.Stats(ctx)
			if err != nil {
				return rows{}, err
			}
			s.ByCapability, s.ByType, s.ByHost = nil, nil, nil // these may be as many as agents
			return one("agents", s, nil)
		}},
		{table: "hosts", slow: 2, hint: "event.registry.hosts.>", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			for h, err := range c.Hosts.All(ctx, api.HostsListRequest{Limit: api.MaxPage}) {
				if err != nil {
					return rows{}, err
				}
				if len(got.by) == maxRows {
					got.open = true
					break
				}
				h.Modules, h.Revision = nil, ""
				got.add(h.ID, h)
			}
			return got, nil
		}},
		{table: "services", slow: 2, hint: "event.registry.services.>", read: func(ctx context.Context, c *client.Client) (got rows, err error) {
			for s, err := range c.Services.All(ctx, api.ServicesListRequest{Limit: api.MaxPage}) {
				if err != nil {
					return rows{}, err
				}
				if len(got.by) == maxRows {
					got.open = true
					break
				}
				s.Metadata, s.Revision = nil, ""
				got.add(s.ID, s)
			}
			return got, nil
		}},
		agents(),
	}...)
}

// agents follows the registry by a copy in this process, so that a large fleet costs no more than its changes.
func agents() feed {
	var m *client.AgentMirror
	return feed{
		table: "agents", slow: 0.5, hint: "event.registry.agents.>",
		read: func(ctx context.Context, c *client.Client) (rows, error) {
			if m == nil {
				var err error
				if m, err = c.MirrorAgents(ctx, client.MirrorOptions{}); err != nil {
					return rows{}, err
				}
			}
			if !m.Ready() {
				return rows{}, api.Errorf(api.Unavailable, "the registry is not followed at the moment: it is loaded anew")
			}
			all := make([]*api.Agent, 0, m.Len())
			m.Range(func(a *api.Agent) bool {
				all = append(all, a)
				return true
			})
			got := rows{total: len(all)}
			if len(all) > maxRows {
				slices.SortFunc(all, worthSeeing)
				all = all[:maxRows]
			}
			for _, a := range all {
				got.add(a.ID, shownAgent(a))
			}
			return got, nil
		},
		close: func() {
			if m != nil {
				m.Close()
			}
		},
	}
}

// worthSeeing orders agents of a large fleet: those that have failed first, then those on their way, then what has changed last.
func worthSeeing(a, b *api.Agent) int {
	rank := func(s api.AgentStatus) int {
		switch s {
		case api.AgentFailed:
			return 0
		case api.AgentStarting, api.AgentStopping:
			return 1
		}
		return 2
	}
	return cmp.Or(cmp.Compare(rank(a.Status), rank(b.Status)), b.ChangedAt.Compare(a.ChangedAt), strings.Compare(a.ID, b.ID))
}

// shownAgent is an agent without what may hold secrets, and without what is too much for a row.
func shownAgent(a *api.Agent) *api.Agent {
	s := *a
	s.Env, s.Config, s.Metadata, s.Revision, s.LastWords = nil, nil, nil, "", nil
	s.Command = nil // arguments may be secrets too
	if s.HTTP != nil {
		h := *s.HTTP
		h.Headers, h.System = nil, ""
		s.HTTP = &h
	}
	return &s
}

// agentDetail is what the registry and the host know of one agent.
func agentDetail(id string) []feed {
	return []feed{{table: "agent", hint: "event.registry.agents." + id, read: func(ctx context.Context, c *client.Client) (rows, error) {
		s, err := c.Agents.Status(ctx, id)
		if err != nil {
			return rows{}, err
		}
		words := s.Agent.LastWords
		s.Agent = *shownAgent(&s.Agent)
		s.Agent.LastWords = words
		return one(id, s, nil)
	}}}
}
