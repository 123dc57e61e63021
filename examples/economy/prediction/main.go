// Command prediction has agents bet on whether a build will pass, in a market whose maker always quotes a price (a logarithmic market
// scoring rule). The price is what the market believes. Then the build is run, the oracle names the outcome, the shares are paid, and
// the maker has lost no more than its stake.
//
//	go run ./examples/economy/prediction
//	go run ./examples/economy/prediction -packages ./services/... -liquidity 50
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server    string
	operator  string
	services  []daemon.Service
	question  string
	liquidity api.Micro
	rounds    int
	traders   []trader
	// build is what the bets are on: it tells whether it passed, and in a few words how one knows.
	build func(ctx context.Context) (passed bool, note string, err error)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{liquidity: 10 * economy.Unit, traders: traders}
	var packages string
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.operator, "operator", "", "principal who may mint on that server")
	flag.StringVar(&packages, "packages", "./shared/...", "what is built")
	flag.IntVar(&o.rounds, "rounds", 2, "how often each agent may trade")
	flag.Func("liquidity", "the maker's b, in units of credit: the more, the less a trade moves the price (default 10)", func(s string) error {
		d, err := api.ParseDecimal(s)
		o.liquidity = api.Micro(d)
		return err
	})
	flag.Parse()
	o.question = "Will go build " + packages + " pass?"
	o.build = func(ctx context.Context) (bool, string, error) { return build(ctx, packages) }
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// build builds the packages and throws away what comes of it.
func build(ctx context.Context, packages string) (passed bool, note string, err error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", os.DevNull}, strings.Fields(packages)...)...)
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return false, "go build: " + exit.String(), nil
	}
	return err == nil, "go build: exit status 0", err
}
