package registry

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/authz"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	consumerLimit = 64              // requests of hosts for consumers that a replica has under way
	consumerTime  = 5 * time.Second // for JetStream to answer one
)

// consumers makes and deletes the consumers of hosts, which in strict mode may not ask JetStream themselves: it would deliver to whatever
// subject they name (authz.HostConsumer). It passes on what is good, and JetStream's answer back. It keeps nothing: with a replica that dies
// dies the answer, and who asks does so again.
type consumers struct {
	conn   *rpc.Conn
	server *rpc.Server
	pool   *rpc.Pool[*nats.Msg]
	sub    *nats.Subscription
	ctx    context.Context
	cancel context.CancelFunc
}

// serveConsumers begins to do so if NATS keeps principals apart. The server hears of it when it hears of the methods, which are to come after it.
func (s *Service) serveConsumers() error {
	if s.conn.Kind() != api.KindService {
		return nil
	}
	c := &consumers{conn: s.conn, server: s.server}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.pool = rpc.NewPool(consumerLimit, c.handle)
	var err error
	if c.sub, err = s.conn.NC.QueueSubscribe(api.HostConsumerSubject(s.conn.Namespace, ">"), "registry", c.take); err != nil {
		c.cancel()
		return err
	}
	s.cleanups = append(s.cleanups, c.stop)
	return nil
}

func (c *consumers) stop() {
	_ = c.sub.Unsubscribe() // it fails when the connection is closed, which ended it
	c.cancel()
	_ = c.pool.Close(context.Background()) // who is under way has been cut short
}

func (c *consumers) take(msg *nats.Msg) {
	if !c.pool.Submit(msg) {
		c.refuse(msg, api.Errorf(api.Overloaded, "%d requests for consumers are under way: try again", consumerLimit))
	}
}

func (c *consumers) handle(msg *nats.Msg) {
	rest := strings.TrimPrefix(msg.Subject, api.HostConsumerSubject(c.conn.Namespace, ""))
	subject, body, err := authz.HostConsumer(c.conn.Namespace, rest, msg.Data)
	if err != nil {
		c.refuse(msg, err)
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, consumerTime)
	defer cancel()
	answer, err := c.conn.NC.RequestWithContext(ctx, subject, body)
	switch {
	case err == nil:
		_ = msg.Respond(answer.Data) // or the asker tries again
	case errors.Is(err, nats.ErrNoResponders):
		c.refuse(msg, api.Errorf(api.Unavailable, "JetStream does not answer"))
	} // or it may have been done, and nobody knows
}

// The errors of JetStream in whose form a host is told of ours.
const (
	errUnavailable = 10008 // the system is away for the moment
	errBadRequest  = 10003
)

// apiError is the answer of JetStream's API to what it does not do.
type apiError struct {
	Type  string `json:"type"`
	Error struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

func (c *consumers) refuse(msg *nats.Msg, why error) {
	e := api.AsError(why)
	a := apiError{Type: "io.nats.jetstream.api.v1.consumer_create_response"}
	a.Error.Code, a.Error.ErrCode, a.Error.Description = 400, errBadRequest, e.Message
	switch e.Code {
	case api.Overloaded, api.Unavailable:
		a.Error.Code, a.Error.ErrCode = 503, errUnavailable
	default:
		c.server.Refused(api.Refusal{Principal: asker(msg), What: msg.Subject, Code: api.PermissionDenied, Reason: api.ReasonNotGranted})
	}
	if body, err := codec.Marshal(a); err == nil {
		_ = msg.Respond(body)
	}
}

// asker is the host that asks, as the server says: what it says stands in the place of what a client may have put there.
func asker(msg *nats.Msg) string {
	var who struct {
		Name string `json:"name_tag"`
	}
	if codec.Read([]byte(msg.Header.Get("Nats-Request-Info")), &who) != nil {
		return ""
	}
	return who.Name
}
