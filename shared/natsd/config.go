package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/credential"
)

// Config says where the server keeps its data and listens. Only DataDir is required.
type Config struct {
	// DataDir is made when it is missing. JetStream's files are in its subdirectory jetstream.
	DataDir string
	// Host is the address to listen on; 127.0.0.1 when empty.
	Host string
	// Port to listen on; 0 lets the system choose a free one.
	Port int
	// MaxPayload is the largest message body in bytes; 0 is NATS's default of 1 MiB.
	MaxPayload int32
	// MaxStore bounds what all streams together may reserve, in bytes; 0 is three quarters of the free disk.
	MaxStore int64
	// SyncAlways makes JetStream fsync before it acknowledges. Without it a loss of power, not of a process, may cost what
	// was acknowledged in the last two minutes.
	SyncAlways bool
	// ServerName identifies the server in a cluster, where it must be unique and stay the same; random when empty.
	ServerName string
	// Log receives the server's log: notices at debug level, warnings and errors at their own.
	Log zerolog.Logger
	// Cluster makes the server one of several; nil is a server of its own. A data directory is either clustered or not:
	// a clustered server deletes the streams of a stand-alone one.
	Cluster *ClusterConfig
	// Strict lets in only who has credentials, as whom they say, into the account of a namespace. Without it everybody is let in.
	Strict *credential.Material
	// TLS encrypts what clients send; nil does not.
	TLS *tls.Config
	// OnViolation, if any, hears of what the server refuses to clients, one after the other. What comes while it is busy waits in a queue
	// of 256, beyond which it is counted.
	OnViolation func(Violation)
}

// ClusterConfig joins a server to others.
type ClusterConfig struct {
	// Name is the same on every server of the cluster.
	Name string
	// Host is the address to listen on for the other servers; the one for clients when empty.
	Host string
	// Port to listen on for the other servers. It must be known beforehand, as the others name it in their routes.
	Port int
	// Routes are the URLs (nats://host:port) of every server of the cluster. Naming this server too does no harm, and lets
	// all have the same list.
	Routes []string
}

func (c *Config) host() string {
	if c.Host == "" {
		return "127.0.0.1"
	}
	return c.Host
}

func (c *Config) options() (*server.Options, error) {
	if c.DataDir == "" {
		return nil, errors.New("the NATS server needs a data directory")
	}
	if c.Port < 0 || c.Port > 65535 {
		return nil, fmt.Errorf("port %d is not between 0 and 65535", c.Port)
	}
	opts := &server.Options{
		ServerName:             c.ServerName,
		Host:                   c.host(),
		Port:                   c.Port,
		MaxPayload:             c.MaxPayload,
		JetStream:              true,
		StoreDir:               c.DataDir,
		JetStreamMaxStore:      c.MaxStore,
		SyncAlways:             c.SyncAlways,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	}
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	if c.Cluster != nil {
		if err := c.joinCluster(opts); err != nil {
			return nil, err
		}
	}
	if c.Strict != nil {
		if err := c.operate(opts); err != nil {
			return nil, err
		}
	}
	if c.TLS != nil {
		opts.TLS, opts.TLSConfig, opts.TLSTimeout = true, c.TLS, tlsSeconds
	}
	return opts, nil
}

func (c *Config) joinCluster(opts *server.Options) error {
	if c.ServerName == "" || c.Cluster.Name == "" || c.Cluster.Port <= 0 || len(c.Cluster.Routes) == 0 {
		return errors.New("a clustered NATS server needs a server name, a cluster name, a cluster port and routes")
	}
	opts.Cluster = server.ClusterOpts{Name: c.Cluster.Name, Host: c.Cluster.Host, Port: c.Cluster.Port}
	if opts.Cluster.Host == "" {
		opts.Cluster.Host = c.host()
	}
	for _, r := range c.Cluster.Routes {
		u, err := url.Parse(r)
		if err != nil {
			return fmt.Errorf("cluster route: %w", err)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return nil
}

// clientURL is where a client on this machine reaches a server that listens on host and port.
func clientURL(host string, port int) string {
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, strconv.Itoa(port))
}
