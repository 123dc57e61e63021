package http

import (
	"context"
	"net"
	nethttp "net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	defaultPoolSize    = 16
	defaultIdleTimeout = 90 * time.Second
	dialTimeout        = 10 * time.Second
	maxHeader          = 64 << 10
)

// pool is the connections to the endpoint. They are HTTP/1.1, which every endpoint speaks, so one connection carries one
// request: a bound on connections is a bound on requests, and the figures mean what they say.
type pool struct {
	transport *nethttp.Transport

	mu    sync.Mutex
	conns map[*conn]*use // by whom each open connection is used; nil by nobody
}

// use is one request's use of a connection.
type use struct {
	got  atomic.Bool // it had a connection, so it may have reached the endpoint
	over bool        // it needs no connection any more; under the pool's lock
}

type useKey struct{}

type conn struct {
	net.Conn
	pool *pool
}

func newPool(spec *api.PoolSpec) *pool {
	p := &pool{conns: map[*conn]*use{}}
	idle, timeout, size := defaultPoolSize, defaultIdleTimeout, 0
	if spec != nil {
		if size = spec.Size; size == 0 {
			size = defaultPoolSize
		}
		if idle = spec.Idle; idle == 0 {
			idle = size
		}
		if spec.IdleTimeout > 0 {
			timeout = spec.IdleTimeout.Std()
		}
	}
	protocols := new(nethttp.Protocols)
	protocols.SetHTTP1(true)
	p.transport = &nethttp.Transport{
		Proxy: nethttp.ProxyFromEnvironment, DialContext: p.dial, Protocols: protocols,
		MaxConnsPerHost: size, MaxIdleConnsPerHost: idle, IdleConnTimeout: timeout,
		TLSHandshakeTimeout: dialTimeout, MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
	}
	return p
}

func (p *pool) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	raw, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &conn{raw, p}
	by, _ := ctx.Value(useKey{}).(*use)
	p.mu.Lock()
	if by != nil && by.over { // its caller has given up meanwhile, and the connection is kept for others
		by = nil
	}
	p.conns[c] = by
	p.mu.Unlock()
	return c, nil
}

func (c *conn) Close() error {
	c.pool.mu.Lock()
	delete(c.pool.conns, c)
	c.pool.mu.Unlock()
	return c.Conn.Close()
}

// begin returns the context of a request, and what is known of it. end says that it needs no connection any more.
func (p *pool) begin(ctx context.Context) (_ context.Context, u *use, end func()) {
	u = &use{}
	ctx = context.WithValue(ctx, useKey{}, u)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		u.got.Store(true)
		raw := info.Conn
		if wrapped, ok := raw.(interface{ NetConn() net.Conn }); ok { // TLS
			raw = wrapped.NetConn()
		}
		if c, ok := raw.(*conn); ok {
			p.mu.Lock()
			if _, open := p.conns[c]; open {
				p.conns[c] = u
			}
			p.mu.Unlock()
		}
	}})
	return ctx, u, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		u.over = true
		for c, by := range p.conns {
			if by == u {
				p.conns[c] = nil
			}
		}
	}
}

// idle counts the connections that are open and that no request uses.
func (p *pool) idle() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, by := range p.conns {
		if by == nil {
			n++
		}
	}
	return n
}

func (p *pool) close() { p.transport.CloseIdleConnections() }
