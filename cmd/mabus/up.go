package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/services/agenthost/native/echo"
	"github.com/mabus-project/mabus/services/agenthost/native/gosource"
	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/loadbalancer"
	"github.com/mabus-project/mabus/services/perfmon"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/rpc"
)

// unlimited is the store limit of the embedded NATS. Every stream has a bound of its own; reserving all of them at once
// would refuse to start on a small disk.
const unlimited = 1 << 50

// serveOptions are the flags of commands that run services.
type serveOptions struct {
	*options
	listen   string
	port     int
	http     string
	strict   bool
	replicas int
	host     string
	hostTags []string
	maxAgent int
	// operators of the economy
	operators []string
	console   consoleOptions
	// changed tells whether a flag was given.
	changed func(flag string) bool
	secrets secretFlags
}

func (o *serveOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1", "address that the embedded NATS listens on")
	f.IntVar(&o.port, "port", 4222, "port that the embedded NATS listens on; 0 for a free one")
	f.StringVar(&o.http, "http", os.Getenv("MABUS_HTTP"), "address of /healthz, /readyz and /metrics, for example :8080 (MABUS_HTTP)")
	strict, err := strconv.ParseBool(envOr("MABUS_STRICT", "false"))
	f.BoolVar(&o.strict, "strict", strict || err != nil, "refuse changes that name no principal; give it to every process (MABUS_STRICT)")
	f.IntVar(&o.replicas, "replicas", 1, "copies of every stream and bucket, on a NATS cluster")
	f.StringSliceVar(&o.operators, "operator", strings.Split(envOr("MABUS_OPERATORS", economics.DefaultOperator), ","),
		"principal who may mint, judge and act for the system; the same for every economics process (MABUS_OPERATORS)")
	f.StringVar(&o.host, "host-id", os.Getenv("MABUS_HOST_ID"), "id of the agent host; a new one for each start unless given (MABUS_HOST_ID)")
	f.StringSliceVar(&o.hostTags, "host-tag", nil, "tag of the agent host; may be given several times")
	o.secrets.flags(cmd)
	f.IntVar(&o.maxAgent, "max-agents", 0, fmt.Sprintf("agents that the agent host takes, unless agenthost.max_agents is set (%d)", agenthost.DefaultMaxAgents))
	o.changed = f.Changed
}

// table is every service, in the order in which they start.
func (o *serveOptions) table() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Doc: "knows agents, hosts and services", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			if env.Strict && env.Conn.Kind() == api.KindService {
				if err := agenthost.Prepare(ctx, env.Conn); err != nil {
					return nil, err
				}
			}
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Strict: env.Strict, Operators: o.namedOperators(), Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "coordination", Doc: "locks, elections, barriers, latches, counters, sequences and fenced cells", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return coordination.Start(ctx, env.Conn, coordination.Config{Version: env.Version, Strict: env.Strict, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "economics", Doc: "ledger, auctions, contracts, task markets, reputation, markets and risk", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{
				Version: env.Version, Strict: env.Strict, Operators: o.namedOperators(), Log: env.Log, Metrics: env.Metrics,
			})
		}},
		{Name: "perfmon", Doc: "metrics of agents, hosts, services and callers, and the store of events", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return perfmon.Start(ctx, env.Conn, perfmon.Config{Version: env.Version, Strict: env.Strict, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "loadbalancer", Doc: "chooses agents, routes messages to them, and levels hosts", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return loadbalancer.Start(ctx, env.Conn, loadbalancer.Config{Version: env.Version, Strict: env.Strict, Log: env.Log, Metrics: env.Metrics})
		}},
		agenthost.New(agenthost.Config{ID: o.host, Modules: modules, MaxAgents: o.maxAgent, Tags: o.hostTags, Secrets: o.secrets.Policy}),
	}
}

func (o *serveOptions) given(flag string) bool { return o.changed != nil && o.changed(flag) }

// namedOperators are those that a flag or the environment names; what nobody has named the configuration may.
func (o *serveOptions) namedOperators() []string {
	if o.given("operator") || os.Getenv("MABUS_OPERATORS") != "" {
		return o.operators
	}
	return nil
}

// modules are the native agents compiled into this binary.
var modules = []agent.Module{echo.Module, gosource.Analyser, gosource.Reporter}

func newUp(base *options) *cobra.Command {
	o := &serveOptions{options: base}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything in this process, NATS included",
		Long: `Runs every service in this process. Without --server NATS is embedded, with its data in --data. If another process
runs it there already, this one joins that, and its services add to those there.`,
		Example: "  mabus up\n  mabus up --port 0 --data /var/lib/mabus --http :8080",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.console.given = cmd.Flags().Changed("console")
			return o.serve(cmd.Context(), o.table())
		},
	}
	o.flags(cmd)
	o.console.flags(cmd)
	return cmd
}

