package client

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Stream is an answer that comes in parts.
type Stream = rpc.Stream

// Part is one part of an answer.
type Part = rpc.Part

// Stream sends a message to one agent and returns its answer part by part, as it comes. The agent is slowed down to the pace
// at which the parts are read. Close must be called; if the answer is not complete by then, or when ctx ends, the agent's
// work is cancelled, and so is what it has asked of others.
func (c *Client) Stream(ctx context.Context, agentID string, payload any) (*Stream, error) {
	if err := api.CheckID("agent", agentID); err != nil {
		return nil, err
	}
	return c.stream(ctx, api.AgentSubject(c.conn.Namespace, agentID), payload)
}

// StreamCapability is Stream with any one agent that has the capability, chosen like that of CallCapability. That nobody listens is
// heard by Next, as nobody_listens.
func (c *Client) StreamCapability(ctx context.Context, capability string, payload any) (*Stream, error) {
	if err := api.CheckID("capability", capability); err != nil {
		return nil, err
	}
	body, err := encode(payload)
	if err != nil {
		return nil, err
	}
	r := c.route(ctx, capability)
	if r.begin(); r.err != nil {
		return nil, r.err
	}
	return c.conn.OpenStreamBy(rpc.Asking(ctx, capability), r, body)
}

func (c *Client) stream(ctx context.Context, subject string, payload any) (*Stream, error) {
	body, err := encode(payload)
	if err != nil {
		return nil, err
	}
	return c.conn.OpenStream(ctx, subject, body)
}

// Cancel gives up the request that carries the id, if this client's principal made it: its handler's context ends, and so
// does what the handler has asked of others. A request gets an id by WithRequestID; a stream has one.
func (c *Client) Cancel(id string) error {
	if err := api.CheckID("request id", id); err != nil {
		return err
	}
	return c.conn.Cancel(id)
}
