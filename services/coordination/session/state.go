// Package session holds the pure rules of sessions: who is asked, whose answers count, when a round is over, and what the end is. What
// the answers mean is the matter of a protocol (services/coordination/protocol); this package knows none of them.
//
// A record is never changed: whatever happens to a session makes a new one, so that a reader may keep what it has read.
package session

import (
	"slices"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
)

// Protocols are the protocols by the types of sessions that they are for.
type Protocols map[api.SessionType]protocol.Protocol

// State is all that is known of sessions.
type State struct {
	// Sessions are those that are active, and those that have ended and are not in the archive yet.
	Sessions map[string]*Record `json:"sessions"`
	// Protocols are the registered ones, by name.
	Protocols map[string]*api.Protocol `json:"protocols"`
	// Ended are the sessions to archive, in the order in which they ended.
	Ended []string `json:"ended,omitempty"`
	// Archiving is how many of them an effect is archiving now.
	Archiving int `json:"archiving,omitempty"`
	// Dropped is the sequence of the entry that took archived sessions from here last.
	Dropped uint64 `json:"dropped,omitempty"`
	// Active counts the sessions that have not ended.
	Active int `json:"active,omitempty"`
	// Bytes is about how many bytes the sessions take.
	Bytes int `json:"bytes,omitempty"`
	// Counts are by type, since the log began.
	Counts map[api.SessionType]*Count `json:"counts"`

	room int // bytes above which no session begins; above twice that no answer counts
}

// maxBytes bounds the memory of sessions that have not gone to the archive.
const maxBytes = 1 << 30

// Record is a session with its steps.
type Record struct {
	Session api.Session       `json:"session"`
	Steps   []api.SessionStep `json:"steps"`
	// Start stands for the request that started the session.
	Start string `json:"start"`
}

// size is about how many bytes the record takes.
func (r *Record) size() int {
	if r == nil {
		return 0
	}
	return 1024 + r.Session.Stats.Bytes + len(r.Session.Result) + 128*len(r.Steps)
}

// Count sums up the sessions of one type.
type Count struct {
	Started   int          `json:"started,omitempty"`
	Completed int          `json:"completed,omitempty"`
	Failed    int          `json:"failed,omitempty"`
	Timeout   int          `json:"timeout,omitempty"`
	Cancelled int          `json:"cancelled,omitempty"`
	Asked     int          `json:"asked,omitempty"`
	Answered  int          `json:"answered,omitempty"`
	Total     api.Duration `json:"total,omitzero"` // of those that have ended
	Longest   api.Duration `json:"longest,omitzero"`
}

// New returns the state before the first session.
func New() *State {
	return &State{Sessions: map[string]*Record{}, Protocols: map[string]*api.Protocol{}, Counts: map[api.SessionType]*Count{}, room: maxBytes}
}

// Events of Decide.
type (
	put        struct{ record *Record } // a session that has begun, or goes on
	registered struct{ protocol *api.Protocol }
	removed    struct{ name string }
	archiving  struct{ n int }
	dropped    struct {
		ids []string
		seq uint64
	}
)

// Apply changes the state by an event. Events of others are not its matter.
func (s *State) Apply(event any) {
	switch e := event.(type) {
	case put:
		s.put(e.record)
	case registered:
		s.Protocols[e.protocol.Name] = e.protocol
	case removed:
		delete(s.Protocols, e.name)
	case archiving:
		s.Archiving = e.n
	case dropped:
		for _, id := range e.ids {
			s.Bytes -= s.Sessions[id].size()
			delete(s.Sessions, id)
		}
		s.Ended = slices.Delete(s.Ended, 0, min(len(e.ids), len(s.Ended)))
		s.Archiving, s.Dropped = 0, e.seq
	}
}

// Changed returns the session that an event is about, or nil.
func Changed(event any) *Record {
	if e, ok := event.(put); ok {
		return e.record
	}
	return nil
}

func (s *State) put(r *Record) {
	x := &r.Session
	c := s.Counts[x.Type]
	if c == nil {
		c = &Count{}
		s.Counts[x.Type] = c
	}
	if s.Sessions[x.ID] == nil {
		c.Started++
		s.Active++
	}
	s.Bytes += r.size() - s.Sessions[x.ID].size()
	s.Sessions[x.ID] = r
	if x.State == api.SessionActive {
		return
	}
	s.Active--
	s.Ended = append(s.Ended, x.ID)
	switch x.State {
	case api.SessionCompleted:
		c.Completed++
	case api.SessionFailed:
		c.Failed++
	case api.SessionTimeout:
		c.Timeout++
	case api.SessionCancelled:
		c.Cancelled++
	}
	c.Asked += x.Stats.Asked
	c.Answered += x.Stats.Answered
	c.Total += x.Stats.Duration
	c.Longest = max(c.Longest, x.Stats.Duration)
}
