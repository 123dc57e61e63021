package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
)

// options are the flags that every command has.
type options struct {
	server      string
	namespace   string
	principal   string
	credentials string
	data        string
	json        bool
	timeout     time.Duration
	logLevel    string
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "mabus",
		Short: "The multi-agent runtime on NATS",
		Long: `Mabus registers, starts and supervises agents, lets them talk, and has them do durable work, on one machine or many.

  mabus up                       everything in this process, NATS included
  mabus run JOB.yaml INPUT...    a job: many inputs, a fleet of agents, one result file
  mabus agents list              what runs

Without --server, commands find the server that runs on the data directory (./.mabus), or else nats://127.0.0.1:4222.`,
		Version: version, SilenceUsage: true, SilenceErrors: true,
	}
	f := root.PersistentFlags()
	f.StringVarP(&o.server, "server", "s", os.Getenv("NATS_URL"), "URL of the NATS server, or several with commas between (NATS_URL)")
	f.StringVar(&o.namespace, "namespace", envOr("MABUS_NAMESPACE", api.DefaultNamespace), "namespace: the first token of every subject (MABUS_NAMESPACE)")
	f.StringVar(&o.principal, "as", os.Getenv("MABUS_PRINCIPAL"), "principal to act as (MABUS_PRINCIPAL)")
	f.StringVar(&o.credentials, "creds", os.Getenv("NATS_CREDS"), "NATS credentials file (NATS_CREDS)")
	f.StringVar(&o.data, "data", envOr("MABUS_DATA", ".mabus"), "data directory of the embedded NATS (MABUS_DATA)")
	f.BoolVar(&o.json, "json", false, "print JSON, one object")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(newUp(o), newServe(o), newRun(o), newAgents(o), newHosts(o), newServices(o), newTasks(o), newCall(o), newCast(o), newHealth(o))
	return root
}

func envOr(name, def string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return def
}

// args wraps a cobra check so that its complaint is a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := check(cmd, a); err != nil {
			return fmt.Errorf("%w: %s: %w", errUsage, cmd.CommandPath(), err)
		}
		return nil
	}
}

// logger writes to the standard error: for people on a terminal, JSON otherwise.
func (o *options) logger() (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(o.logLevel)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("%w: --log-level must be debug, info, warn or error", errUsage)
	}
	log := zerolog.New(os.Stderr)
	if isTerminal(os.Stderr) {
		log = zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: time.TimeOnly})
	}
	return log.Level(level).With().Timestamp().Logger(), nil
}

// url returns the server to talk to.
func (o *options) url(ctx context.Context) string {
	if o.server != "" {
		return o.server
	}
	if url := natsd.Find(ctx, o.data); url != "" {
		return url
	}
	return "nats://127.0.0.1:4222"
}

// with connects, and calls f with a context that ends after the timeout.
func (o *options) with(cmd *cobra.Command, f func(ctx context.Context, c *client.Client) error) error {
	c, err := client.Connect(cmd.Context(), o.clientOptions(o.url(cmd.Context())))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	return f(ctx, c)
}

func (o *options) clientOptions(url string) client.Options {
	return client.Options{URL: url, Namespace: o.namespace, Principal: o.principal, Credentials: o.credentials, Name: "mabus " + filepath.Base(os.Args[0])}
}
