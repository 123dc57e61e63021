package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// yes is the module of agents that agree to everything at once.
var yes = agent.Module{
	Name: "bench-yes",
	Doc:  "Agrees at once.",
	New: func(context.Context, agent.Env) (agent.Handler, error) {
		return agent.HandlerFunc(func(context.Context, *agent.Message) (json.RawMessage, error) { return json.RawMessage("true"), nil }), nil
	},
}

const (
	sessionTime = time.Second     // of a round
	sessionWait = 4 * time.Second // of a request, within the SDK's default timeout
)

// assembly is a registry, a replica of the coordination and a host, with agents that answer at once and a client that has them agree.
type assembly struct {
	client  *client.Client
	members []string
}

// assemble starts the services in this process until the measurement calls end.
func (r *run) assemble(ctx context.Context, ns string, members int) (a *assembly, end func(), err error) {
	stop, err := r.serveSessions(ctx, ns)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	a = &assembly{}
	if a.client, err = client.Connect(ctx, client.Options{URL: r.cfg.URL, Namespace: ns, Name: "mabus bench client"}); err != nil {
		return nil, nil, err
	}
	for i := range members {
		id := fmt.Sprint("member-", i)
		if _, err = a.client.Agents.Start(ctx, api.AgentStartRequest{Agent: &api.AgentSpec{ID: id, Module: yes.Name, Concurrency: 64}}); err != nil {
			a.client.Close()
			return nil, nil, fmt.Errorf("start agent %s: %w", id, err)
		}
		a.members = append(a.members, id)
	}
	return a, func() {
		a.client.Close()
		stop()
	}, nil
}

// serveSessions runs the services on one connection, as mabus up does.
func (r *run) serveSessions(ctx context.Context, ns string) (stop func(), err error) {
	table := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{Modules: []agent.Module{yes}}),
	}
	return r.runServices(ctx, ns, "services", table)
}

// run starts a session and returns it when it has completed.
func (a *assembly) run(ctx context.Context, req api.SessionStartRequest) (*api.Session, error) {
	req.Wait = api.Duration(sessionWait)
	x, err := a.client.Sessions.Start(ctx, req)
	if err != nil {
		return nil, err
	}
	return x, completed(x)
}

func completed(x *api.Session) error {
	if x.State != api.SessionCompleted {
		return fmt.Errorf("session %s is %s: %s", x.ID, x.State, x.Reason)
	}
	return nil
}

// timed is a side of one caller, who tells of each operation how long the part of it took that counts.
func timed(op func(ctx context.Context) (time.Duration, error)) func(context.Context, time.Duration) (load, error) {
	return func(ctx context.Context, d time.Duration) (load, error) {
		var took []time.Duration
		l, err := closed(ctx, 1, d, func(ctx context.Context, _ int) error {
			t, err := op(ctx)
			took = append(took, t)
			return err
		})
		l.p50, l.p99 = percentiles(took)
		return l, err
	}
}
