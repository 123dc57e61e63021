package natsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a NATS server in this process, and the owner of its data directory.
type Server struct {
	nats *server.Server
	log  *serverLog
	dir  string
	url  string
	// accounts that streams may be in
	accounts []string
	lock     *dirLock
	stop     sync.Once
}

// Start runs a server; when it returns, clients can connect and JetStream answers (in a cluster: as soon as the servers
// have elected a leader). ctx bounds the start and nothing later. It returns ErrInUse when another process, or another
// Server of this one, holds the data directory.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	opts, err := cfg.options()
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, cfg, opts, lock)
	if err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return s, nil
}

func start(ctx context.Context, cfg Config, opts *server.Options, lock *dirLock) (*Server, error) {
	// A killed owner leaves its note behind.
	if err := removeNote(cfg.DataDir); err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("configure the NATS server: %w", err)
	}
	s := &Server{nats: ns, dir: cfg.DataDir, lock: lock, accounts: cfg.accounts()}
	s.log = newLog(cfg.Log)
	if cfg.OnViolation != nil {
		s.log.hear(newViolations(ns, cfg.OnViolation))
	}
	ns.SetLoggerV2(s.log, false, false, false)
	ns.Start()
	if err := s.ready(ctx); err != nil {
		s.shutdown()
		return nil, fmt.Errorf("start the NATS server on %s: %w", net.JoinHostPort(cfg.host(), fmt.Sprint(cfg.Port)), err)
	}
	addr, ok := ns.Addr().(*net.TCPAddr)
	if !ok {
		s.shutdown()
		return nil, fmt.Errorf("start the NATS server: it listens on %v, which is not TCP", ns.Addr())
	}
	s.url = clientURL(cfg.host(), addr.Port)
	s.log.started()
	if err := writeNote(s.dir, note{URL: s.url, PID: os.Getpid(), ServerID: ns.ID()}); err != nil {
		s.shutdown()
		return nil, err
	}
	return s, nil
}

// ready waits until the server accepts connections, gives up, or ctx ends.
func (s *Server) ready(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := s.log.failure(); err != nil {
			return err
		}
		if s.nats.ReadyForConnections(time.Millisecond) {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	if !s.nats.JetStreamEnabled() {
		return errors.New("JetStream did not start")
	}
	return ctx.Err()
}

// URL returns where clients on this machine connect, for example nats://127.0.0.1:4222.
func (s *Server) URL() string { return s.url }

// Stop ends the server and returns when it is fully down and another process may have the data directory. It may be called
// more than once.
func (s *Server) Stop() {
	s.stop.Do(func() {
		if err := removeNote(s.dir); err != nil {
			s.log.log.Warn().Err(err).Msg("stopping NATS")
		}
		s.shutdown()
		if err := s.lock.release(); err != nil {
			s.log.log.Warn().Err(err).Msg("stopping NATS")
		}
	})
}

func (s *Server) shutdown() {
	s.log.hear(nil).close() // while the server still knows whom it has refused
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// Meta is what a server knows of its JetStream cluster. A stand-alone server is the current leader of one.
type Meta struct {
	// Leader tells whether this server leads the cluster's meta group.
	Leader bool
	// Current tells whether this server has seen all that the group decided.
	Current bool
	// Peers counts the servers that the leader sees on line, itself included; 0 on the others.
	Peers int
}

// Meta returns the present state of the cluster as this server sees it.
func (s *Server) Meta() Meta {
	// Asking a stand-alone server for its peers makes it panic.
	if !s.nats.JetStreamIsClustered() {
		return Meta{Leader: true, Current: true, Peers: 1}
	}
	return Meta{
		Leader:  s.nats.JetStreamIsLeader(),
		Current: s.nats.JetStreamIsCurrent(),
		Peers:   len(s.nats.JetStreamClusterPeers()),
	}
}

// LeadsStream tells whether this server leads the named stream, of any account.
func (s *Server) LeadsStream(stream string) bool {
	return slices.ContainsFunc(s.accounts, func(account string) bool { return s.nats.JetStreamIsStreamLeader(account, stream) })
}
