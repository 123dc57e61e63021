package bench

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

// hostConfig is what the process of an agent host is told.
type hostConfig struct {
	URL       string `json:"url"`
	Namespace string `json:"namespace"`
	// Bridge is the program that a bare subscriber passes requests on to; without one there are no bare subscribers.
	Bridge []string `json:"bridge,omitempty"`
	// Profile is a file for a CPU profile.
	Profile string `json:"profile,omitempty"`
}

// Subjects of the bare subscribers beside the host.
const (
	plainEcho = "plain.echo"
	plainExec = "plain.exec"
)

// startHost returns when the host takes agents.
func (r *run) startHost(ctx context.Context, cfg hostConfig) (*child, error) {
	c, err := r.startWorker(workHost, cfg)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = c.in.Close() })()
	if _, err := c.out.ReadString('\n'); err != nil {
		c.stop()
		return nil, fmt.Errorf("the agent host did not start: %w", err)
	}
	return c, nil
}

// beHost runs a registry and an agent host on one connection, as mabus up does, and bare subscribers on another, until in ends.
func beHost(ctx context.Context, cfg hostConfig, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := profile(cfg.Profile)
	if err != nil {
		return err
	}
	defer stop()
	if len(cfg.Bridge) > 0 {
		nc, err := nats.Connect(cfg.URL, nats.Name("mabus bench plain"))
		if err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		defer nc.Close()
		if _, err := nc.Subscribe(plainEcho, func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
			return err
		}
		end, err := bridge(nc, plainExec, cfg.Bridge)
		if err != nil {
			return err
		}
		defer end()
	}
	table := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{Modules: []agent.Module{echo.Module, speaker, newTicker()}}),
	}
	err = daemon.Run(ctx, daemon.Config{
		NATS: rpc.Options{URL: cfg.URL, Namespace: cfg.Namespace, Name: "mabus bench host"}, Version: "0.0.0",
		OnReady: func(*rpc.Conn) {
			if _, err := io.WriteString(out, "ready\n"); err != nil {
				cancel()
				return
			}
			go func() { // ends with the process, if not before
				_, _ = io.Copy(io.Discard, in)
				cancel()
			}()
		},
	}, table)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
