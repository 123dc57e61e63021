package rpc

import (
	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
)

// Tell publishes a body that nobody answers and that may be lost on its way, such as what was measured: without deadline and trace. While
// the connection is away it fails with unavailable, so that the sender can keep what it has.
func (c *Conn) Tell(subject string, body []byte) error {
	if !c.NC.IsConnected() {
		return transportError(nats.ErrDisconnected, subject)
	}
	if err := c.NC.Publish(api.As(c.Namespace, c.Principal, subject), body); err != nil {
		return transportError(err, subject)
	}
	return nil
}
