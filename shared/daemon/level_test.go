package daemon_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/registry"
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
