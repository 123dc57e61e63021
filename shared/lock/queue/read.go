package queue

import "github.com/mabus-project/mabus/shared/api"

// Fill completes a record that was read at revision, in place: the ticket which that write added gets the revision as its
// token, and Last grows with it. A nil record stays so.
func Fill(l *api.Lock, revision uint64) {
	if l == nil {
		return
	}
	for i := range l.Tickets {
		if l.Tickets[i].Token == 0 {
			l.Tickets[i].Token = revision
			l.Last = max(l.Last, revision)
		}
	}
}

// Find returns a ticket and how many are before it. L may be nil.
func Find(l *api.Lock, ticket string) (t api.LockTicket, place int, ok bool) {
	if l == nil {
		return t, 0, false
	}
	for i := range l.Tickets {
		if l.Tickets[i].ID == ticket {
			return l.Tickets[i], i, true
		}
	}
	return t, 0, false
}

// Stand tells how an election stands: the granted ticket leads, all others are candidates. While nobody leads, the term is
// the newest token that was given, so that every later term is above it. L may be nil, and need not be that of an election.
func Stand(l *api.Lock) api.Election {
	if l == nil {
		return api.Election{}
	}
	e := api.Election{Name: l.Name, Term: l.Last, Candidates: len(l.Tickets), Revision: l.Revision}
	if len(l.Tickets) > 0 && l.Tickets[0].Granted {
		leader := l.Tickets[0]
		e.Leader, e.Term, e.Candidates = &leader, leader.Token, len(l.Tickets)-1
	}
	return e
}
