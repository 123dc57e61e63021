package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func balanceConfig(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Show and change by what agents are chosen"}
	group(cmd)
	get := &cobra.Command{
		Use: "get", Short: "Show the configuration", Example: "  mabus balance config get", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				s, err := c.Balancer.Config(ctx, api.BalanceGetRequest{})
				if err != nil {
					return err
				}
				return o.show(cmd, s, func(w io.Writer) { showBalanceConfig(w, s) })
			})
		},
	}
	set := &cobra.Command{
		Use: "set NAME=VALUE...", Short: "Change some of the configuration, for all replicas",
		Example: "  mabus balance config set strategy=least_outstanding\n  mabus balance config set max_active=50 max_cpu=0 ejection.time=5s",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			return o.with(cmd, func(ctx context.Context, c *client.Client) error {
				now, err := c.Balancer.Config(ctx, api.BalanceGetRequest{})
				if err != nil {
					return err
				}
				next, err := changedConfig(now.BalanceConfig, a)
				if err != nil {
					return fmt.Errorf("%w: %s: %w", errUsage, cmd.CommandPath(), err)
				}
				s, err := c.Balancer.SetConfig(ctx, api.BalanceSetRequest{Config: next, Version: &now.Version})
				if err != nil {
					return err
				}
				return o.show(cmd, s, func(w io.Writer) { showBalanceConfig(w, s) })
			})
		},
	}
	cmd.AddCommand(get, set)
	return cmd
}

func showBalanceConfig(w io.Writer, s *api.BalanceSettings) {
	c := &s.BalanceConfig
	row(w, "strategy", c.Strategy)
	row(w, "max_cpu", c.MaxCPU)
	row(w, "max_memory", c.MaxMemory)
	row(w, "max_memory_bytes", c.MaxMemoryBytes)
	row(w, "max_active", c.MaxActive)
	row(w, "shed", c.Shed)
	row(w, "stale_after", c.StaleAfter)
	row(w, "decay", c.Decay)
	row(w, "error_cost", c.ErrorCost)
	row(w, "slow_start", c.SlowStart)
	row(w, "load_bound", c.LoadBound)
	row(w, "ejection.consecutive_errors", c.Ejection.ConsecutiveErrors)
	row(w, "ejection.error_share", c.Ejection.ErrorShare)
	row(w, "ejection.slow_factor", c.Ejection.SlowFactor)
	row(w, "ejection.max_share", c.Ejection.MaxShare)
	row(w, "ejection.time", c.Ejection.Time)
	row(w, "ejection.max_time", c.Ejection.MaxTime)
	for _, id := range slices.Sorted(maps.Keys(c.Tenants)) {
		row(w, "tenants."+id, c.Tenants[id])
	}
	row(w, "version", s.Version)
}

// changedConfig returns a configuration with some of its fields changed: NAME=VALUE as the configuration has them in JSON, those inside of
// others as OUTER.NAME. An empty value removes one.
func changedConfig(c api.BalanceConfig, changes []string) (*api.BalanceConfig, error) {
	body, err := codec.Marshal(c)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		name, value, ok := strings.Cut(change, "=")
		if !ok {
			return nil, fmt.Errorf("%q is not NAME=VALUE", change)
		}
		raw := json.RawMessage(value)
		if value != "" && !codec.Valid(raw) {
			if raw, err = codec.Marshal(value); err != nil {
				return nil, err
			}
		}
		if body, err = withField(body, strings.SplitN(name, ".", 2), raw); err != nil {
			return nil, err
		}
	}
	next := new(api.BalanceConfig)
	if err := codec.Decode(body, next); err != nil {
		return nil, err
	}
	return next, next.Validate()
}

// withField returns a JSON object with one field of it changed, or removed if there is no value.
func withField(object json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(object) > 0 {
		if err := codec.Read(object, &fields); err != nil {
			return nil, err
		}
	}
	if len(path) > 1 {
		inner, err := withField(fields[path[0]], path[1:], value)
		if err != nil {
			return nil, err
		}
		value = inner
	}
	if fields[path[0]] = value; len(value) == 0 {
		delete(fields, path[0])
	}
	return codec.Marshal(fields)
}
