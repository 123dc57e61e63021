package contract_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

// everything is every service, in the order in which the program starts them.
func everything() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			if err := agenthost.Prepare(ctx, env.Conn); err != nil { // as in strict mode
				return nil, err
			}
			return registry.Start(ctx, env.Conn, registry.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, env.Conn, perfmon.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "loadbalancer", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h0", Modules: []agent.Module{echo.Module}}),
	}
}

// storeOf names what a message to JetStream is about: requests of one kind to one store. It is "" for what is not for JetStream.
func storeOf(subject string) string {
	words := strings.Split(subject, ".")
	switch {
	case strings.HasPrefix(subject, "$JS.ACK."), strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG."):
		return "" // which is not asked at the start, but as things go on
	case strings.HasPrefix(subject, "$JS.API.STREAM.MSG.GET."):
		return strings.Join(words[:6], ".")
	case strings.HasPrefix(subject, "$JS.API."):
		return strings.Join(words[:min(len(words), 5)], ".")
	case strings.HasPrefix(subject, "$KV."), strings.HasPrefix(subject, "$O."):
		return strings.Join(words[:2], ".")
	}
	return ""
}

// A process that starts while JetStream is not there yet, or has no leader at that moment, waits for it, whatever it asks first: requests of
// each kind are refused twice, and the process starts, and starts again on what is there then.
func TestAStartIsPatient(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	for _, run := range []string{"on nothing", "on what is there"} {
		ways := []natstest.Refusal{natstest.Unheard, natstest.NoLeader}
		if run != "on nothing" {
			ways[0] = natstest.Busy
		}
		t.Run(run, func(t *testing.T) {
			var mu sync.Mutex
			refused := map[string]int{}
			url := natstest.Refuse(t, srv.URL(), func(subject string) natstest.Refusal {
				store := storeOf(subject)
				mu.Lock()
				defer mu.Unlock()
				if n := refused[store]; store != "" && n < len(ways) {
					refused[store]++
					return ways[n]
				}
				return natstest.Pass
			})
			runServices(t, daemon.Config{NATS: rpc.Options{URL: url, Name: run}, Version: "0.0.0", Log: zerolog.Nop()}, everything())
			mu.Lock()
			defer mu.Unlock()
			if len(refused) < 50 {
				t.Errorf("only %d kinds of requests were refused", len(refused))
			}
		})
	}
}
