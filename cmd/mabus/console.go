package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
)

// consoleStop is how long the console has for its end.
const consoleStop = 5 * time.Second

// consoleOptions say whether and where the web console is served.
type consoleOptions struct {
	addr  string
	given bool // the address was named, so no other will do
	write bool
	// as is whom the console reads and writes as.
	as identity
}

// flags adds the flags that `mabus up` has.
func (c *consoleOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.addr, "console", console.DefaultAddr, `address of the web console; another free port if that one is taken and none was asked for; "" for no console`)
	cmd.Flags().BoolVar(&c.write, "console-write", false, "let the console answer questions, cancel tasks and sessions, and stop and restart agents; its address then has a token")
}

// start serves the console on a server until stop is called. Without an address there is none.
func (c *consoleOptions) start(o *options, url string, log zerolog.Logger) (stop func(), err error) {
	if c.addr == "" {
		return func() {}, nil
	}
	g, err := console.Start(console.Config{
		NATS: client.Options{URL: url, Namespace: o.namespace, Principal: c.as.principal, Credentials: c.as.credentials, TLS: c.as.tls},
		Addr: c.addr, AnyPort: !c.given, Write: c.write, Version: version, Log: log,
	})
	switch {
	case err != nil && c.given:
		return nil, err
	case err != nil: // nobody has asked for it
		log.Warn().Err(err).Msg("no console")
		return func() {}, nil
	}
	log.Info().Str("url", g.URL()).Bool("write", c.write).Msg("console")
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), consoleStop)
		defer cancel()
		if err := g.Stop(ctx); err != nil {
			log.Debug().Err(err).Msg("the console was cut off")
		}
	}, nil
}

func newConsole(o *options) *cobra.Command {
	c := &consoleOptions{}
	cmd := &cobra.Command{
		Use:   "console",
		Short: "Serve the web console of any server",
		Long: `Serves the web console, as mabus up does by itself, and prints its address: the fleet, the jobs, the market and the events of the
namespace, kept true. It reads as the principal of --as; an operator of the economy sees all accounts. It only reads unless --write is
given, and listens on this machine alone unless --addr says otherwise; in both cases the printed address has a token, which is needed.`,
		Example: "  mabus console\n  mabus console --server nats://nats:4222 --as operator --write",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := o.logger()
			if err != nil {
				return err
			}
			if c.addr == "" {
				return fmt.Errorf("%w: --addr must name an address, for example %s", errUsage, console.DefaultAddr)
			}
			if err := api.CheckOptionalID("principal", o.principal); err != nil {
				return err
			}
			if c.as, err = o.identity(); err != nil {
				return err
			}
			c.given = cmd.Flags().Changed("addr")
			stop, err := c.start(o, o.url(cmd.Context()), log)
			if err != nil {
				return err
			}
			defer stop()
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&c.addr, "addr", console.DefaultAddr, "address to serve on; another free port if that one is taken and none was asked for")
	cmd.Flags().BoolVar(&c.write, "write", false, "answer questions, cancel tasks and sessions, stop and restart agents; the address then has a token")
	return cmd
}
