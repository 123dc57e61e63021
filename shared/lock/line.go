package lock

import (
	"context"
	"slices"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/lock/queue"
)

// maxUsers bounds the requests of this process for one lock.
const maxUsers = 2 * api.MaxLockWaiters

// view is a lock at a revision. The lock is shared and filled in; nil when there is none.
type view struct {
	lock *api.Lock
	rev  uint64
}

// line is what this process knows of one lock, and who in it waits for it. It is there while somebody uses it, or while it
// knows more than the mirror.
type line struct {
	name string
	// turn is held by whoever changes the lock, so that the requests of one process do not fight by compare-and-set.
	turn chan struct{}

	// What follows is guarded by Store.mu.
	users   int
	now     view
	learnt  time.Time // when now was
	watches map[*watch]struct{}
	leaving []*claim // that are to be withdrawn
}

// place is where a ticket stands.
type place int

const (
	waiting place = iota
	granted
	gone
)

// watch tells of a ticket.
type watch struct {
	ticket string // none: of every change
	place  place
	// told is called when the place changes. It must not wait, or take Store.mu.
	told func(place)
}

// use returns the line of a lock, which its caller must leave.
func (s *Store) use(name string, limit int) (*line, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[name]
	if l == nil {
		l = &line{name: name, turn: make(chan struct{}, 1), watches: map[*watch]struct{}{}}
		s.lines[name] = l
	}
	if limit > 0 && l.users >= limit {
		return nil, api.Errorf(api.Overloaded, "too many requests for lock %s are under way here: try again later", name).WithReason(api.ReasonLockFull)
	}
	l.users++
	return l, nil
}

func (s *Store) leave(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.users--
	s.forget(l, s.mirror.Revision()) // up to where onChange has been told
}

// forget drops a line that nobody uses and that knows no more than the mirror, which has seen all up to rev. Store.mu is held.
func (s *Store) forget(l *line, rev uint64) {
	if l.users == 0 && rev >= l.now.rev && s.lines[l.name] == l {
		delete(s.lines, l.name)
	}
}

// enter waits for the turn to change the lock; the caller must exit.
func (l *line) enter(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *line) exit() { <-l.turn }

// newest returns the newest that is known here of a lock.
func (s *Store) newest(l *line) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.learn(s.mirrored(l.name))
	return l.now
}

// mirrored returns the mirror's copy of a lock, which is not filled in. Store.mu may be held: the mirror calls back without
// its own lock.
func (s *Store) mirrored(name string) view {
	v, rev, _ := s.mirror.Get(name)
	return view{v, rev}
}

// learn takes note of a lock, unless a newer revision is known. Store.mu is held.
func (l *line) learn(v view) {
	if v.rev > l.now.rev {
		l.set(v)
	}
}

func (l *line) set(v view) {
	l.now, l.learnt = view{filled(v), v.rev}, time.Now()
	l.tell()
}

// filled returns the lock with every token in place. What is stored is not changed.
func filled(v view) *api.Lock {
	if v.lock == nil || !slices.ContainsFunc(v.lock.Tickets, func(t api.LockTicket) bool { return t.Token == 0 }) {
		return v.lock
	}
	c := *v.lock
	c.Tickets = slices.Clone(c.Tickets)
	queue.Fill(&c, v.rev)
	return &c
}

// tell tells those whose ticket has another place now.
func (l *line) tell() {
	if len(l.watches) == 0 {
		return
	}
	places := map[string]place{}
	if l.now.lock != nil {
		for _, t := range l.now.lock.Tickets {
			places[t.ID] = waiting
			if t.Granted {
				places[t.ID] = granted
			}
		}
	}
	for w := range l.watches {
		p, ok := places[w.ticket]
		if !ok {
			p = gone
		}
		if w.ticket == "" || p != w.place {
			w.place = p
			w.told(p)
		}
	}
}

// watch begins to tell told where a ticket stands: at once if it is not waiting.
func (s *Store) watch(l *line, ticket string, told func(place)) *watch {
	w := &watch{ticket: ticket, told: told}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.watches[w] = struct{}{}
	if t, _, ok := queue.Find(l.now.lock, ticket); !ok {
		w.place = gone
	} else if t.Granted {
		w.place = granted
	}
	if w.place != waiting {
		told(w.place)
	}
	return w
}

func (s *Store) unwatch(l *line, w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(l.watches, w)
}

// onChange brings the news of the mirror to the line that is concerned.
func (s *Store) onChange(c kv.Change[api.Lock]) {
	if c.New != nil && s.comesDead(c.New) {
		s.sweepNow()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lines[c.Key]
	if l == nil || c.Revision > l.now.rev && len(l.turn) == 0 { // not even under way here
		s.news.Store(int64(time.Since(s.began)))
	}
	if l != nil {
		l.learn(view{c.New, c.Revision})
		s.forget(l, c.Revision)
	}
}

// put takes note of what was written, or read from the leader, whose word counts unless the line has learnt since the
// asker looked.
func (s *Store) put(l *line, before, now view) view {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.rev > l.now.rev || l.now.rev == before.rev && now.rev != before.rev {
		l.set(now)
	}
	if now.rev == l.now.rev {
		return l.now
	}
	return view{filled(now), now.rev}
}
