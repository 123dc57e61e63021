// Command gpuhours sells GPU hours to agents that train models: an auction of many units at one price, the highest bid that loses. The
// hours are an asset of the ledger: they are held while bids come, and delivered against the payment in one step.
//
//	go run ./examples/economy/gpuhours
//	go run ./examples/economy/gpuhours -hours 8 -reserve 2.5
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/mabus-project/mabus/examples/economy"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// options are the flags, and what tests change.
type options struct {
	server   string
	operator string
	services []daemon.Service
	hours    int64
	reserve  api.Micro
	fee      api.Decimal
	trainers []trainer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	o := options{reserve: economy.Unit, fee: api.One / 50, trainers: trainers}
	flag.StringVar(&o.server, "server", os.Getenv("NATS_URL"), "URL of a NATS server with Mabus; one is started unless given (NATS_URL)")
	flag.StringVar(&o.operator, "operator", "", "principal who may mint on that server")
	flag.Int64Var(&o.hours, "hours", 20, "hours that are sold")
	flag.Func("reserve", "the least price of an hour, in units of credit (default 1)", func(s string) error {
		d, err := api.ParseDecimal(s)
		o.reserve = api.Micro(d)
		return err
	})
	flag.Parse()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
