package front_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog/front"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestMain(m *testing.M) { natstest.VerifyTestMain(m) }

// logged is a log that is ready when the test says so.
type logged struct {
	ready   atomic.Bool
	changes chan struct{}
}

func (l *logged) Ready() bool              { return l.ready.Load() }
func (l *logged) Changes() <-chan struct{} { return l.changes }

func (l *logged) becomes(ready bool) {
	l.ready.Store(ready)
	l.changes <- struct{}{}
}

// replica uses its front in a handler, as services do.
type replica struct {
	conn  *rpc.Conn
	front *front.Front
}

func (r *replica) serve() *rpc.Server {
	srv := rpc.NewServer(r.conn, rpc.ServerConfig{Service: "economics", Version: "0.0.1", Log: zerolog.Nop()})
	rpc.Handle(srv, api.AccountsWait, func(ctx context.Context, q *api.AccountWaitRequest) (*api.LedgerAccount, error) {
		leaving := r.front.Leaving()
		if q.After == 0 {
			return &api.LedgerAccount{ID: q.Account}, nil
		}
		select {
		case <-leaving:
			return nil, front.ErrLeaving
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	return srv
}

func ask(ctx context.Context, conn *rpc.Conn, after uint64) error {
	_, err := rpc.Call(ctx, conn, api.AccountsWait, &api.AccountWaitRequest{Account: "ann", After: after})
	return err
}

// Requests come from the moment on in which the server is there, which is before Open returns.
func TestTheFirstRequestFindsTheFront(t *testing.T) {
	nats := natstest.Start(t)
	r := &replica{conn: bind(t, nats)}
	log := &logged{changes: make(chan struct{})}
	log.ready.Store(true)
	asking, found := bind(t, nats), make(chan error, 1)
	go func() {
		for {
			err := ask(t.Context(), asking, 0)
			if api.ReasonOf(err) != api.ReasonNobodyListens {
				found <- err
				return
			}
		}
	}()
	r.front = front.New(r.conn, log, zerolog.Nop(), r.serve)
	r.front.Open(t.Context())
	defer r.front.Close()
	if err := <-found; err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsIsToldWhenTheReplicaFallsBehind(t *testing.T) {
	nats := natstest.Start(t)
	r := &replica{conn: bind(t, nats)}
	log := &logged{changes: make(chan struct{})}
	log.ready.Store(true)
	r.front = front.New(r.conn, log, zerolog.Nop(), r.serve)
	r.front.Open(t.Context())
	asking := bind(t, nats)
	for range 2 {
		waits := make(chan error, 1)
		go func() { waits <- ask(t.Context(), asking, 1) }()
		if err := ask(t.Context(), asking, 0); err != nil {
			t.Fatal(err)
		}
		log.becomes(false)
		if err := <-waits; api.ReasonOf(err) != api.ReasonDraining && api.ReasonOf(err) != api.ReasonNobodyListens {
			t.Errorf("who waited heard %v", err)
		}
		if err := gone(t.Context(), asking); api.ReasonOf(err) != api.ReasonNobodyListens {
			t.Errorf("a replica that is behind says %v", err)
		}
		log.becomes(true)
		if err := back(t.Context(), asking); err != nil {
			t.Error(err)
		}
	}
	r.front.Close()
	if err := ask(t.Context(), asking, 0); api.ReasonOf(err) != api.ReasonNobodyListens {
		t.Errorf("a front that is closed says %v", err)
	}
}

func TestAFrontThatWasNeverOpenedIsClosed(t *testing.T) {
	front.New(nil, &logged{}, zerolog.Nop(), nil).Close()
}

// gone asks until nobody answers, back until somebody does.
func gone(ctx context.Context, conn *rpc.Conn) error {
	for {
		if err := ask(ctx, conn, 0); err != nil && api.ReasonOf(err) != api.ReasonDraining {
			return err
		}
	}
}

func back(ctx context.Context, conn *rpc.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ask(ctx, conn, 0)
		if err == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return err
		}
	}
}

func bind(t *testing.T, srv *natstest.Server) *rpc.Conn {
	t.Helper()
	conn, err := rpc.Bind(srv.Connect(t), "t")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
