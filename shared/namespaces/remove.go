package namespaces

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/backup"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Remove removes every stream, bucket and object store of the connection's namespace, with their consumers, and returns what it has removed. With
// strange also those that are only called as if they were the namespace's. It is failed_precondition (processes_live) while a process of the
// namespace lives. One that is interrupted is repeated, and goes on.
func Remove(ctx context.Context, conn *rpc.Conn, strange bool) (*Namespace, error) {
	n, err := Look(ctx, conn, conn.Namespace)
	if err != nil {
		return nil, err
	}
	if len(n.Streams) > 0 {
		live, err := backup.Living(ctx, conn)
		if err != nil {
			return nil, err
		}
		if len(live) > 0 {
			return nil, api.Errorf(api.FailedPrecondition, "processes of the namespace %s live (%s): stop them first", n.Name, strings.Join(live, ", ")).
				WithReason(ReasonProcessesLive)
		}
	}
	gone := append([]Stream(nil), n.Streams...)
	if strange {
		gone = append(gone, n.Strange...)
		n.Strange = nil
	}
	for _, s := range gone {
		if err := conn.JS.DeleteStream(ctx, s.Name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil, fmt.Errorf("remove %s: %w", s.Name, err)
		}
	}
	n.Streams = gone
	if len(gone) == 0 {
		return n, nil
	}
	return n, tell(ctx, conn, n)
}

// tellTime is for what is told to reach the server.
const tellTime = 5 * time.Second

// tell publishes who has removed the namespace, to whoever listens: the stream that keeps events is gone.
func tell(ctx context.Context, conn *rpc.Conn, n *Namespace) error {
	data, err := codec.Marshal(n)
	if err != nil {
		return err
	}
	e := api.Event{
		SpecVersion: "1.0", ID: "removed-" + nuid.Next(), Source: "/" + n.Name + "/admin", Type: "mabus.namespaces.removed", Subject: n.Name,
		Time: time.Now().UTC(), DataContentType: "application/json", Data: data, Principal: conn.Principal,
	}
	body, err := codec.Marshal(e)
	if err != nil {
		return err
	}
	if err := conn.NC.PublishMsg(&nats.Msg{Subject: api.EventSubject(n.Name, "admin", "namespaces", n.Name), Data: body}); err != nil {
		return fmt.Errorf("tell that %s is removed: %w", n.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	return conn.NC.FlushWithContext(ctx)
}
