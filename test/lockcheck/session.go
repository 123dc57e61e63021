package lockcheck

import "strconv"

// The durations of leases, as the services have them.
const (
	leaseRenew     = 2 * second
	leaseHold      = 12 * second
	leaseChallenge = 15 * second
)

// leaseRecord is the value of a lease's key.
type leaseRecord struct{ dead bool }

var (
	liveLease = &leaseRecord{}
	deadLease = &leaseRecord{dead: true}
)

// session is a client's lease: it lives, is lost once, and never comes back.
type session struct {
	c     *client
	key   int
	id    string
	rev   uint64
	until int64 // on the client's clock
	open  bool
	ended bool
	at    int64 // when it ended
}

// newSession acquires a lease, and another until one is certain.
func (c *client) newSession() {
	s := &session{c: c, key: c.w.store.newLease()}
	s.id = strconv.Itoa(s.key)
	c.session = s
	sent := c.clock()
	c.w.store.write(c.proc, s.key, 0, liveLease, func(o outcome, rev uint64) {
		if o != stored {
			c.newSession()
			return
		}
		s.rev, s.until, s.open = rev, s.bound(sent), true
		c.say("has lease %s", s.id)
		c.after(leaseRenew, s.renew)
		c.opened()
	})
}

// bound is until when the holder may act after a renewal that it sent at a time.
func (s *session) bound(sent int64) int64 {
	if s.c.w.bug == HoldTooLong {
		return sent + leaseChallenge + leaseRenew
	}
	return sent + leaseHold
}

// held tells whether the holder may act now.
func (s *session) held() bool { return s.open && !s.ended && s.c.clock() < s.until }

// end is when the holder stopped acting, or will: because the lease ended or ran out, or because the process crashed.
func (s *session) end() int64 {
	c := s.c
	end := int64(float64(s.until-c.offset) / c.rate)
	if s.ended {
		end = min(end, s.at)
	}
	if c.crashed {
		end = min(end, c.crashedAt)
	}
	return end
}

// believes is held as the holder last looked, for the bug that looks once.
func (s *session) believes() bool {
	if s.c.w.bug == NoSecondLook {
		return s.open
	}
	return s.held()
}

func (s *session) lose() {
	if s.ended {
		return
	}
	s.ended, s.at = true, s.c.w.now
	s.c.say("lost lease %s", s.id)
	s.c.newSession()
}

// giveBack ends the lease of its holder's own will.
func (s *session) giveBack() {
	s.c.say("gives lease %s back", s.id)
	s.ended, s.at = true, s.c.w.now
	s.c.w.store.write(s.c.proc, s.key, s.rev, deadLease, func(outcome, uint64) {})
	s.c.newSession()
}

// renew writes the lease once, and goes on until it is lost.
func (s *session) renew() {
	if s.ended {
		return
	}
	revives := s.c.w.bug == ReviveDead
	if !s.held() && !revives {
		s.lose()
		return
	}
	w, sent := s.c.w, s.c.clock()
	again := func() { s.c.after(leaseRenew/20, s.renew) }
	w.store.write(s.c.proc, s.key, s.rev, liveLease, func(o outcome, rev uint64) {
		switch o {
		case stored:
			if !s.held() && !revives {
				s.lose()
				return
			}
			s.rev, s.until = rev, s.bound(sent)
			s.c.after(max(sent+leaseRenew-s.c.clock(), 1), s.renew)
		case unclear:
			again()
		case refused:
			w.store.read(s.c.proc, s.key, func(e entry, ok bool) {
				if !ok {
					again()
					return
				}
				if r, _ := e.value.(*leaseRecord); r == nil || r.dead && !revives {
					s.lose()
					return
				}
				s.rev = e.rev
				s.renew()
			})
		}
	})
}

// watcher declares leases dead that it has seen unchanged for too long, in an unbroken view.
type watcher struct {
	r       *replica
	sights  []sight // by key
	contact int64   // when the view was last known to be current, on the watcher's clock
}

type sight struct {
	rev   uint64
	since int64
	epoch int
}

func (v *watcher) seen(e entry) {
	for len(v.sights) <= e.key {
		v.sights = append(v.sights, sight{})
	}
	if r, _ := e.value.(*leaseRecord); r == nil || r.dead {
		v.sights[e.key] = sight{}
		return
	}
	v.sights[e.key] = sight{e.rev, v.r.clock(), v.r.leases.epoch}
}

func (v *watcher) tick() {
	m, w, now := v.r.leases, v.r.w, v.r.clock()
	if m.connected() && w.store.ready() {
		v.contact = now
	}
	current := m.connected() && now-v.contact < 3*leaseRenew
	for key := firstLease; key < len(v.sights); key++ {
		s := &v.sights[key]
		switch {
		case s.rev == 0:
		case (s.epoch != m.epoch || !current) && w.bug != BlindWatcher:
			s.since, s.epoch = now, m.epoch
		case now-s.since >= leaseChallenge:
			v.declareDead(key, s.rev)
		}
	}
	v.r.after(second, v.tick)
}

func (v *watcher) declareDead(key int, rev uint64) {
	if v.r.w.bug == BlindWatcher {
		rev = anyRevision
	}
	v.r.say("declares lease %d dead", key)
	v.r.w.store.write(v.r.proc, key, rev, deadLease, func(outcome, uint64) {})
}
