package rpc

import "sync"

// shares is what all names of a connection share besides the connection.
type shares struct {
	mu     sync.Mutex
	of     map[any]Share
	closed bool
}

// Share is something that lives as long as a connection, and is there once for all its names.
type Share interface {
	// Close ends it and waits for its goroutines.
	Close()
}

// Share returns what the connection has under a key, made at the first call; nil when the connection has been closed. Close of any of
// the connection's names closes it, before the connection.
func (c *Conn) Share(key any, make func() Share) Share {
	s := &c.state.shares
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.of == nil {
		s.of = map[any]Share{}
	}
	if s.of[key] == nil {
		s.of[key] = make()
	}
	return s.of[key]
}

func (s *shares) close() {
	s.mu.Lock()
	s.closed = true
	all := s.of
	s.of = nil
	s.mu.Unlock()
	for _, x := range all {
		x.Close()
	}
}
