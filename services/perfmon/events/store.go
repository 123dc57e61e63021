package events

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Config describes one replica of the store.
type Config struct {
	// Replicas is the number of copies of the stream in a cluster; that of the connection unless given.
	Replicas int
	Log      zerolog.Logger
}

// Store is one replica of the event store.
type Store struct {
	conn   *rpc.Conn
	cfg    Config
	stream string
	prefix string // of the subjects of events
	view   *view

	batches chan struct{} // one for each batch that is being stored
	readers chan struct{} // one for each request that reads bodies

	cancel context.CancelFunc
	done   chan struct{}
}

// Open makes sure that the stream exists and begins to read it; Ready tells when all of it is read. It keeps trying while JetStream is
// not ready, until ctx ends.
func Open(ctx context.Context, conn *rpc.Conn, cfg Config) (*Store, error) {
	if cfg.Replicas == 0 {
		cfg.Replicas = conn.Replicas
	}
	if err := kv.EnsureEvents(ctx, conn.JS, conn.Namespace, cfg.Replicas); err != nil {
		return nil, fmt.Errorf("open the events stream: %w", err)
	}
	base, cancel := context.WithCancel(context.Background())
	s := &Store{
		conn: conn, cfg: cfg, stream: api.Bucket(conn.Namespace, "events"), prefix: conn.Namespace + ".event.",
		view: newView(maphash.MakeSeed()), batches: make(chan struct{}, maxBatches), readers: make(chan struct{}, readers),
		cancel: cancel, done: make(chan struct{}),
	}
	err := kv.Retry(ctx, func(ctx context.Context) error {
		info, err := s.look(ctx)
		if err == nil {
			s.view.reset(info.Created.UnixNano())
		}
		return err
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("look at the events stream: %w", err)
	}
	go func() {
		defer close(s.done)
		s.read(base)
	}()
	return s, nil
}

// Handle adds the methods of events to a server, before its Start.
func (s *Store) Handle(srv *rpc.Server) {
	rpc.Handle(srv, api.EventsAppend, s.append)
	rpc.Handle(srv, api.EventsAppendMany, s.appendMany)
	rpc.Handle(srv, api.EventsGet, s.get)
	rpc.Handle(srv, api.EventsQuery, s.query)
	rpc.Handle(srv, api.EventsFollow, s.follow)
	rpc.Handle(srv, api.EventsChain, s.chain)
	rpc.Handle(srv, api.EventsPrune, s.prune)
	rpc.Handle(srv, api.EventsStats, s.stats)
	rpc.Handle(srv, api.EventsReplay, s.replay)
}

// Ready tells whether this replica has read all events.
func (s *Store) Ready() bool { return s.view.synced.Load() }

// Stop ends the reading and waits for that until ctx ends. What is answered after it may be out of date.
func (s *Store) Stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop the event store: %w", ctx.Err())
	}
}

// token names a place in the stream that is read now.
func (s *Store) token(seq uint64) string {
	return kv.Token(s.stream, s.view.created.Load(), seq)
}

// caughtUp waits until this replica has read what the stream had when it began, and all up to a revision.
func (s *Store) caughtUp(ctx context.Context, minRevision string) error {
	if err := s.view.wait(ctx, s.view.synced.Load); err != nil {
		return api.Errorf(api.Unavailable, "this replica of the event store has not read all events yet: ask again").WithReason(api.ReasonNotCaughtUp)
	}
	if minRevision == "" {
		return nil
	}
	seq, err := kv.ParseToken(s.stream, s.view.created.Load(), minRevision)
	if err != nil {
		return err
	}
	if err := s.view.wait(ctx, func() bool { return s.view.applied.Load() >= seq }); err != nil {
		return api.Errorf(api.Unavailable, "this replica of the event store has not read up to the revision yet: ask again").WithReason(api.ReasonNotCaughtUp)
	}
	return nil
}

func away(err error) *api.Error {
	return api.Errorf(api.Unavailable, "the events stream cannot be reached now, try again: %v", err).WithReason(api.ReasonDependencyDown)
}

// apiTime bounds one request to JetStream.
const apiTime = 2 * time.Second
