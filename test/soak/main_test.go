// Package soak_test runs a whole system under steady work of every kind, and looks at what it holds: memory, goroutines, files,
// subscriptions, consumers, and bytes of the stores that are no history. None of them may grow. It also compares the stores that a running
// system makes with the table that says what bounds them.
//
// In CI it runs for seconds, which shows a leak that every piece of work has; make soak runs it for as long as is asked for.
package soak_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/mabus-project/mabus/shared/natstest"
)

// The environment that makes the test's own program a NATS server: its memory is not that of Mabus, and grows with the histories that it keeps.
const (
	dirEnv     = "MABUS_SOAK_NATS_DIR"
	portEnv    = "MABUS_SOAK_NATS_PORT"
	monitorEnv = "MABUS_SOAK_NATS_MONITOR"
)

func TestMain(m *testing.M) {
	run := serve
	switch {
	case os.Getenv(workerEnv) != "":
		run = worker
	case os.Getenv(dirEnv) == "":
		natstest.VerifyTestMain(m)
		return
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve runs NATS, with its monitoring port, until the test ends.
func serve() error {
	port, err := strconv.Atoi(os.Getenv(portEnv))
	if err != nil {
		return err
	}
	monitor, err := strconv.Atoi(os.Getenv(monitorEnv))
	if err != nil {
		return err
	}
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, HTTPHost: "127.0.0.1", HTTPPort: monitor, JetStream: true, StoreDir: os.Getenv(dirEnv), JetStreamMaxStore: 1 << 40, NoSigs: true,
	})
	if err != nil {
		return err
	}
	srv.Start()
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // it is a program here, and no test
	go func() {                                             // the test holds the other end
		_, _ = os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	<-ctx.Done()
	srv.Shutdown()
	return nil
}

// patience is for anything that should come at once.
const patience = 30 * time.Second
