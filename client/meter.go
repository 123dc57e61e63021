package client

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nuid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/meter"
)

// lastDelta is how long the end of a client waits for its last figures to be sent.
const lastDelta = time.Second

// measuring is how the calls of one client are measured; the zero value does not.
type measuring struct {
	mu  sync.Mutex
	end func() // nil unless they are
}

// Measure has the calls of this client measured, and those of all who share its connection, until ctx ends or the client is closed: how long
// they take, how many there are, and how many fail. They are sent to the performance monitor once a second as series of kind caller, with
// the name as their id and as their type the service or capability that is asked (api.TypeAgents for agents that are asked by id). Processes
// of one name are measured together. Refused as conflict (already_running) when the connection is measured already, as that of a service is.
func (c *Client) Measure(ctx context.Context, name string) error {
	if err := api.CheckID("name", name); err != nil {
		return err
	}
	c.measuring.mu.Lock()
	defer c.measuring.mu.Unlock()
	if c.conn.Meter() != nil {
		return api.Errorf(api.Conflict, "the connection is measured already").WithReason(api.ReasonAlreadyRunning)
	}
	life := nuid.Next()
	source := life
	switch kind := c.conn.Kind(); {
	case kind != "" && !api.DeltasAdd.Describe().GrantedTo(kind):
		return api.Errorf(api.PermissionDenied, "%s is not granted to kind %s: record samples by Metrics", api.DeltasAdd.Describe().Name(), kind).WithReason(api.ReasonNotGranted)
	case kind != "":
		source = api.SourceOf(c.conn.Principal, life)
	}
	m := meter.New(meter.Config{Conn: c.conn, Namespace: c.conn.Namespace, Source: source, Incarnation: life})
	c.conn.Measure(m, name)
	m.Start()
	end := sync.OnceFunc(func() {
		c.conn.Measure(nil, "")
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastDelta)
		defer cancel()
		_ = m.Stop(last) // it stops all the same
	})
	forget := context.AfterFunc(ctx, end)
	c.measuring.end = func() { forget(); end() }
	return nil
}

func (m *measuring) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.end != nil {
		m.end()
		m.end = nil
	}
}
