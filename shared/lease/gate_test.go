package lease_test

import (
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/natstest"
)

// gate cuts one client off from a server that serves the others.
type gate struct {
	mu     sync.Mutex
	closed bool
	conns  []net.Conn
}

func connectThroughGate(t testing.TB, url string) (*nats.Conn, *gate) {
	t.Helper()
	g := &gate{}
	return natstest.Connect(t, url, nats.SetCustomDialer(g)), g
}

// Dial is for the client.
func (g *gate) Dial(network, address string) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errors.New("cut off")
	}
	c, err := net.Dial(network, address)
	if err == nil {
		g.conns = append(g.conns, c)
	}
	return c, err
}

func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, c := range g.conns {
		c.Close()
	}
}

func (g *gate) mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}
