package client

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Call sends a message to one agent and waits for its answer. Payload is anything that can be written as JSON; a
// json.RawMessage goes as it is. The errors that the agent gives come back as they are; besides, not_found
// (agent_not_found), deadline_exceeded (timeout), unavailable (agent_crashed) and overloaded (mailbox_full). It is sent once, unless
// ctx is Idempotent: only a message that nobody has seen, because the agent is on its way to another host, is sent again until the
// deadline of ctx (api.DefaultTimeout if it has none), and is then unavailable (host_lost).
func (c *Client) Call(ctx context.Context, agentID string, payload any) (json.RawMessage, error) {
	if err := api.CheckID("agent", agentID); err != nil {
		return nil, err
	}
	return toAgent(ctx, c, agentID, func(ctx context.Context) (json.RawMessage, error) {
		return c.ask(ctx, api.AgentSubject(c.conn.Namespace, agentID), payload)
	})
}

// toAgent sends a message to an agent. When nobody listens for one that shall run, its host was lost and another will take it up:
// nobody has seen the message, so it may be sent again.
func toAgent[T any](ctx context.Context, c *Client, agentID string, send func(context.Context) (T, error)) (T, error) {
	answer, err := send(ctx)
	if !isUnheard(err) {
		return answer, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, api.DefaultTimeout.Std())
		defer cancel()
	}
	wanted := false
	return repeat(ctx, func(err error) bool { return api.ReasonOf(err) == api.ReasonHostLost }, func(ctx context.Context) (T, error) {
		onItsWay := api.Errorf(api.Unavailable, "agent %s is on its way to another host: try again", agentID).WithReason(api.ReasonHostLost)
		rec, getErr := c.Agents.Get(ctx, api.GetRequest{ID: agentID})
		switch {
		case getErr != nil && wanted && api.CodeOf(getErr) != api.NotFound:
			return answer, onItsWay // the registry does not answer in time, and has said before that the agent shall run
		case getErr != nil || !rec.Wanted:
			return answer, notFound(agentID)
		}
		wanted = true
		answer, err := send(ctx)
		if isUnheard(err) {
			err = onItsWay
		}
		return answer, err
	})
}

// CallCapability sends a message to any one agent that has the capability and waits for its answer: unavailable (no_agent)
// if there is none. It is sent once, unless ctx is Idempotent; one that nobody has seen, because the agent that was chosen has gone,
// goes to another.
//
// The client chooses the agent by how the agents have answered it and by what their hosts tell of their load, and sends straight to
// it (see SetBalance); before it knows them NATS chooses. It is overloaded (all_agents_overloaded) when the mailboxes of all must
// still be full.
func (c *Client) CallCapability(ctx context.Context, capability string, payload any) (json.RawMessage, error) {
	if err := api.CheckID("capability", capability); err != nil {
		return nil, err
	}
	body, err := encode(payload)
	if err != nil {
		return nil, err
	}
	send := func(ctx context.Context) (json.RawMessage, error) {
		return toAny(ctx, c, capability, false, func(ctx context.Context, subject string) (json.RawMessage, error) {
			return c.conn.Request(ctx, subject, body, false)
		})
	}
	if isIdempotent(ctx) {
		return attempts(ctx, mayRepeat, send)
	}
	return send(ctx)
}

// Answer is what one agent of many said: exactly one of Payload and Err is set.
type Answer struct {
	Payload json.RawMessage
	Err     error
}

