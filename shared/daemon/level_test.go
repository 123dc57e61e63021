package daemon_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestTheLevelOfTheLogIsChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	levels := make(chan zerolog.Level, 16)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Config{
			NATS: rpc.Options{URL: srv.URL()}, Version: "0.0.0", Level: "warn", SetLevel: func(l zerolog.Level) { levels <- l },
		}, []daemon.Service{{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{})
		}}})
	}()
	if l := <-levels; l != zerolog.WarnLevel {
		t.Errorf("it begins with %s", l)
	}
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	natstest.Eventually(t, 20*time.Second, func() bool { _, err := c.Config.Set(t.Context(), "log.level", "debug"); return err == nil }, "the section is registered")
	if l := <-levels; l != zerolog.DebugLevel {
		t.Errorf("it goes on with %s", l)
	}
	if _, err := c.Config.Set(t.Context(), "log.level", "loud"); err == nil {
		t.Error("there is no such level")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A level that is set at the very moment in which a process takes up the one before is not undone by that.
func TestAChangeOfTheLevelIsNotUndone(t *testing.T) {
	t.Parallel()
	srv := natstest.Start(t)
	ready, _ := run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}, Level: "warn", SetLevel: func(zerolog.Level) {}}, daemon.Service{
		Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{})
		},
	})
	wait(t, ready)
	var begun atomic.Bool
	begins, goOn, levels := make(chan struct{}), make(chan struct{}), make(chan zerolog.Level, 16)
	run(t, daemon.Config{NATS: rpc.Options{URL: srv.URL()}, SetLevel: func(l zerolog.Level) {
		if !begun.Swap(true) {
			close(begins)
			<-goOn
		}
		levels <- l
	}})
	<-begins
	c, err := client.Connect(t.Context(), client.Options{URL: srv.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	natstest.Eventually(t, 20*time.Second, func() bool { _, err := c.Config.Set(t.Context(), "log.level", "debug"); return err == nil }, "the section is registered")
	natstest.Eventually(t, 20*time.Second, func() bool {
		all, err := c.Config.Effective(t.Context(), "log")
		return err == nil && slices.ContainsFunc(all, func(p api.ConfigEffective) bool {
			return slices.ContainsFunc(p.Sections[0].Values, func(v api.ConfigInForce) bool { return string(v.Value) == `"debug"` })
		})
	}, "the process knows of the change")
	close(goOn)
	if before, after := <-levels, <-levels; before != zerolog.InfoLevel || after != zerolog.DebugLevel {
		t.Errorf("it begins with %s and goes on with %s", before, after)
	}
}

// A process that cannot begin leaves nothing running that renews its lease: see TestMain.
func TestALevelThatIsNone(t *testing.T) {
	srv := natstest.Start(t)
	t.Setenv("MABUS_LOG_LEVEL", "loud")
	err := daemon.Run(t.Context(), daemon.Config{NATS: rpc.Options{URL: srv.URL()}, SetLevel: func(zerolog.Level) {}}, nil)
	if api.CodeOf(err) != api.Invalid {
		t.Errorf("it ended with %v", err)
	}
}
