package console

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Hosts tell all of their load every 5 s; two of those reports may be lost before what was said counts no more.
const (
	loadCounts = 11 * time.Second
	maxLoads   = 50_000 // agents whose load is kept
)

// loads hears what hosts tell of themselves and of their agents. Its two feeds share what was heard.
type loads struct {
	mu     sync.Mutex
	hosts  map[string]heard[api.HostLoad] // by lease, without agents
	agents map[string]heard[api.AgentLoad]
	sub    *nats.Subscription
	closed bool
}

type heard[T any] struct {
	told T
	at   time.Time
}

// feeds are the tables of hosts and of agents that have something to do.
func (l *loads) feeds() []feed {
	return []feed{
		{table: "loads", read: l.readHosts, close: l.close},
		{table: "work", read: l.readAgents},
	}
}

func (l *loads) listen(c *client.Client) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sub != nil || l.closed {
		return nil
	}
	l.hosts, l.agents = map[string]heard[api.HostLoad]{}, map[string]heard[api.AgentLoad]{}
	nc, ns := c.Conn().NC, c.Conn().Namespace
	sub, err := nc.Subscribe(api.LoadSubject(ns, "*"), func(m *nats.Msg) {
		var told api.HostLoad
		if m.Subject != api.LoadRequestSubject(ns) && codec.Read(m.Data, &told) == nil && told.Validate() == nil {
			l.hear(told, time.Now())
		}
	})
	if err != nil {
		return api.Errorf(api.Unavailable, "the loads of hosts cannot be heard: %v", err)
	}
	l.sub = sub
	return nc.Publish(api.LoadRequestSubject(ns), nil)
}

// hear takes a report in, unless a newer one of the same host has come.
func (l *loads) hear(told api.HostLoad, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.hosts[told.Lease]
	if known && told.Seq <= last.told.Seq || !known && len(l.hosts) >= maxRows {
		return
	}
	for _, a := range told.Agents {
		if _, known := l.agents[a.ID]; known || len(l.agents) < maxLoads {
			l.agents[a.ID] = heard[api.AgentLoad]{a, now}
		}
	}
	told.Agents = nil
	l.hosts[told.Lease] = heard[api.HostLoad]{told, now}
}

func (l *loads) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed = true; l.sub != nil {
		_ = l.sub.Unsubscribe()
	}
}

// fresh returns what still counts, and forgets the rest.
func fresh[T any](all map[string]heard[T]) (told []T) {
	for key, h := range all {
		if time.Since(h.at) > loadCounts {
			delete(all, key)
			continue
		}
		told = append(told, h.told)
	}
	return told
}

// readHosts has the last reports of hosts.
func (l *loads) readHosts(_ context.Context, c *client.Client) (got rows, err error) {
	if err := l.listen(c); err != nil {
		return rows{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range fresh(l.hosts) {
		h.Seq = 0 // it counts messages, which is no news
		got.add(h.Host, h)
	}
	return got, nil
}

// readAgents has the loads of agents; of very many the busiest.
func (l *loads) readAgents(_ context.Context, c *client.Client) (got rows, err error) {
	if err := l.listen(c); err != nil {
		return rows{}, err
	}
	l.mu.Lock()
	all := fresh(l.agents)
	l.mu.Unlock()
	got.total = len(all)
	if len(all) > maxRows {
		slices.SortFunc(all, func(a, b api.AgentLoad) int {
			return cmp.Or(cmp.Compare(b.Waiting+b.Active, a.Waiting+a.Active), strings.Compare(a.ID, b.ID))
		})
		all = all[:maxRows]
	}
	for _, a := range all {
		got.add(a.ID, a)
	}
	return got, nil
}
