// Command monitoring runs a fleet of agents one of which is slow and one of which fails, under load: first as NATS spreads messages, then as
// the SDK chooses among the agents. What it prints of the agents is what the performance monitor has measured by itself. A rule raises an
// alert about the agent that fails, which a webhook gets, and again when the agent has been mended.
//
//	go run ./examples/monitoring
//	go run ./examples/monitoring -for 10s -callers 32
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server   string
	services []daemon.Service
	callers  int
	each     time.Duration
	window   time.Duration // of the rule
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{window: 5 * time.Second}
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.IntVar(&o.callers, "callers", 12, "how many ask at once, each again as soon as it has its answer")
	flag.DurationVar(&o.each, "for", 4*time.Second, "how long each part of the load lasts")
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
