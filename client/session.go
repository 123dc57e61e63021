package client

import (
	"sync"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
)

// session remembers what this client has changed, and what it was told when it waited, so that what it reads is no older: every replica
// answers from a copy that may be some milliseconds old, and waits for a revision that it is asked for.
type session struct {
	mu       sync.Mutex
	revision string
}

// wrote remembers the revision of a change.
func (s *session) wrote(revision string) {
	if revision == "" {
		return
	}
	s.mu.Lock()
	s.revision = kv.Later(s.revision, revision) // answers may overtake one another
	s.mu.Unlock()
}

// read calls ask with the revision to wait for: the caller's own, or that of the client's last change. One of a store that was
// made anew since is forgotten.
func read[Resp any](s *session, own string, ask func(minRevision string) (*Resp, error)) (*Resp, error) {
	if own != "" {
		return ask(own)
	}
	s.mu.Lock()
	revision := s.revision
	s.mu.Unlock()
	resp, err := ask(revision)
	if revision == "" || api.ReasonOf(err) != api.ReasonForeignRevision {
		return resp, err
	}
	s.mu.Lock()
	if s.revision == revision {
		s.revision = ""
	}
	s.mu.Unlock()
	return ask("")
}

// changed remembers the revision of an answer on its way to the caller.
func changed[T any](s *session, revision func(*T) string, answer *T, err error) (*T, error) {
	if err == nil {
		s.wrote(revision(answer))
	}
	return answer, err
}
