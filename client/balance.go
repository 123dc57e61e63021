package client

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Option changes a client that is being made.
type Option func(*Client) error

// WithBalance has the client choose among agents of a capability by a configuration of its own; api.CallerBalanceConfig is what it
// has otherwise. Connect fails if it is invalid. A client with its own has its own view of the agents as well (see SetBalance).
func WithBalance(cfg api.BalanceConfig) Option {
	return func(c *Client) error { return c.SetBalance(cfg) }
}

// WithoutBalance has the client leave the choice to NATS, which knows nothing of loads: see Client.WithoutBalance.
func WithoutBalance() Option {
	return func(c *Client) error { c.WithoutBalance(); return nil }
}

// choosing is by what a client chooses among agents.
type choosing struct {
	mu  sync.Mutex
	off bool
	own *fleet
}

// SetBalance has the client choose by a configuration of its own from now on; an invalid one is refused and changes nothing.
//
// With the first call by capability a client begins to follow which agents run and what their hosts tell of their load, until it is
// closed. All clients of a connection share that unless they have a configuration of their own. It takes about eight goroutines, and
// some 1 KiB of memory for each running agent of the namespace.
func (c *Client) SetBalance(cfg api.BalanceConfig) error {
	c.choosing.mu.Lock()
	defer c.choosing.mu.Unlock()
	if own := c.choosing.own; own != nil {
		if err := own.picker.Configure(cfg); err != nil {
			return err
		}
		c.choosing.off = false
		return nil
	}
	f, err := newFleet(c.conn, cfg)
	if err != nil {
		return err
	}
	// The connection ends it, also when others than this client close that.
	if c.conn.Share(&c.choosing, func() rpc.Share { return f }) == nil {
		return api.Errorf(api.Unavailable, "the connection is closed")
	}
	c.choosing.off, c.choosing.own = false, f
	return nil
}

// WithoutBalance has the client send to the queue group of a capability from now on: NATS chooses any of its agents.
func (c *Client) WithoutBalance() {
	c.choosing.mu.Lock()
	defer c.choosing.mu.Unlock()
	c.choosing.off = true
}

type fleetKey struct{}

// fleet returns what the client chooses by; nil if it leaves that to NATS.
func (c *Client) fleet() *fleet {
	c.choosing.mu.Lock()
	off, f := c.choosing.off, c.choosing.own
	c.choosing.mu.Unlock()
	switch {
	case off:
		return nil
	case f != nil:
		return f
	}
	f, _ = c.conn.Share(fleetKey{}, func() rpc.Share {
		f, _ := newFleet(c.conn, api.CallerBalanceConfig()) // which is valid
		return f
	}).(*fleet)
	return f
}

type (
	keyKey    struct{}
	tenantKey struct{}
)

// WithKey returns a context whose calls by capability go, for the same key, to the same agent as long as that has room, by consistent
// hashing with bounded load: the same one for every client. When agents come or go, few keys move.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyKey{}, key)
}

// WithTenant returns a context whose calls by capability are made on behalf of a tenant. When the tenants of one process want more than
// the agents can take, each gets its share (overloaded, tenant_over_share beyond it): see api.BalanceConfig.Tenants.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// directTries is how many agents a message is sent to, none of which listens, before it goes to the queue group.
const directTries = 3

// route is where one message to any agent of a capability goes: to chosen ones, and then to the queue group. It implements rpc.Route.
type route struct {
	fleet      *fleet
	ctx        context.Context
	capability string
	group      string
	tried      []string
	pick       balance.Pick
	begun      time.Duration
	chosen     bool // pick is under way
	grouped    bool // it went to the queue group: there is nowhere left
	first      string
	err        error
}

func (c *Client) route(ctx context.Context, capability string) *route {
	r := &route{ctx: ctx, capability: capability, group: api.CapabilitySubject(c.conn.Namespace, capability)}
	if f := c.fleet(); f != nil && f.isReady() {
		r.fleet = f
	}
	return r
}

// begin finds the first place, so that err is known before anything is sent.
func (r *route) begin() { r.first = r.Next() }

// Next returns where the message goes; after the first time it means that nobody listened where it went before. It is "" when the
// queue group was the last, or when all agents are overloaded, which err says then.
func (r *route) Next() string {
	if first := r.first; first != "" {
		r.first = ""
		return first
	}
	if r.chosen {
		r.chosen = false
		r.fleet.gone(r.pick)
		r.tried = append(r.tried, r.pick.ID)
	}
	if r.grouped {
		return ""
	}
	if r.fleet != nil && len(r.tried) < directTries && r.fleet.picker.Reach(r.capability) > 0 {
		if subject, ok := r.choose(); ok {
			return subject
		}
		if r.err != nil {
			return ""
		}
	}
	r.grouped = true
	return r.group
}

func (r *route) choose() (subject string, ok bool) {
	key, _ := r.ctx.Value(keyKey{}).(string)
	tenant, _ := r.ctx.Value(tenantKey{}).(string)
	r.begun = r.fleet.now()
	pick, err := r.fleet.picker.Pick(balance.Request{
		Capabilities: []string{r.capability}, Key: key, Tenant: tenant, Not: r.tried, Now: r.begun,
	}, rand.Uint64())
	if err != nil {
		if api.CodeOf(err) == api.Overloaded {
			r.err = err
		}
		return "", false
	}
	r.pick, r.chosen = pick, true
	if r.fleet.isDeaf(pick.ID) {
		r.grouped = true
		return r.group, true
	}
	return r.fleet.subject(pick.ID), true
}

// End tells what became of the message where it went last.
func (r *route) End(err error) { r.end(err, true) }

func (r *route) end(err error, untimed bool) {
	if !r.chosen {
		return
	}
	r.chosen = false
	now := r.fleet.now()
	o := balance.Outcome{Now: now, Latency: now - r.begun, Failed: api.IsFault(err)}
	o.Untimed = untimed || err != nil && !o.Failed // who refuses is quick
	o.Unknown = api.CodeOf(err) == api.Cancelled   // who gives up says nothing of the agent
	r.fleet.picker.Done(r.pick, o)
}

// toAny sends a message to any one agent that has a capability.
func toAny[T any](ctx context.Context, c *Client, capability string, untimed bool, send func(ctx context.Context, subject string) (T, error)) (T, error) {
	r := c.route(ctx, capability)
	ctx = rpc.Asking(ctx, capability)
	var answer T
	err := noAgent(capability)
	for {
		subject := r.Next()
		if subject == "" {
			if r.err != nil {
				err = r.err
			}
			return answer, err
		}
		var sent error
		if answer, sent = send(ctx, subject); !isUnheard(sent) {
			r.end(sent, untimed)
			return answer, sent
		}
	}
}
