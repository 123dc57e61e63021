package main

import (
	"context"
	"errors"
	"sync"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/daemon"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/rpc"
)

// stack is NATS with all services behind it, for the length of one command: those of --server, those that another process
// runs on the data directory, or this process's own. When that other process ends first, this one takes its place.
type stack struct {
	o    *options
	log  zerolog.Logger
	url  string
	nats *embedded // nil with --server

	strict *strictNATS // nil unless the data is that of a strict server

	own     context.Context // of this process's services
	end     context.CancelFunc
	serving sync.WaitGroup
	ready   chan struct{}
	once    sync.Once
	failed  chan error // gets why this process's services ended, if they did by themselves
	err     error      // of their end, after serving
}

func newStack(ctx context.Context, o *options, log zerolog.Logger) (*stack, error) {
	s := &stack{o: o, log: log, url: o.server, ready: make(chan struct{}), failed: make(chan error, 1)}
	s.own, s.end = context.WithCancel(context.WithoutCancel(ctx)) // they end after the command, also when it is interrupted
	if o.server != "" {
		return s, nil
	}
	var err error
	cfg := natsd.Config{DataDir: o.data, MaxStore: unlimited, Log: log}
	if s.strict, err = o.secure(ctx, &cfg, false, identity{principal: defaultService}, api.KindService, defaultOperator); err != nil {
		s.end()
		return nil, err
	}
	if s.nats, err = embed(ctx, cfg, s.serve); err != nil {
		s.end()
		return nil, err
	}
	s.url = s.nats.url
	if s.strict != nil {
		if err := s.strict.started(ctx, s.url, s.nats.owned(), log); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	if !s.nats.owned() {
		return s, nil
	}
	s.serve()
	wait, cancel := context.WithTimeout(ctx, embedTime)
	defer cancel()
	select {
	case <-s.ready:
		return s, nil
	case err = <-s.failed:
	case <-wait.Done():
		if err = ctx.Err(); err == nil {
			err = errors.New("the services did not start in time")
		}
	}
	return nil, errors.Join(err, s.close())
}

// serve runs the services until close.
func (s *stack) serve() {
	services := &serveOptions{options: s.o, secrets: secretsOfEnvironment()}
	id := identity{}
	if s.strict != nil {
		id = s.strict.self
	}
	s.serving.Go(func() {
		s.err = daemon.Run(s.own, daemon.Config{
			NATS: rpc.Options{URL: s.nats.url, Namespace: s.o.namespace, Principal: id.principal, Credentials: id.credentials, TLS: id.tls, Name: "mabus run"}, Strict: s.strict != nil, Version: version, Log: s.log,
			OnReady: func(conn *rpc.Conn) {
				if s.strict != nil {
					s.strict.violations.use(conn)
				}
				s.once.Do(func() { close(s.ready) })
			},
		}, services.table())
		if s.own.Err() == nil {
			err := s.err
			if s.err = nil; err == nil {
				err = errors.New("the services have ended")
			}
			s.failed <- err
		}
	})
}

// close stops what runs in this process.
func (s *stack) close() error {
	if s.nats != nil {
		s.nats.detach()
	}
	s.end()
	s.serving.Wait()
	if s.strict != nil {
		s.strict.violations.close()
	}
	if s.nats != nil {
		s.nats.close()
	}
	return s.err
}
