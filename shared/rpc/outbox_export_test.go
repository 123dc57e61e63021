package rpc

import "github.com/nats-io/nats.go"

// Outbox sends messages by publish.
type Outbox = outbox

// NewOutbox returns an outbox without a server.
func NewOutbox(publish func(*nats.Msg) error) *Outbox { return &outbox{publish: publish} }

// Send sends a message.
func (o *outbox) Send(m *nats.Msg) error { return o.send(m) }

// OutboxRoom is how many messages wait at most.
const OutboxRoom = outboxRoom
