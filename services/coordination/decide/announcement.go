package decide

import (
	"encoding/json"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
)

// Announcement is the protocol of the type announcement: all members are told the question, and the result is who has taken note.
// Members that fail or are silent are reported as such; the session completes all the same.
type Announcement struct{}

var _ protocol.Protocol = Announcement{}

// Check implements protocol.Protocol. There is at least one member.
func (Announcement) Check(s *api.Session) (protocol.Settings, error) { return check(s) }

// Accept implements protocol.Protocol. Any answer takes note.
func (Announcement) Accept(*api.Session, *api.SessionAsk, json.RawMessage) error { return nil }

// Step implements protocol.Protocol.
func (Announcement) Step(s *api.Session) protocol.Step {
	r := protocol.Current(s)
	switch {
	case len(s.Members) == 0:
		return protocol.Step{Reason: api.ReasonEmptyAgentPool + ": there is nobody to tell"}
	case r == nil:
		return protocol.Step{Round: &protocol.Round{Phase: announcing, Asks: protocol.Everyone(s, nil)}}
	case !protocol.Closed(r):
		return protocol.Step{}
	}
	result := &api.AnnouncementResult{Outcomes: make(map[string]api.AskState, len(r.Asks))}
	for i := range r.Asks {
		a := &r.Asks[i]
		result.Outcomes[a.Member] = a.State
		switch a.State {
		case api.AskAnswered:
			result.Answered++
		case api.AskFailed:
			result.Failed++
		default:
			result.Silent++
		}
	}
	return protocol.Step{Result: result}
}
