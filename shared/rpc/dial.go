package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
)

// Options say where and as whom to connect.
type Options struct {
	// URL of the NATS server, or several with commas between.
	URL string
	// Namespace is api.DefaultNamespace unless given. It is one that api.CheckNamespace lets through.
	Namespace string
	// AnyNamespace lets through what earlier versions did: for looking at what they have made, copying and removing it.
	AnyNamespace bool
	// Principal is who asks; empty for whom the credentials name, or without any of Mabus for nobody in particular. With it, subjects take
	// their as form.
	Principal string
	// Name is shown in the server's list of connections.
	Name string
	// Credentials is the path of a NATS credentials file; optional.
	Credentials string
	// TLS says whom to trust as the server, and which certificate to show; with it nothing is sent in the clear. Nil is for servers
	// that want none, or have one that the system trusts.
	TLS *tls.Config
	// Wait keeps trying until ctx ends when the server is not there yet, as services do. A person wants to hear at once.
	Wait bool
	// Background says that what is asked for nobody in particular begins no trace: services have much to ask of one another.
	Background bool
	// Replicas of what this process creates in JetStream; 1 unless given.
	Replicas int
	// Log gets connection trouble; zero means none.
	Log zerolog.Logger
}

// Conn is one process's connection to one namespace. That of a host in strict mode is two: its stores are reached over one in the account of
// hosts, so what goes to JetStream, and to the subjects of streams, is published on JS.Conn() and never on NC.
type Conn struct {
	NC        *nats.Conn
	JS        jetstream.JetStream
	Blobs     *blob.Store
	Namespace string
	Principal string
	Replicas  int

	state *state // shared by all names of the connection
}

// state is what the names of one connection share.
type state struct {
	inbox   inbox
	stores  inbox // of a host, over its connection to the stores
	cancels cancels
	shares  shares
	beat    time.Duration // tests shorten it

	measures atomic.Pointer[measures] // nil unless the connection is measured

	background bool
	instance   string // of whatever answers over the connection; shown by discovery

	principal string      // that the connection was made for
	identity  identity    // that its credentials are of
	noStores  atomic.Bool // the server has refused JetStream
}

func (s *state) heartbeat() time.Duration {
	if s.beat > 0 {
		return s.beat
	}
	return Heartbeat
}

// Reconnecting soon and pinging often is what makes "no responders" a usable suspicion (design: quick suspicion).
const (
	reconnectWait   = 50 * time.Millisecond
	reconnectJitter = 50 * time.Millisecond
	pingInterval    = time.Second
	pingsMissed     = 3
	connectTimeout  = 2 * time.Second
	listenTimeout   = 20 * time.Second
)

// Dial connects. It fails with unavailable when no server answers, or, with Wait, when ctx ends first, and with unauthenticated when the
// server does not take the credentials.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	if o.Namespace == "" {
		o.Namespace = api.DefaultNamespace
	}
	if err := api.CheckNamespace(o.Namespace); err != nil && (!o.AnyNamespace || api.ReasonOf(err) != api.ReasonNamespaceTaken) {
		return nil, err
	}
	if err := api.CheckOptionalID("principal", o.Principal); err != nil {
		return nil, err
	}
	if o.Principal == "" { // a strict server grants the inboxes of that name alone
		o.Principal = nameIn(o.Credentials)
	}
	for {
		c, err := connect(o)
		if err == nil {
			return c, nil
		}
		if api.CodeOf(err) == api.Unauthenticated {
			return nil, err
		}
		if isCredentials(err) {
			return nil, api.Errorf(api.Unauthenticated, "the NATS server at %s does not let %s in: %v", o.URL, orYou(o.Principal), err).WithReason(api.ReasonCredentials)
		}
		if !o.Wait || permanent(err) {
			return nil, api.Errorf(api.Unavailable, "no NATS server answers at %s: %v", o.URL, err)
		}
		o.Log.Info().Err(err).Str("url", o.URL).Msg("waiting for NATS")
		select {
		case <-ctx.Done():
			return nil, api.Errorf(api.Unavailable, "no NATS server answered at %s: %v", o.URL, err)
		case <-time.After(reconnectWait * 4):
		}
	}
}

// connect tries once.
func connect(o Options) (*Conn, error) {
	nc, err := nats.Connect(o.URL, natsOptions(o)...)
	if err != nil {
		return nil, err
	}
	stores, err := dialStores(nc, o)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return newConn(nc, stores, o)
}

// Bind makes a Conn of a connection that somebody else owns.
func Bind(nc *nats.Conn, namespace string) (*Conn, error) {
	if err := api.CheckNamespace(namespace); err != nil {
		return nil, err
	}
	return newConn(nc, nc, Options{Namespace: namespace})
}

// ackTime is how long an asynchronous publication is remembered without an acknowledgement. One that was lost with a server would be for
// ever, and some thousands of those let no further ones through.
const ackTime = 30 * time.Second

// newConn takes the connection for messages, and that for stores, which is another one for hosts alone.
func newConn(nc, stores *nats.Conn, o Options) (*Conn, error) {
	js, err := jetstream.New(stores, jetstream.WithPublishAsyncTimeout(ackTime))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	id := identityOf(nc)
	if id.kind == api.KindHost {
		js = lookOnly{js}
	}
	c := &Conn{
		NC: nc, JS: js, Namespace: o.Namespace, Principal: o.Principal, Replicas: max(o.Replicas, 1),
		Blobs: blob.New(js, o.Namespace, o.Replicas), state: &state{background: o.Background, instance: nuid.Next(), principal: o.Principal, identity: id},
	}
	c.watchRefusals()
	if stores != nc {
		c.watchStores(stores)
	}
	return c, nil
}

// WithPrincipal returns the same connection in the name of another principal.
func (c *Conn) WithPrincipal(principal string) *Conn {
	as := *c
	as.Principal = principal
	return &as
}

// Close closes the connection, and what its names share.
func (c *Conn) Close() {
	c.state.shares.close()
	c.JS.Conn().Close()
	c.NC.Close()
}

// permanent tells whether waiting cannot help: what we were given to show to the server cannot be read.
func permanent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

func natsOptions(o Options) []nats.Option {
	log := o.Log
	overruns := log.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Second})
	opts := []nats.Option{
		nats.Name(o.Name), nats.Timeout(connectTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter), nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsMissed),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if !nc.IsClosed() {
				log.Warn().Err(err).Msg("disconnected from NATS")
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info().Str("url", nc.ConnectedUrlRedacted()).Msg("reconnected to NATS") }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			e := log.Error().Err(err)
			if errors.Is(err, nats.ErrSlowConsumer) {
				e = overruns.Error().Err(err) // which comes by the thousand
			}
			if sub != nil {
				e = e.Str("subject", sub.Subject)
			}
			e.Msg("NATS")
		}),
	}
	if o.Credentials != "" {
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.TLS != nil {
		opts = append(opts, nats.Secure(o.TLS))
	}
	if o.Principal != "" {
		opts = append(opts, nats.CustomInboxPrefix("_INBOX_"+o.Principal))
	}
	return opts
}
