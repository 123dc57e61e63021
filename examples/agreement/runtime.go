package agreement

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	tagLength   = 6
	openTime    = 30 * time.Second // for the hosts to be ready
	cleanupTime = 10 * time.Second
)

// Config says what an example needs.
type Config struct {
	// Server is the URL of a NATS server with Mabus; `mabus up` is started in a directory of its own unless given.
	Server string
	// Services run in this process too, for a server that has none.
	Services []daemon.Service
	// Modules are the kinds of agents that the hosts of the example run.
	Modules []agent.Module
	// Hosts is how many hosts there are; 1 unless given. Each has its own connection and its own lease.
	Hosts int
}

// Services are those that agreement takes, in the order in which they start.
func Services() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
	}
}

// Runtime is Mabus with the example's agents. Close it.
type Runtime struct {
	Client *client.Client
	// URL is where the NATS server is.
	URL string

	tag    string
	hosts  []string
	agents []string // started, or registered, by the example
	server *server  // nil when it is somebody else's
	cancel context.CancelFunc
	work   sync.WaitGroup
	errs   chan error // what daemons end with
}

// Open returns when the example's hosts take agents.
func Open(ctx context.Context, cfg Config) (*Runtime, error) {
	r := &Runtime{URL: cfg.Server, tag: strings.ToLower(rand.Text()[:tagLength])}
	if r.URL == "" {
		var err error
		if r.server, err = startServer(ctx); err != nil {
			return nil, err
		}
		r.URL = r.server.url
	}
	if err := r.open(ctx, cfg); err != nil {
		return nil, errors.Join(err, r.Close(ctx))
	}
	return r, nil
}

func (r *Runtime) open(ctx context.Context, cfg Config) (err error) {
	if r.Client, err = client.Connect(ctx, client.Options{URL: r.URL, Name: "agreement example"}); err != nil {
		return err
	}
	base, cancel := context.WithCancel(context.WithoutCancel(ctx)) // hosts end in Close, after their agents
	r.cancel = cancel
	n := max(1, cfg.Hosts)
	r.errs = make(chan error, n)
	ready := make(chan struct{}, n)
	limit := time.NewTimer(openTime)
	defer limit.Stop()
	for i := range n {
		id := r.ID(fmt.Sprint("host", i+1))
		r.hosts = append(r.hosts, id)
		services := []daemon.Service{agenthost.New(agenthost.Config{ID: id, Modules: cfg.Modules})}
		if i == 0 {
			services = append(cfg.Services[:len(cfg.Services):len(cfg.Services)], services...)
		}
		r.work.Go(func() {
			r.errs <- daemon.Run(base, daemon.Config{
				NATS: rpc.Options{URL: r.URL, Name: id}, Version: "1.0.0", Log: zerolog.Nop(),
				OnReady: func(*rpc.Conn) {
					select {
					case ready <- struct{}{}:
					default: // it was ready before, under a lease that it has lost
					}
				},
			}, services)
		})
		select {
		case <-ready:
		case err := <-r.errs:
			return fmt.Errorf("start host %s: %w", id, err)
		case <-limit.C:
			return fmt.Errorf("host %s is not ready after %s: see whether Mabus runs on %s", id, openTime, r.URL)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// ID returns an agent's id that no other run of the example has on the same server.
func (r *Runtime) ID(name string) string { return name + "-" + r.tag }

// Name returns what an id was made of.
func (r *Runtime) Name(id string) string { return strings.TrimSuffix(id, "-"+r.tag) }

// Start starts an agent of one of the modules and returns its id. The agents of several hosts are spread evenly.
func (r *Runtime) Start(ctx context.Context, name, module string, config []byte) (string, error) {
	return r.Run(ctx, api.AgentSpec{ID: r.ID(name), Module: module, Config: config})
}

// Run starts an agent as it is specified, with an id that ID has made, and returns that.
func (r *Runtime) Run(ctx context.Context, spec api.AgentSpec) (string, error) {
	host := r.hosts[len(r.agents)%len(r.hosts)]
	if _, err := r.Client.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec, Host: host}); err != nil {
		return "", fmt.Errorf("start agent %s: %w", spec.ID, err)
	}
	r.agents = append(r.agents, spec.ID)
	return spec.ID, nil
}

// Register registers an agent that runs without a host and returns its id.
func (r *Runtime) Register(ctx context.Context, name string) (string, error) {
	spec := api.AgentSpec{ID: r.ID(name), Type: "example", Runtime: api.RuntimeExternal}
	if _, err := r.Client.Agents.Register(ctx, spec); err != nil {
		return "", fmt.Errorf("register agent %s: %w", spec.ID, err)
	}
	r.agents = append(r.agents, spec.ID)
	return spec.ID, nil
}

// Close ends all of it. On a server that is somebody else's it leaves no agents behind.
func (r *Runtime) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	var errs []error
	if r.Client != nil {
		if r.server == nil {
			errs = append(errs, r.leave(ctx))
		}
		r.Client.Close()
	}
	if r.cancel != nil {
		r.cancel()
		r.work.Wait()
		close(r.errs)
		for err := range r.errs {
			errs = append(errs, err)
		}
	}
	if r.server != nil {
		errs = append(errs, r.server.stop())
	}
	return errors.Join(errs...)
}

func (r *Runtime) leave(ctx context.Context) error {
	var errs []error
	for _, id := range r.agents {
		if _, err := r.Client.Agents.Stop(ctx, id); err != nil && api.CodeOf(err) != api.FailedPrecondition {
			errs = append(errs, fmt.Errorf("stop agent %s: %w", id, err))
		}
		if _, err := r.Client.Agents.Deregister(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("deregister agent %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}
