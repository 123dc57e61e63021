// Package client is the Go SDK of Mabus: a few lines per call, each of them one request that any NATS client could send as
// well (docs/protocol.md).
package client

import (
	"context"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Options say where and as whom to connect.
type Options = rpc.Options

// Client talks to one namespace. It is safe for concurrent use, and reads what it has written itself, whichever replica
// answers.
type Client struct {
	conn      *rpc.Conn
	measuring measuring
	choosing  choosing

	Agents   Agents
	Hosts    Hosts
	Services Services
	Tasks    Tasks
	Jobs     Jobs
	Budgets  Budgets
	Work     Work
	Balancer Balancer

	Locks     Locks
	Elections Elections
	Cells     Cells
	Barriers  Barriers
	Latches   Latches
	Counters  Counters
	Sequences Sequences
	Protocols Protocols
	Sessions  Sessions
	Variables Variables

	Ledger     Ledger
	Auctions   Auctions
	Reputation Reputation
	Reports    Reports
	Tenders    Tenders
	Contracts  Contracts
	Bazaars    Bazaars
	Markets    Markets
	Prices     Prices
	Choices    Choices

	Config  Config
	Events  Events
	Metrics Metrics
	Alerts  Alerts
	Secrets Secrets
	Rules   Rules
}

var _ agent.Bus = (*Client)(nil)

// Connect connects to NATS. The error is unavailable when no server answers.
func Connect(ctx context.Context, o Options, opts ...Option) (*Client, error) {
	if o.Name == "" {
		o.Name = "mabus client"
	}
	conn, err := rpc.Dial(ctx, o)
	if err != nil {
		return nil, err
	}
	c := New(conn)
	for _, opt := range opts {
		if err := opt(c); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// New returns a client on a connection that somebody else owns.
func New(conn *rpc.Conn) *Client {
	locks, council, economy := &session{}, &session{}, &session{} // elections are locks; the others stand in one log each
	return &Client{
		conn: conn, Agents: Agents{conn, &session{}}, Hosts: Hosts{conn, &session{}}, Services: Services{conn, &session{}}, Tasks: Tasks{conn}, Jobs: Jobs{conn}, Budgets: Budgets{conn}, Work: Work{conn, Hosts{conn, &session{}}}, Balancer: Balancer{conn},
		Locks: Locks{conn, locks}, Elections: Elections{conn, locks}, Cells: Cells{conn}, Barriers: Barriers{conn}, Latches: Latches{conn}, Counters: Counters{conn}, Sequences: Sequences{conn},
		Protocols: Protocols{conn, council}, Sessions: Sessions{conn, council}, Variables: Variables{conn, council},
		Ledger: Ledger{conn, economy}, Auctions: Auctions{conn, economy}, Reputation: Reputation{conn, economy}, Reports: Reports{conn, economy},
		Tenders: Tenders{conn, economy}, Contracts: Contracts{conn, economy}, Bazaars: Bazaars{conn, economy}, Markets: Markets{conn, economy},
		Prices: Prices{conn, economy}, Choices: Choices{conn, economy}, Metrics: Metrics{conn},
		Config: Config{conn, &session{}},
		Events: Events{conn, &session{}}, Alerts: Alerts{conn, &session{}, &session{}},
		Secrets: Secrets{conn, &session{}}, Rules: Rules{conn},
	}
}

// Conn returns the connection.
func (c *Client) Conn() *rpc.Conn { return c.conn }

// Close closes the connection.
func (c *Client) Close() {
	c.measuring.stop()
	c.conn.Close()
}

// WithRequestID returns a context whose next call carries the request id: repeated with the same id, a state change happens
// once and every repetition gets the first answer, for 10 minutes.
func WithRequestID(ctx context.Context, id string) context.Context {
	return rpc.WithRequestID(context.WithValue(ctx, requestIDKey{}, id), id)
}

// WithCausation returns a context whose calls are made on account of an event: the events of what they change name it as their cause.
func WithCausation(ctx context.Context, eventID string) context.Context {
	cause := rpc.CauseFrom(ctx)
	cause.Causation = eventID
	return rpc.WithCause(ctx, cause)
}

type requestIDKey struct{}
