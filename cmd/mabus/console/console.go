package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client"
)

// DefaultAddr is where the console is served unless said otherwise.
const DefaultAddr = "127.0.0.1:7878"

// MaxBrowsers is how many streams and snapshots are served at a time; further ones are overloaded.
const MaxBrowsers = 64

// MaxConnections is how many connections there are at a time, of which a browser has some six; further ones are closed at once, so that
// files and sockets are left for what else the process does.
const MaxConnections = 512

const (
	headerTimeout = 5 * time.Second
	idleTimeout   = time.Minute      // of a connection without a request, and of all of a request that is no stream
	writeTimeout  = 5 * time.Second  // for one message to a browser, which is cut off then
	readTimeout   = 3 * time.Second  // of one read of a table
	actionTimeout = 30 * time.Second // an agent may take that long to stop
	pulseEvery    = time.Second      // between two messages that tell how old the tables are
	wakeGap       = 100 * time.Millisecond
	maxHeader     = 16 << 10
)

// Config says what to serve and where.
type Config struct {
	// NATS says where and as whom to connect. What is written is written in this principal's name.
	NATS client.Options
	// Addr is the address to listen on, such as DefaultAddr or "127.0.0.1:0".
	Addr string
	// AnyPort takes another free port when that of Addr is in use.
	AnyPort bool
	// Write allows to answer questions, to cancel tasks and sessions, and to stop and restart agents.
	Write bool
	// Token is what browsers have to know if one is needed; a new one is made unless given.
	Token   string
	Version string
	Log     zerolog.Logger
	// Pace is the time between two reads of what changes most often; 1s unless given. Other reads are as much slower or faster.
	Pace time.Duration
}

// Gateway serves the console until Stop.
type Gateway struct {
	cfg    Config
	token  string // "" if none is needed
	local  bool   // listens on the loopback interface alone
	addr   string
	server *http.Server
	base   context.Context
	end    context.CancelFunc
	done   chan struct{}
	seats  chan struct{}
	open   atomic.Int64 // connections

	connect sync.Mutex // held while connecting
	client  atomic.Pointer[client.Client]
	failed  error // of the last attempt to connect, until retryAt
	retryAt time.Time

	mu   sync.Mutex
	hubs map[string]*hub
}

// Start listens, and serves until Stop. It does not wait for NATS.
func Start(cfg Config) (*Gateway, error) {
	if cfg.Pace <= 0 {
		cfg.Pace = time.Second
	}
	l, err := listen(cfg)
	if err != nil {
		return nil, fmt.Errorf("listen for the console: %w", err)
	}
	g := &Gateway{
		cfg: cfg, addr: l.Addr().String(), local: loopback(l.Addr()), done: make(chan struct{}), seats: make(chan struct{}, MaxBrowsers),
		hubs: map[string]*hub{},
	}
	if cfg.Write || !g.local {
		if g.token = cfg.Token; g.token == "" {
			g.token = rand.Text()
		}
	}
	g.base, g.end = context.WithCancel(context.Background())
	g.server = &http.Server{
		Handler: g.handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: idleTimeout, WriteTimeout: idleTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return g.base }, ConnState: g.count,
	}
	go func() {
		defer close(g.done)
		if err := g.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error().Err(err).Msg("the console has ended")
		}
	}()
	return g, nil
}

// count counts the connections, and closes a new one that is one too many.
func (g *Gateway) count(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if g.open.Add(1) > MaxConnections {
			_ = c.Close() // the server sees that, and says that it is closed
		}
	case http.StateClosed, http.StateHijacked:
		g.open.Add(-1)
	}
}

func listen(cfg Config) (net.Listener, error) {
	l, err := net.Listen("tcp", cfg.Addr)
	if err == nil || !cfg.AnyPort || !errors.Is(err, syscall.EADDRINUSE) {
		return l, err
	}
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

func loopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// URL returns where a browser finds the console, with the token if one is needed. It is in the fragment, which browsers do not send.
func (g *Gateway) URL() string {
	url := "http://" + g.addr + "/"
	if g.token != "" {
		url += "#token=" + g.token
	}
	return url
}

// Stop ends all streams, and waits for what has begun, until ctx ends.
func (g *Gateway) Stop(ctx context.Context) error {
	g.end()
	err := g.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, g.server.Close())
	}
	<-g.done
	g.connect.Lock()
	defer g.connect.Unlock()
	if c := g.client.Load(); c != nil {
		c.Close()
	}
	return err
}
