package main

import (
	"context"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natsd"
	"github.com/mabus-project/mabus/shared/refusal"
	"github.com/mabus-project/mabus/shared/rpc"
)

// violationTeller has events tell of what the embedded server refuses. Before the services of the process answer there is no stream for
// them, and what is refused then is in the log alone.
type violationTeller struct {
	namespace string
	teller    *refusal.Teller

	mu   sync.Mutex
	conn *rpc.Conn
}

func newViolationTeller(namespace string, log zerolog.Logger) *violationTeller {
	v := &violationTeller{namespace: namespace}
	v.teller = refusal.New(namespace, "nats", v.store, log)
	return v
}

// use has events stored over a connection from now on.
func (v *violationTeller) use(conn *rpc.Conn) {
	v.mu.Lock()
	v.conn = conn
	v.mu.Unlock()
}

func (v *violationTeller) add(x natsd.Violation) {
	v.teller.Lose(int(x.Lost)) // whosever they were
	if x.Namespace != v.namespace {
		return
	}
	v.teller.Add(api.Refusal{Principal: x.Principal, What: x.Subject, Code: api.PermissionDenied, Reason: api.ReasonNotGranted})
}

func (v *violationTeller) store(ctx context.Context, msg *nats.Msg) error {
	v.mu.Lock()
	conn := v.conn
	v.mu.Unlock()
	if conn == nil {
		return api.Errorf(api.Unavailable, "no service answers yet")
	}
	_, err := conn.JS.PublishMsg(ctx, msg)
	return err
}

// close tells what is left, while the server still runs.
func (v *violationTeller) close() { v.teller.Close() }
