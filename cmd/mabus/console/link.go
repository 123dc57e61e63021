package console

import (
	"context"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
)

// retryAfter is how long a failed attempt to connect stands for all who ask.
const retryAfter = 500 * time.Millisecond

// link returns the one connection, which is made when somebody first needs it. It is unavailable while NATS is away.
func (g *Gateway) link(ctx context.Context) (*client.Client, error) {
	g.connect.Lock()
	defer g.connect.Unlock()
	if err := g.base.Err(); err != nil {
		return nil, api.Errorf(api.Unavailable, "the console ends")
	}
	c := g.client.Load()
	if c == nil {
		if g.failed != nil && time.Now().Before(g.retryAt) {
			return nil, g.failed
		}
		o := g.cfg.NATS
		o.Name, o.Wait, o.Log = "mabus console", false, g.cfg.Log
		var err error
		if c, err = client.Connect(ctx, o); err != nil {
			g.failed, g.retryAt = err, time.Now().Add(retryAfter)
			return nil, err
		}
		g.client.Store(c)
	}
	if !c.Conn().NC.IsConnected() {
		return nil, api.Errorf(api.Unavailable, "the connection to NATS is lost; the console tries again by itself").WithReason(api.ReasonDependencyDown)
	}
	return c, nil
}

// connected tells whether the connection stands now. It never waits.
func (g *Gateway) connected() bool {
	c := g.client.Load()
	return c != nil && c.Conn().NC.IsConnected()
}
