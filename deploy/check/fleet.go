package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

//go:embed count.sh
var counting string

const (
	counts     = "count"          // the capability of agents that count their messages
	echoes     = "echo"           // and of those that echo them
	settleTime = 20 * time.Second // in which every agent must run again
)

// fleet registers agents and says that they shall run.
func fleet(ctx context.Context, c *client.Client, n int) error {
	var specs []api.AgentSpec
	var ids []string
	for i := range n {
		specs = append(specs,
			api.AgentSpec{ID: fmt.Sprintf("%s-%d", counts, i), Capabilities: []string{counts}, Command: []string{"sh", "-c", counting}},
			api.AgentSpec{ID: fmt.Sprintf("%s-%d", echoes, i), Capabilities: []string{echoes}, Module: "echo"})
	}
	registered, err := c.Agents.RegisterMany(ctx, specs)
	if err != nil {
		return err
	}
	for _, r := range registered {
		if r.Error != nil {
			return r.Error
		}
		ids = append(ids, r.ID)
	}
	wanted, err := c.Agents.Want(ctx, ids, true)
	if err != nil {
		return err
	}
	for _, r := range wanted {
		if r.Error != nil {
			return r.Error
		}
	}
	return ask(ctx, c)
}

// ask waits until the registry says of every agent that it runs on a live host, and every agent has answered.
func ask(ctx context.Context, c *client.Client) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(client.Idempotent(ctx), settleTime)
	defer cancel()
	agents, err := list(ctx, c)
	if err != nil {
		return err
	}
	asked, each := errgroup.WithContext(ctx)
	for _, a := range agents {
		asked.Go(func() error {
			_, err := c.Call(each, a.ID, 1)
			if err != nil {
				return fmt.Errorf("agent %s: %w", a.ID, err)
			}
			return nil
		})
	}
	if err := asked.Wait(); err != nil {
		return err
	}
	answered := time.Since(begin)
	for {
		hosts, err := placed(ctx, c)
		if err == nil {
			fmt.Printf("%d agents answered after %s and are listed after %s, by host: %v\n", len(agents),
				answered.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond), slices.Sorted(maps.Values(hosts)))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s: %w", settleTime, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func list(ctx context.Context, c *client.Client) ([]api.Agent, error) {
	var agents []api.Agent
	for a, err := range c.Agents.All(ctx, api.AgentsListRequest{Limit: api.MaxPage}) {
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	if len(agents) == 0 {
		return nil, errors.New("there are no agents: check fleet first")
	}
	return agents, nil
}

// placed returns how many agents each host has, or an error while one of them does not run on a live one.
func placed(ctx context.Context, c *client.Client) (map[string]int, error) {
	hosts := map[string]int{}
	for h, err := range c.Hosts.All(ctx, api.HostsListRequest{Status: api.HostLive}) {
		if err != nil {
			return nil, err
		}
		hosts[h.ID] = 0
	}
	agents, err := list(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, a := range agents {
		if _, live := hosts[a.Host]; !live || a.Status != api.AgentRunning || !a.Wanted {
			return nil, fmt.Errorf("agent %s is %s %s on host %q, wanted: %t", a.ID, a.Status, a.Reason, a.Host, a.Wanted)
		}
		hosts[a.Host]++
	}
	return hosts, nil
}
