// Package canary_test puts values that must not be seen into a whole system, in every way that there is, has agents do with them
// whatever agents do, and then looks for the values wherever they could have got to.
package canary_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/credential"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
	"github.com/mabus-project/mabus/shared/secret"

	"github.com/mabus-project/mabus/client/agent"
)

const patience = 30 * time.Second

// The environment that makes the test's own program the services, or the worker of an exec agent.
const (
	asEnv    = "MABUS_CANARY_AS"
	runsEnv  = "MABUS_CANARY_RUNS" // which services, with spaces between
	natsEnv  = "MABUS_CANARY_NATS"
	credsEnv = "MABUS_CANARY_CREDS" // of whom the process is in strict mode; open unless given
	httpEnv  = "MABUS_CANARY_HTTP"
	keysEnv  = "MABUS_CANARY_KEYS"
	dirEnv   = "MABUS_CANARY_DIR"
)

// operator is who asks for everything, and who makes money.
const operator = "ann"

func TestMain(m *testing.M) {
	run := map[string]func() error{"services": services, "worker": worker}[os.Getenv(asEnv)]
	if run == nil {
		natstest.VerifyTestMain(m)
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// services runs what a process of Mabus runs, and says everything that it has to say.
func services() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM) //nolint:forbidigo // it is a program here, and no test
	defer stop()
	go func() { // the test holds the other end
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	creds, principal := os.Getenv(credsEnv), ""
	strict := creds != ""
	if strict {
		var err error
		if principal, err = credential.NameIn(creds); err != nil {
			return err
		}
	}
	operators := []string{operator}
	all := []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			if err := agenthost.Prepare(ctx, e.Conn); err != nil {
				return nil, err
			}
			return registry.Start(ctx, e.Conn, registry.Config{Strict: strict, Operators: operators, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "coordination", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, e.Conn, coordination.Config{Strict: strict, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, e.Conn, economics.Config{Strict: strict, Operators: operators, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "perfmon", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, e.Conn, perfmon.Config{Strict: strict, Log: e.Log, Metrics: e.Metrics})
		}},
		{Name: "loadbalancer", Start: func(ctx context.Context, e daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, e.Conn, loadbalancer.Config{Strict: strict, Log: e.Log, Metrics: e.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: "h1", Modules: []agent.Module{echo.Module}, Secrets: secret.Policy{
			KeyFile: os.Getenv(keysEnv), Dirs: []string{os.Getenv(dirEnv)},
		}}),
	}
	runs := strings.Fields(os.Getenv(runsEnv))
	return daemon.Run(ctx, daemon.Config{
		NATS:   rpc.Options{URL: os.Getenv(natsEnv), Credentials: creds, Principal: principal},
		Strict: strict, Version: "0.0.0", HTTP: os.Getenv(httpEnv), Log: zerolog.New(os.Stderr).Level(zerolog.TraceLevel),
	}, slices.DeleteFunc(all, func(s daemon.Service) bool { return !slices.Contains(runs, s.Name) }))
}
