package agent

import (
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Question returns the question of the session that the message is, and false if it is none, whatever its payload looks like:
// anybody may send that. An agent need not look at it to take part.
func (m *Message) Question() (*api.SessionQuestion, bool) {
	if m.Session == "" {
		return nil, false
	}
	q := new(api.SessionQuestion)
	if err := codec.Read(m.Payload, q); err != nil || q.Session != m.Session {
		return nil, false
	}
	return q, true
}
