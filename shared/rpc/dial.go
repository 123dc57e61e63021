package rpc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/blob"
)

// Options say where and as whom to connect.
type Options struct {
	// URL of the NATS server, or several with commas between.
	URL string
	// Namespace is api.DefaultNamespace unless given.
	Namespace string
	// Principal is who asks; empty for nobody in particular. With it, subjects take their as form.
	Principal string
	// Name is shown in the server's list of connections.
	Name string
	// Credentials is the path of a NATS credentials file; optional.
	Credentials string
	// Wait keeps trying until ctx ends when the server is not there yet, as services do. A person wants to hear at once.
	Wait bool
	// Replicas of what this process creates in JetStream; 1 unless given.
	Replicas int
	// Log gets connection trouble; zero means none.
	Log zerolog.Logger
}

// Conn is one process's connection to one namespace.
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
	cancels cancels
	beat    time.Duration // tests shorten it
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
)

// Dial connects. It fails with unavailable when no server answers, or, with Wait, when ctx ends first.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	if o.Namespace == "" {
		o.Namespace = api.DefaultNamespace
	}
	if !api.ValidID(o.Namespace) {
		return nil, api.Errorf(api.Invalid, "namespace must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", api.MaxIDLength)
	}
	if err := api.CheckOptionalID("principal", o.Principal); err != nil {
		return nil, err
	}
	for {
		nc, err := nats.Connect(o.URL, natsOptions(o)...)
		if err == nil {
			return newConn(nc, o)
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

// Bind makes a Conn of a connection that somebody else owns.
func Bind(nc *nats.Conn, namespace string) (*Conn, error) {
	if !api.ValidID(namespace) {
		return nil, api.Errorf(api.Invalid, "namespace must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", api.MaxIDLength)
	}
	return newConn(nc, Options{Namespace: namespace})
}

// ackTime is how long an asynchronous publication is remembered without an acknowledgement. One that was lost with a server would be for
// ever, and some thousands of those let no further ones through.
const ackTime = 30 * time.Second

func newConn(nc *nats.Conn, o Options) (*Conn, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(ackTime))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return &Conn{
		NC: nc, JS: js, Namespace: o.Namespace, Principal: o.Principal, Replicas: max(o.Replicas, 1),
		Blobs: blob.New(js, o.Namespace, o.Replicas), state: &state{},
	}, nil
}

// WithPrincipal returns the same connection in the name of another principal.
func (c *Conn) WithPrincipal(principal string) *Conn {
	as := *c
	as.Principal = principal
	return &as
}

// Close closes the connection.
func (c *Conn) Close() { c.NC.Close() }

// permanent tells whether waiting cannot help: the server refuses us, or what we were given to show it cannot be read.
func permanent(err error) bool {
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
}

func natsOptions(o Options) []nats.Option {
	log := o.Log
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
			if sub != nil {
				e = e.Str("subject", sub.Subject)
			}
			e.Msg("NATS")
		}),
	}
	if o.Credentials != "" {
		opts = append(opts, nats.UserCredentials(o.Credentials))
	}
	if o.Principal != "" {
		opts = append(opts, nats.CustomInboxPrefix("_INBOX_"+o.Principal))
	}
	return opts
}
