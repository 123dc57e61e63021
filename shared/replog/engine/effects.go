package engine

import (
	"bytes"
	"strings"
)

// effect is one without an outcome, in a list in the order in which they came to be.
type effect struct {
	Effect
	owner      string
	deadline   int64
	prev, next *effect
}

func (f *effect) pending() Pending {
	return Pending{Effect: f.Effect, Owner: f.owner, Deadline: moment(f.deadline)}
}

type effects struct {
	byID        map[string]*effect
	first, last *effect
}

// start takes in an effect, unless it is there.
func (s *effects) start(f Effect, owner string, deadline int64) *effect {
	if s.byID[f.ID] != nil {
		return nil
	}
	if s.byID == nil {
		s.byID = map[string]*effect{}
	}
	// Copies, since what a machine hands over may be part of a large entry.
	n := &effect{Effect: Effect{ID: strings.Clone(f.ID), Kind: strings.Clone(f.Kind), Body: bytes.Clone(f.Body)}, owner: owner, deadline: deadline}
	s.append(n)
	return n
}

// append puts one last.
func (s *effects) append(n *effect) {
	s.byID[n.ID] = n
	if n.prev, n.next = s.last, nil; n.prev == nil {
		s.first = n
	} else {
		n.prev.next = n
	}
	s.last = n
}

func (s *effects) settle(f *effect) {
	delete(s.byID, f.ID)
	if f.prev == nil {
		s.first = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		s.last = f.prev
	} else {
		f.next.prev = f.prev
	}
	f.prev, f.next = nil, nil
}

// release lets others claim what a replica runs.
func (s *effects) release(owner string, now int64) {
	for f := s.first; f != nil; f = f.next {
		if f.owner == owner {
			f.deadline = min(f.deadline, now)
		}
	}
}
