// Package natstest gives tests a real NATS server, with JetStream on disk: one in the test's process, one in a process of
// its own that can be killed, or a cluster of several.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/natsd"
)

// maxStore lets the streams of a test reserve what they like: it is a bound on reservations, and nothing is allocated.
const maxStore = 1 << 40

// Server is a stand-alone server in the test's process, on a port of the loopback interface. Its methods are for the
// test's goroutine.
type Server struct {
	cfg natsd.Config
	run *natsd.Server
	url string
}

// Start runs a server on a directory of its own, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	return StartWith(t, natsd.Config{})
}

// StartWith is Start with settings, for example a small MaxPayload. What is left out is as Start has it.
func StartWith(t testing.TB, cfg natsd.Config) *Server {
	t.Helper()
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	if cfg.MaxStore == 0 {
		cfg.MaxStore = maxStore
	}
	if cfg.Port == 0 {
		cfg.Port = FreePorts(t, 1)[0]
	}
	s := &Server{cfg: cfg}
	t.Cleanup(s.Stop)
	s.start(t)
	return s
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	run, err := natsd.Start(t.Context(), s.cfg)
	if err != nil {
		t.Fatalf("start NATS: %v", err)
	}
	s.run, s.url = run, run.URL()
}

// URL returns where clients connect. It stays the same over a Restart.
func (s *Server) URL() string { return s.url }

// DataDir returns the server's data directory.
func (s *Server) DataDir() string { return s.cfg.DataDir }

// Connect returns a connection that lasts as long as the test.
func (s *Server) Connect(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	return Connect(t, s.url, opts...)
}

// Stop ends the server in good order: what it stored is flushed. StartProcess has one that can be killed.
func (s *Server) Stop() {
	if s.run != nil {
		s.run.Stop()
		s.run = nil
	}
}

// Restart stops the server if it runs, and starts it again on the same port and directory.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.start(t)
}

// Connect connects as Mabus's processes do, so that a test meets the same reconnects: soon, for ever, and with pings each
// second. The connection is closed when the test ends.
func Connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.Name(t.Name()),
		nats.Timeout(30 * time.Second), // a starved server greets late
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50 * time.Millisecond),
		nats.ReconnectJitter(10*time.Millisecond, 10*time.Millisecond),
		nats.PingInterval(time.Second),
	}, opts...)...)
	if err != nil {
		t.Fatalf("connect to %s: %v", url, err)
	}
	t.Cleanup(nc.Close)
	return nc
}
