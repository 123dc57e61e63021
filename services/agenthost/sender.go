package agenthost

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// private tells whether the principals of the namespace have credentials that keep them apart.
func (s *Service) private() bool { return s.conn.Kind() != "" }

// foreign tells whether the answer to a message would go to another than its sender, and has an event tell of it. There is nobody to answer
// then, and the message may have been sent in another's name.
func (s *Service) foreign(msg *nats.Msg) bool {
	if msg.Reply == "" || !s.private() {
		return false
	}
	principal := s.principal(msg.Subject)
	if rpc.OwnInbox(principal, msg.Reply) {
		return false
	}
	s.server.Refused(api.Refusal{Principal: principal, What: msg.Subject, Code: api.PermissionDenied, Reason: api.ReasonForeignReply})
	return true
}

// sender is the principal whom the agent is told as the sender of a message. Where principals are kept apart it takes an inbox of the
// principal to be believed: what JetStream is made to publish has none.
func (s *Service) sender(msg *nats.Msg) string {
	if msg.Reply == "" && s.private() {
		return ""
	}
	return s.principal(msg.Subject)
}

// maySpeakAs refuses an agent that has credentials of its own: no host hears what is sent to it, or speaks in its name. NATS says so only of what
// is published, so something is asked in its name.
func (s *Service) maySpeakAs(id string) error {
	if s.conn.Kind() != api.KindHost {
		return nil
	}
	ctx, cancel := context.WithTimeout(s.base, 2*time.Second)
	defer cancel()
	if _, err := rpc.Call(ctx, s.conn.WithPrincipal(id), api.AgentsGet, &api.GetRequest{ID: id}); api.ReasonOf(err) == api.ReasonNotGranted {
		return api.Errorf(api.PermissionDenied, "%s has credentials of its own, so no agent host speaks in its name: run the agent under another id, or outside of hosts", id).WithReason(api.ReasonNotGranted)
	}
	return nil // whatever else is wrong shows in what follows
}
