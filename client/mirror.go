package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// MirrorOptions says which agents a mirror holds: those that meet every given condition. The zero value means all of them.
type MirrorOptions struct {
	Type         string
	Capabilities []string // the agent has all of them
	Tags         []string // the agent has all of them
	Status       api.AgentStatus
	Host         string
}

// AgentMirror is a copy of the registry's agents in this process, which follows every change. Reading from it never waits
// and asks nobody. Others are a moment ahead of it; Age bounds by how much. It is safe for concurrent use.
//
// The agents that it returns are shared by all who ask: do not change them, nor what they point to. Their Revision is empty;
// whoever needs one for an update asks Agents.Get.
type AgentMirror struct{ kv agentCopy }

// agentCopy is what a mirror reads from: the store itself, or lists of the registry where the store is not to be had.
type agentCopy interface {
	Get(id string) (*api.Agent, uint64, bool)
	Range(f func(id string, a *api.Agent, rev uint64) bool)
	Len() int
	Synced() bool
	Age() time.Duration
	Stop()
}

// MirrorAgents returns a mirror that has loaded what it is to hold. Agents that do not meet the conditions take no memory.
// Credentials that may not use JetStream have one that asks the registry once a second, and begins with what a replica of it knows.
// It is not_found when no registry has run in the namespace yet, and unavailable when the load is not done before ctx ends.
// The mirror lives until Close, not until the end of ctx.
func (c *Client) MirrorAgents(ctx context.Context, o MirrorOptions) (*AgentMirror, error) {
	list := api.AgentsListRequest{Type: o.Type, Capabilities: o.Capabilities, Tags: o.Tags, Status: o.Status, Host: o.Host}
	if err := list.Validate(); err != nil {
		return nil, err
	}
	if !c.conn.HasStores() {
		m, err := newListed(ctx, c.Agents, list)
		if err != nil {
			return nil, err
		}
		return &AgentMirror{m}, nil
	}
	bucket, err := kv.Attach(ctx, c.conn.JS, c.conn.Namespace, "agents")
	if err != nil {
		if api.AsError(err) != nil {
			return nil, err
		}
		return nil, noMirror(err)
	}
	opts := kv.MirrorOptions[api.Agent]{}
	if o.selective() {
		opts.Keep = o.meets
	}
	loading := kv.NewMirror(bucket, opts)
	m := &AgentMirror{loading}
	loading.Start()
	select {
	case <-loading.Ready():
		return m, nil
	case <-ctx.Done():
		m.Close()
		return nil, noMirror(fmt.Errorf("load: %w", context.Cause(ctx)))
	}
}

func noMirror(err error) error {
	if errors.Is(err, context.Canceled) {
		return api.Errorf(api.Cancelled, "the caller gave up waiting for a mirror of the agents")
	}
	return api.Errorf(api.Unavailable, "agents cannot be mirrored now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

// Get returns an agent, and whether the mirror holds it.
func (m *AgentMirror) Get(id string) (*api.Agent, bool) {
	a, _, ok := m.kv.Get(id)
	return a, ok
}

// List returns the agents in the order of their ids.
func (m *AgentMirror) List() []*api.Agent {
	list := make([]*api.Agent, 0, m.kv.Len())
	m.Range(func(a *api.Agent) bool {
		list = append(list, a)
		return true
	})
	slices.SortFunc(list, func(a, b *api.Agent) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// Range calls f for each agent, in no order, until f returns false. f must not wait: it holds up the mirror.
func (m *AgentMirror) Range(f func(a *api.Agent) bool) {
	m.kv.Range(func(_ string, a *api.Agent, _ uint64) bool { return f(a) })
}

// Len returns the number of agents.
func (m *AgentMirror) Len() int { return m.kv.Len() }

// Ready tells whether the mirror follows the registry now. While it does not, as during an outage, it answers with what it
// had, and Age grows.
func (m *AgentMirror) Ready() bool { return m.kv.Synced() }

// Age returns for how long the mirror may have missed changes. It is about a second while all is well.
func (m *AgentMirror) Age() time.Duration { return m.kv.Age() }

// Close ends the mirror and waits for its goroutines. What it holds stays readable.
func (m *AgentMirror) Close() { m.kv.Stop() }

func (o MirrorOptions) selective() bool {
	return o.Type != "" || len(o.Capabilities) > 0 || len(o.Tags) > 0 || o.Status != "" || o.Host != ""
}

func (o MirrorOptions) meets(a *api.Agent) bool {
	return (o.Type == "" || a.Type == o.Type) && (o.Status == "" || a.Status == o.Status) && (o.Host == "" || a.Host == o.Host) &&
		hasAll(a.Capabilities, o.Capabilities) && hasAll(a.Tags, o.Tags)
}

func hasAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}
