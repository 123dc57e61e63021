package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

const workServe = "serve"

// serveConfig is what a process that runs one service is told.
type serveConfig struct {
	URL       string `json:"url"`
	Namespace string `json:"namespace"`
	Replicas  int    `json:"replicas,omitempty"`
	// Host is the id of an agent host; without one the process is a registry.
	Host string `json:"host,omitempty"`
}

// beService runs one service until in ends, which is an orderly end, or until it is killed.
func beService(ctx context.Context, cfg serveConfig, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	service := daemon.Service{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
		return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
	}}
	if cfg.Host != "" {
		service = agenthost.New(agenthost.Config{ID: cfg.Host, Modules: []agent.Module{echo.Module, keeper}})
	}
	err := daemon.Run(ctx, daemon.Config{
		NATS:    rpc.Options{URL: cfg.URL, Namespace: cfg.Namespace, Name: "mabus bench " + service.Name, Replicas: cfg.Replicas},
		Version: "0.0.0", Log: zerolog.Nop(),
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
	}, []daemon.Service{service})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// fleet is two registries and some agent hosts, each a process, with a client.
type fleet struct {
	r         *run
	cfg       serveConfig
	client    *client.Client
	registry  []*child
	hosts     map[string]*child
	generated int
}

func (r *run) newFleet(ctx context.Context, url, namespace string, replicas, hosts int) (f *fleet, err error) {
	f = &fleet{r: r, cfg: serveConfig{URL: url, Namespace: namespace, Replicas: replicas}, hosts: map[string]*child{}}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	for range 2 {
		c, err := f.serve("")
		if err != nil {
			return nil, err
		}
		f.registry = append(f.registry, c)
	}
	for range hosts {
		if _, err := f.addHost(); err != nil {
			return nil, err
		}
	}
	f.client, err = client.Connect(ctx, client.Options{URL: url, Namespace: namespace, Name: "mabus bench client"})
	return f, err
}

func (f *fleet) serve(host string) (*child, error) {
	cfg := f.cfg
	cfg.Host = host
	c, err := f.r.startWorker(workServe, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := c.out.ReadString('\n'); err != nil {
		c.stop()
		return nil, fmt.Errorf("a service did not start: %w", err)
	}
	return c, nil
}

func (f *fleet) addHost() (id string, err error) {
	id = fmt.Sprint("h", f.generated)
	f.generated++
	f.hosts[id], err = f.serve(id)
	if err != nil {
		delete(f.hosts, id)
	}
	return id, err
}

// drain ends a host in order, and returns when it has ended.
func (f *fleet) drain(id string) {
	f.hosts[id].stop()
	delete(f.hosts, id)
}

func (f *fleet) kill(id string) error {
	err := f.hosts[id].kill()
	delete(f.hosts, id)
	return err
}

func (f *fleet) stop() {
	if f.client != nil {
		f.client.Close()
	}
	for _, c := range f.hosts { // they need not hand anything over any more
		_ = c.kill()
	}
	for _, c := range f.registry {
		c.stop()
	}
}

// populate registers n agents, says that they are wanted, and waits until hosts have made all of them.
func (f *fleet) populate(ctx context.Context, n int, spec func(id string) api.AgentSpec) ([]string, error) {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("agent-%05d", i)
	}
	for first := 0; first < n; first += api.MaxBulk {
		part := ids[first:min(first+api.MaxBulk, n)]
		specs := make([]api.AgentSpec, len(part))
		for i, id := range part {
			specs[i] = spec(id)
		}
		results, err := f.client.Agents.RegisterMany(ctx, specs)
		if err := firstError(results, err); err != nil {
			return nil, fmt.Errorf("register: %w", err)
		}
		want, err := rpc.Call(ctx, f.client.Conn(), api.AgentsWant, &api.AgentsWantRequest{IDs: part, Run: true})
		if err != nil {
			return nil, fmt.Errorf("want: %w", err)
		}
		if err := firstError(want.Results, nil); err != nil {
			return nil, fmt.Errorf("want: %w", err)
		}
	}
	return ids, eventually(ctx, func() (bool, error) {
		stats, err := f.client.Agents.Stats(ctx)
		return err == nil && stats.ByStatus[api.AgentRunning] == n, err
	})
}

func firstError(results []api.AgentResult, err error) error {
	for _, r := range results {
		if err == nil && r.Error != nil {
			err = fmt.Errorf("agent %s: %w", r.ID, r.Error)
		}
	}
	return err
}

// eventually waits for a condition. Errors on the way are told only when ctx ends.
func eventually(ctx context.Context, cond func() (bool, error)) error {
	for {
		ok, err := cond()
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// on returns the agents that a host runs.
func (f *fleet) on(ctx context.Context, host string) (ids []string, err error) {
	for a, err := range f.client.Agents.All(ctx, api.AgentsListRequest{Host: host, Status: api.AgentRunning, Limit: api.MaxPage}) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, a.ID)
	}
	return ids, nil
}
