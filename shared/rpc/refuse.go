package rpc

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// mayAnswer tells whether an answer can go to who has asked. A request that wants it elsewhere may come from somebody who had it sent in
// another's name, as JetStream sends what is stored to any subject, so it is not executed.
func (s *Server) mayAnswer(r request) bool {
	if r.reply == "" {
		return r.method.OneWay
	}
	return OwnInbox(r.principal, r.reply)
}

// tellRefusal has an event tell of a request that was refused because of who has asked.
func (s *Server) tellRefusal(r request, code api.Code, reason string) {
	if s.refusals == nil || code != api.PermissionDenied && code != api.Unauthenticated {
		return
	}
	s.refusals.Add(api.Refusal{Principal: r.principal, What: r.method.Name(), Code: code, Reason: reason})
}

// tellOperated has an event tell of what only operators may do, and what one has done. Whatever else changes is told by the events of what has
// changed, in the name of who asked; but operators have others change it, as a host that starts an agent.
func (s *Server) tellOperated(r request, body []byte) {
	if s.operated != nil && r.method.operators {
		s.operated.Add(api.Refusal{Principal: r.principal, What: r.method.Name(), Entity: cmp.Or(entity(body), r.method.Noun)})
	}
}

// entity is the id of what a request is about, "" if it names nothing, or many things: the first of these fields that is an id or has one.
func entity(body []byte) string {
	var fields map[string]json.RawMessage
	if codec.Read(body, &fields) != nil {
		return ""
	}
	for _, name := range []string{"id", "name", "agent", "job", "rule", "key"} {
		var id string
		if codec.Read(fields[name], &id) == nil && api.ValidID(id) {
			return id
		}
		var thing struct {
			ID string `json:"id"`
		}
		if codec.Read(fields[name], &thing) == nil && api.ValidID(thing.ID) {
			return thing.ID
		}
	}
	return ""
}

// Refused has an event tell of what a service has refused that came by another way than its methods. It does nothing unless the server is
// strict.
func (s *Server) Refused(r api.Refusal) {
	if s.refusals != nil {
		s.refusals.Add(r)
	}
}

// teller is the service in whose name a process tells of refusals: hosts may publish no events but their own.
func (c *Conn) teller(service string) string {
	if c.Kind() == api.KindHost {
		return "agenthost"
	}
	return service
}

// storeEvent publishes an event and waits until it is stored.
func (c *Conn) storeEvent(ctx context.Context, msg *nats.Msg) error {
	_, err := c.JS.PublishMsg(ctx, msg)
	return err
}
