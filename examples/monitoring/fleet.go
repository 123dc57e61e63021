package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// settleTime is how long the performance monitor has for what was measured to arrive there.
const settleTime = 20 * time.Second

// fleet is the agents that are watched, which are the only ones of their type and capability.
type fleet struct {
	*agreement.Runtime
	kind string // their type, and their capability
}

func open(ctx context.Context, o options) (*fleet, error) {
	r, err := agreement.Open(ctx, agreement.Config{Server: o.server, Services: o.services, Modules: []agent.Module{worker}})
	if err != nil {
		return nil, err
	}
	f := &fleet{Runtime: r, kind: r.ID("thumbnail")}
	for _, m := range members {
		config, err := codec.Marshal(m.settings)
		if err == nil {
			_, err = r.Run(ctx, api.AgentSpec{ID: r.ID(m.name), Type: f.kind, Module: worker.Name, Capabilities: []string{f.kind}, Config: config})
		}
		if err != nil {
			return nil, fmt.Errorf("%w, and at the end: %w", err, r.Close(ctx))
		}
	}
	return f, nil
}

// part is one part of the load: what callers have seen, and what was measured of the agents.
type part struct {
	*seen
	agents []api.MetricSummary
	all    api.MetricSummary
	status api.MetricsStatus
}

// load asks the agents for a while, and then what was measured of them in that time.
func (f *fleet) load(ctx context.Context, c *client.Client, name string, o options) (*part, error) {
	if err := pause(ctx, 1100*time.Millisecond); err != nil { // figures are by the second: none is to be of two parts
		return nil, err
	}
	begin := time.Now()
	busy, cancel := context.WithTimeout(ctx, o.each)
	defer cancel()
	s, err := ask(busy, c, f.kind, name, o.callers)
	if err != nil {
		return nil, err
	}
	return f.measured(ctx, s, begin)
}

// measured returns what was measured of the agents since a time, as soon as all that was asked is in it.
func (f *fleet) measured(ctx context.Context, s *seen, begin time.Time) (*part, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for p := (&part{seen: s}); ; {
		when := api.MetricTime{From: begin.Truncate(time.Second), To: time.Now().Add(time.Second)}
		agents, err := f.Client.Metrics.Window(ctx, api.MetricsWindowRequest{
			MetricSelector: api.MetricSelector{Metric: api.MetricLatency, Type: f.kind}, MetricTime: when,
		})
		if err != nil {
			return nil, fmt.Errorf("ask what was measured: %w", err)
		}
		all, err := f.Client.Metrics.Window(ctx, api.MetricsWindowRequest{
			MetricSelector: api.MetricSelector{Metric: api.MetricLatency, Type: f.kind, Scope: api.MetricsOfType}, MetricTime: when,
		})
		if err != nil {
			return nil, fmt.Errorf("ask what was measured: %w", err)
		}
		p.agents, p.status = agents.Series, agents.Status
		if len(all.Series) == 1 && all.Series[0].Count >= uint64(s.asked) {
			p.all = all.Series[0]
			return p, nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return nil, fmt.Errorf("of %d messages not all were measured: %w", s.asked, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