// CallAll sends a message to every agent that has the capability and collects their answers, in the order in which they
// come, until all that the registry knows to run have answered or ctx ends (api.DefaultTimeout if it has no deadline).
// Answers that are missing by then are not made up: compare the length with want.
func (c *Client) CallAll(ctx context.Context, capability string, payload any) (answers []Answer, want int, err error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, api.DefaultTimeout.Std())
		defer cancel()
	}
	body, err := encode(payload)
	if err != nil {
		return nil, 0, err
	}
	for _, err := range c.Agents.All(ctx, api.AgentsListRequest{Capabilities: []string{capability}, Status: api.AgentRunning, Limit: api.MaxPage}) {
		if err != nil {
			return nil, 0, err
		}
		want++
	}
	if want == 0 {
		return nil, 0, nil
	}
	inbox := c.conn.NewInbox()
	replies := make(chan *nats.Msg, want+16)
	sub, err := c.conn.NC.ChanSubscribe(inbox, replies)
	if err != nil {
		return nil, want, api.Errorf(api.Unavailable, "cannot listen for answers: %v", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := c.conn.Send(ctx, api.AllSubject(c.conn.Namespace, capability), inbox, body); err != nil {
		return nil, want, err
	}
	for len(answers) < want {
		select {
		case <-ctx.Done():
			return answers, want, nil
		case msg := <-replies:
			if msg.Header.Get("Status") == "503" {
				return answers, want, nil // nobody listens any more
			}
			data, err := c.conn.Open(ctx, msg)
			answers = append(answers, Answer{data, err})
		}
	}
	return answers, want, nil
}

// Cast sends a message to one agent and returns as soon as it is in the agent's mailbox. Casts of one client to one agent
// are handled in the order in which they were sent, and before anything that is sent after them. The errors are not_found
// (agent_not_found), when nobody listens for the agent, and overloaded (mailbox_full).
func (c *Client) Cast(ctx context.Context, agentID string, payload any) error {
	if err := api.CheckID("agent", agentID); err != nil {
		return err
	}
	_, err := toAgent(ctx, c, agentID, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.cast(ctx, api.AgentSubject(c.conn.Namespace, agentID), payload, nats.Header{})
	})
	return err
}

// CastCapability is Cast to any one agent that has the capability, chosen like that of CallCapability: unavailable (no_agent) if
// there is none. Casts to a capability keep no order, unless it has one agent.
func (c *Client) CastCapability(ctx context.Context, capability string, payload any) error {
	if err := api.CheckID("capability", capability); err != nil {
		return err
	}
	_, err := toAny(ctx, c, capability, true, func(ctx context.Context, subject string) (struct{}, error) {
		// Its sender hears no more of it once it is in a mailbox: with the capability its host can hand it on.
		return struct{}{}, c.cast(ctx, subject, payload, nats.Header{api.HeaderCapability: []string{capability}})
	})
	return err
}

// CastAll sends a message to every agent that has the capability. It does not hear how many got it.
func (c *Client) CastAll(ctx context.Context, capability string, payload any) error {
	if err := api.CheckID("capability", capability); err != nil {
		return err
	}
	body, err := encode(payload)
	if err != nil {
		return err
	}
	if c.conn.Kind() == "" {
		return c.conn.Send(ctx, api.AllSubject(c.conn.Namespace, capability), "", body)
	}
	// An agent believes who asks by the inbox, to which it acknowledges the cast; nobody hears that.
	return c.conn.SendHeader(ctx, api.AllSubject(c.conn.Namespace, capability), c.conn.NewInbox(), body, nats.Header{api.HeaderCast: []string{"1"}})
}

func (c *Client) cast(ctx context.Context, subject string, payload any, header nats.Header) error {
	body, err := encode(payload)
	if err != nil {
		return err
	}
	header[api.HeaderCast] = []string{"1"}
	_, err = c.conn.RequestHeader(ctx, subject, body, false, header)
	return err
}

func (c *Client) ask(ctx context.Context, subject string, payload any) (json.RawMessage, error) {
	body, err := encode(payload)
	if err != nil {
		return nil, err
	}
	send := func(ctx context.Context) (json.RawMessage, error) { return c.conn.Request(ctx, subject, body, false) }
	if isIdempotent(ctx) {
		return attempts(ctx, mayRepeat, send)
	}
	return send(ctx)
}

func encode(payload any) ([]byte, error) {
	switch p := payload.(type) {
	case json.RawMessage:
		return p, nil
	case nil:
		return nil, nil
	}
	body, err := codec.Marshal(payload)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the payload cannot be written as JSON: %v", err)
	}
	return body, nil
}

func notFound(agentID string) error {
	return api.Errorf(api.NotFound, "no running agent is called %s", agentID).WithReason(api.ReasonAgentNotFound)
}

func noAgent(capability string) error {
	return api.Errorf(api.Unavailable, "no running agent has the capability %s", capability).WithReason(api.ReasonNoAgent)
}

// isUnheard tells whether nobody listened.
func isUnheard(err error) bool { return api.ReasonOf(err) == api.ReasonNobodyListens }
