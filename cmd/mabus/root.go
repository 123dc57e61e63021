package main

import (
	"context"
	"fmt"
	"io"
	"os"
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
	tlsCA       string
	tlsCert     string
	tlsKey      string
	auth        string
	data        string
	json        bool
	timeout     time.Duration
	logLevel    string

	anyNamespace bool // also one that earlier versions took, and this one refuses
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
		Version: built(), SilenceUsage: true, SilenceErrors: true,
	}
	group(root)
	f := root.PersistentFlags()
	f.StringVarP(&o.server, "server", "s", os.Getenv("NATS_URL"), "URL of the NATS server, or several with commas between (NATS_URL)")
	f.StringVar(&o.namespace, "namespace", envOr("MABUS_NAMESPACE", api.DefaultNamespace), "namespace: the first token of every subject (MABUS_NAMESPACE)")
	f.StringVar(&o.principal, "as", os.Getenv("MABUS_PRINCIPAL"), "principal to act as (MABUS_PRINCIPAL)")
	f.StringVar(&o.credentials, "creds", os.Getenv("NATS_CREDS"), "NATS credentials file (NATS_CREDS)")
	f.StringVar(&o.tlsCA, "tls-ca", os.Getenv("NATS_CA"), "file of the certificates that NATS' own is trusted by (NATS_CA)")
	f.StringVar(&o.tlsCert, "tls-cert", os.Getenv("NATS_CERT"), "file of the certificate to show to NATS (NATS_CERT)")
	f.StringVar(&o.tlsKey, "tls-key", os.Getenv("NATS_KEY"), "file of the key of --tls-cert (NATS_KEY)")
	f.StringVar(&o.auth, "auth", os.Getenv("MABUS_AUTH"), "auth directory; that of the data directory unless given (MABUS_AUTH)")
	f.StringVar(&o.data, "data", envOr("MABUS_DATA", ".mabus"), "data directory of the embedded NATS (MABUS_DATA)")
	f.BoolVar(&o.json, "json", false, "print JSON: one object, or one a line where there are several")
	f.DurationVar(&o.timeout, "timeout", 10*time.Second, "how long to wait for an answer")
	f.StringVar(&o.logLevel, "log-level", "info", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(newUp(o), newAuth(o), newServe(o), newConsole(o), newRun(o), newAgents(o), newHosts(o), newSecrets(o), newConfig(o), newServices(o), newTasks(o), newJobs(o), newNamespaces(o), newBudgets(o), newLocks(o), newElections(o), newAuctions(o), newSessions(o), newProtocols(o), newVariables(o), newReputation(o), newRisk(o), newLedger(o), newMarkets(o), newTenders(o), newContracts(o), newBazaars(o), newPrices(o), newVerify(o), newEvents(o), newAlerts(o), newCells(o), newBarriers(o), newLatches(o), newCounters(o), newSequences(o), newMetrics(o), newTop(o), newBalance(o), newCall(o), newCast(o), newHealth(o), newBench(o), newIsolate(o), newAdmin(o))
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

// group makes a command of a command that only has others: alone it prints its help.
func group(cmd *cobra.Command) {
	cmd.Args = func(cmd *cobra.Command, a []string) error {
		if len(a) > 0 {
			return fmt.Errorf("%w: %s has no command %q; see %s --help", errUsage, cmd.CommandPath(), a[0], cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
}

// logger writes to the standard error: for people on a terminal, JSON otherwise.
func (o *options) logger() (zerolog.Logger, error) {
	return o.loggerTo(os.Stderr, isTerminal(os.Stderr))
}

func (o *options) loggerTo(w io.Writer, people bool) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(o.logLevel)
	if err != nil {
		return zerolog.Logger{}, fmt.Errorf("%w: --log-level must be debug, info, warn or error", errUsage)
	}
	if people {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	log := zerolog.New(w)
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
	c, err := o.connect(cmd.Context(), o.url(cmd.Context()))
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	return o.traced(ctx, cmd, func(ctx context.Context) error { return f(ctx, c) })
}

// connect connects to the server and says what to do if there is none.
func (o *options) connect(ctx context.Context, url string) (*client.Client, error) {
	id, err := o.identity()
	if err != nil {
		return nil, err
	}
	c, err := client.Connect(ctx, client.Options{
		URL: url, Namespace: o.namespace, AnyNamespace: o.anyNamespace, Principal: id.principal, Credentials: id.credentials, TLS: id.tls, Name: "mabus command",
	})
	return c, o.hint(err, id)
}
