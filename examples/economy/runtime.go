// Package economy runs what the examples in its directories need: a server with Mabus, as the examples of agreement have it, and
// connections in the names of agents who trade there.
package economy

import (
	"context"
	"errors"
	"fmt"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/examples/agreement"
	"github.com/mabus-project/mabus/services/economics"
	"github.com/mabus-project/mabus/services/registry"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
)

// Unit is one unit of credit, or of any asset.
const Unit = api.Micro(api.One)

// Config says what an example needs.
type Config struct {
	// Server is the URL of a NATS server with Mabus; `mabus up` is started in a directory of its own unless given.
	Server string
	// Operator is a principal who may mint there; economics.DefaultOperator unless given.
	Operator string
	// Services run in this process too, for a server that has none.
	Services []daemon.Service
}

// Services are those that the economy takes, in the order in which they start.
func Services() []daemon.Service {
	return []daemon.Service{
		{Name: "registry", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return registry.Start(ctx, env.Conn, registry.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
		{Name: "economics", Start: func(ctx context.Context, env daemon.Env) (daemon.Running, error) {
			return economics.Start(ctx, env.Conn, economics.Config{Version: env.Version, Log: env.Log, Metrics: env.Metrics})
		}},
	}
}

// Runtime is Mabus with the example's agents. Close it.
type Runtime struct {
	// Operator is a connection in the name of an operator.
	Operator *client.Client

	server  *agreement.Runtime
	clients []*client.Client
}

// Open returns when there is an economy.
func Open(ctx context.Context, cfg Config) (*Runtime, error) {
	if cfg.Operator == "" {
		cfg.Operator = economics.DefaultOperator
	}
	server, err := agreement.Open(ctx, agreement.Config{Server: cfg.Server, Services: cfg.Services})
	if err != nil {
		return nil, err
	}
	r := &Runtime{server: server}
	if r.Operator, err = r.connect(ctx, cfg.Operator); err != nil {
		return nil, errors.Join(err, r.Close(ctx))
	}
	return r, nil
}

func (r *Runtime) connect(ctx context.Context, principal string) (*client.Client, error) {
	c, err := client.Connect(ctx, client.Options{URL: r.server.URL, Principal: principal, Name: principal})
	if err != nil {
		return nil, err
	}
	r.clients = append(r.clients, c)
	return c, nil
}

// ID returns an id that no other run of the example has on the same server: of an agent, an asset, an auction.
func (r *Runtime) ID(name string) string { return r.server.ID(name) }

// Name returns what an id was made of.
func (r *Runtime) Name(id string) string { return r.server.Name(id) }

// As connects in the name of an agent, who gets an amount of credit to begin with.
func (r *Runtime) As(ctx context.Context, name string, credit api.Micro) (*client.Client, error) {
	if credit > 0 {
		if _, err := r.Operator.Ledger.Mint(ctx, api.MintRequest{To: api.AccountID(r.ID(name)), Amount: credit, Note: "to begin with"}); err != nil {
			return nil, fmt.Errorf("mint for %s: %w", name, err)
		}
	}
	return r.connect(ctx, r.ID(name))
}

// Has returns what an agent has of an asset, credit if that is "", without what is held.
func (r *Runtime) Has(ctx context.Context, name, asset string) (api.Micro, error) {
	a, err := r.Operator.Ledger.Account(ctx, api.Account(r.ID(name), "", asset))
	if err != nil {
		return 0, fmt.Errorf("look at the account of %s: %w", name, err)
	}
	return a.Available, nil
}

// Balanced counts the whole ledger, and returns how many accounts there are beside those out of which assets are issued. It is an error if something is missing, or too much.
func (r *Runtime) Balanced(ctx context.Context) (accounts int, err error) {
	audit, err := r.Operator.Ledger.Audit(ctx)
	if err != nil {
		return 0, err
	}
	for _, t := range audit.Assets {
		if !t.Agree {
			return 0, fmt.Errorf("of %s there are %s and %s held, and %s were issued", t.Asset, Units(t.Available), Units(t.Held), Units(t.Issued))
		}
		accounts += t.Accounts
	}
	return accounts, nil
}

// Units writes an amount in units, such as 12.5.
func Units(m api.Micro) string { return api.Decimal(m).String() }

// Close ends all of it.
func (r *Runtime) Close(ctx context.Context) error {
	for _, c := range r.clients {
		c.Close()
	}
	return r.server.Close(ctx)
}
