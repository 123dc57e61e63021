// Command bundles sells a machine in parts to agents who need several of them together: a combinatorial auction, in which each bids for
// bundles, the bundles that are worth most together win, and each winner pays what the others lose by it (Vickrey, Clarke, Groves). Then
// the signed transcript is checked without the server, and a changed copy of it is refused.
//
//	go run ./examples/economy/bundles
//	mabus verify bundles-proof/transcript.json --key "$(cat bundles-proof/key.txt)"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server   string
	operator string
	services []daemon.Service
	out      string
	bidders  []bidder
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{bidders: bidders}
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.operator, "operator", "", "principal who may mint on that server")
	flag.StringVar(&o.out, "out", "bundles-proof", "directory for the transcript and the key")
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
