package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/rpc"
)

// namespace of the services that answer messages and run tasks.
const namespace = "bench"

// services are the real ones, on one connection, with a client and a pair of plain connections beside them: on either side
// one connection asks and another one answers.
type services struct {
	client   *client.Client
	ask, say *nats.Conn
}

// start starts the services once for all measurements that need them.
func (r *run) start(ctx context.Context) (*services, error) {
	if r.services != nil {
		return r.services, nil
	}
	if err := r.serve(ctx); err != nil {
		return nil, err
	}
	s := &services{}
	var err error
	if s.client, err = r.connect(ctx, namespace); err != nil {
		return nil, err
	}
	if s.ask, err = r.plain(); err != nil {
		return nil, err
	}
	if s.say, err = r.plain(); err != nil {
		return nil, err
	}
	r.services = s
	return s, nil
}

// serve runs the services in this process until the run is closed, as mabus up does.
func (r *run) serve(ctx context.Context) error {
	table := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{Modules: []agent.Module{echo.Module, worker}}),
	}
	stop, err := r.runServices(ctx, namespace, "services", table)
	if err == nil {
		r.cleanup(stop)
	}
	return err
}

// runServices runs services in this process, as one process of mabus serve does, until stop is called.
func (r *run) runServices(ctx context.Context, ns, name string, table []daemon.Service) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready, done := make(chan struct{}, 1), make(chan struct{})
	var ended error
	go func() {
		defer close(done)
		ended = daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: r.cfg.URL, Namespace: ns, Name: "mabus bench " + name}, Version: "0.0.0",
			OnReady: func(*rpc.Conn) {
				select {
				case ready <- struct{}{}:
				default:
				}
			},
		}, table)
	}()
	select {
	case <-ready:
		return func() {
			cancel()
			<-done // how they ended does not matter to the figures
		}, nil
	case <-done:
		cancel()
		return nil, errors.Join(errors.New("the services ended before they were ready"), ended)
	}
}

func (r *run) connect(ctx context.Context, ns string) (*client.Client, error) {
	c, err := client.Connect(ctx, client.Options{URL: r.cfg.URL, Namespace: ns, Name: "mabus bench client"})
	if err != nil {
		return nil, err
	}
	r.cleanup(c.Close)
	return c, nil
}

func (r *run) plain() (*nats.Conn, error) {
	nc, err := nats.Connect(r.cfg.URL, nats.Name("mabus bench plain"))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	r.cleanup(nc.Close)
	return nc, nil
}

func (r *run) version() (string, error) {
	nc, err := nats.Connect(r.cfg.URL)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	return nc.ConnectedServerVersion(), nil
}

// begin has the host start an agent, which is stopped when the measurement calls end.
func (s *services) begin(ctx context.Context, spec api.AgentSpec) (end func(), err error) {
	if _, err := s.client.Agents.Start(ctx, api.AgentStartRequest{Agent: &spec}); err != nil {
		return nil, fmt.Errorf("start agent %s: %w", spec.ID, err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = s.client.Agents.Stop(ctx, spec.ID) // the services end soon after in any case
	}, nil
}