func newServe(base *options) *cobra.Command {
	o := &serveOptions{options: base}
	cmd := &cobra.Command{
		Use:     "serve SERVICE...",
		Short:   "Run some of the services",
		Example: "  mabus serve registry --server nats://nats:4222\n  mabus serve agenthost --server nats://nats:4222 --host-tag gpu",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			chosen, err := choose(o.table(), names)
			if err != nil {
				return err
			}
			return o.serve(cmd.Context(), chosen)
		},
	}
	var b strings.Builder
	b.WriteString("Runs the named services, as one deployment of each would. Without --server NATS is embedded, as in `mabus up`.\n\nServices:\n")
	for _, s := range o.table() {
		fmt.Fprintf(&b, "  %-14s %s\n", s.Name, s.Doc)
	}
	cmd.Long = b.String()
	o.flags(cmd)
	return cmd
}

func choose(table []daemon.Service, names []string) ([]daemon.Service, error) {
	var chosen []daemon.Service
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	for _, s := range table {
		if want[s.Name] {
			chosen = append(chosen, s)
			delete(want, s.Name)
		}
	}
	for n := range want {
		return nil, fmt.Errorf("%w: there is no service %q; see mabus serve --help", errUsage, n)
	}
	return chosen, nil
}

// serve runs the services until the process is asked to end.
func (o *serveOptions) serve(ctx context.Context, services []daemon.Service) error {
	log, err := o.logger()
	if err != nil {
		return err
	}
	// The level may change while the process runs, so it is the program's and not the logger's.
	zerolog.SetGlobalLevel(log.GetLevel())
	log = log.Level(zerolog.TraceLevel)
	level := ""
	if o.given("log-level") {
		level = o.logLevel
	}
	begin := time.Now()
	nats, id := o.server, identity{}
	as, kind, onReady := defaultService, api.KindService, func(*rpc.Conn) {}
	if len(services) == 1 && services[0].Name == "agenthost" {
		as, kind = defaultHost, api.KindHost
	}
	if nats == "" { // embedded if and only if no server is given: that is the whole of all-in-one mode
		cfg := natsd.Config{DataDir: o.data, Host: o.listen, Port: o.port, MaxStore: unlimited, Log: log}
		secured, err := o.secure(ctx, &cfg, o.strict, identity{principal: cmp.Or(o.principal, as), credentials: o.credentials}, kind, cmp.Or(cmp.Or(o.operators...), defaultOperator))
		if err != nil {
			return err
		}
		e, err := embed(ctx, cfg, nil)
		if err != nil {
			return err
		}
		defer e.close()
		if nats = e.url; !e.owned() {
			log.Info().Str("data", o.data).Str("nats", nats).Msg("another process runs NATS on this data: joining it")
		}
		if secured != nil {
			defer secured.violations.close()
			if err := secured.started(ctx, nats, e.owned(), log); err != nil {
				return err
			}
			id, o.console.as, o.strict, onReady = secured.self, secured.operator, true, secured.violations.use
			if secured.operator.credentials == "" && !o.console.given {
				o.console.addr = ""
			}
		}
	}
	if id.credentials == "" {
		if id, err = o.identityOf(as); err != nil {
			return err
		}
		if o.console.as = id; o.principal == "" && o.server == "" && len(o.operators) > 0 { // the server is its own, and whoever uses it may be anybody there
			o.console.as.principal = o.operators[0]
		}
	}
	if o.strict && id.principal == "" {
		id.principal = defaultService // in strict mode services have to name themselves too
	}
	stop, err := o.console.start(o.options, nats, log)
	if err != nil {
		return err
	}
	defer stop()
	return daemon.Run(ctx, daemon.Config{
		NATS:   rpc.Options{URL: nats, Namespace: o.namespace, Principal: id.principal, Credentials: id.credentials, TLS: id.tls, Name: "mabus " + names(services), Replicas: o.replicas},
		Strict: o.strict, Version: version, HTTP: o.http, Log: log, Level: level, SetLevel: zerolog.SetGlobalLevel,
		OnReady: func(conn *rpc.Conn) {
			onReady(conn)
			log.Info().Str("nats", redact(nats)).Str("namespace", o.namespace).Str("services", names(services)).
				Dur("took_ms", time.Since(begin)).Msg("ready")
		},
	}, services)
}

func names(services []daemon.Service) string {
	list := make([]string, len(services))
	for i, s := range services {
		list[i] = s.Name
	}
	return strings.Join(list, " ")
}
