package lockcheck

// The keys that always are; leases have those after.
const (
	lockKey = iota
	cellKey
	firstLease
)

const storeTimeout = 2 * second

// outcome is what a writer hears of a write.
type outcome int

const (
	stored  outcome = iota
	refused         // somebody else has written, or the store says so although nobody has
	unclear         // no acknowledgement: stored or not, or it will be
)

// entry is a value at a revision; a value of nil was deleted.
type entry struct {
	key   int
	rev   uint64
	value any
}

// store is one linear log, with compare-and-set on the revision of a key.
type store struct {
	w     *world
	log   []entry // sequence numbers begin at 1
	heads []entry // by key
	// down is until when nobody reaches the store; leaderless until when it takes no write and answers no read.
	down, leaderless int64
	mirrors          []*mirror
}

// anyRevision writes whatever is there.
const anyRevision = ^uint64(0)

func (s *store) head(key int) entry {
	if key < len(s.heads) {
		return s.heads[key]
	}
	return entry{key: key}
}

// newLease returns a key that was never used.
func (s *store) newLease() int {
	s.heads = append(s.heads, entry{key: len(s.heads)})
	return len(s.heads) - 1
}

func (s *store) ready() bool { return s.w.now >= s.down && s.w.now >= s.leaderless }

// apply is the write at its one instant.
func (s *store) apply(key int, expect uint64, value any) (uint64, bool) {
	head := s.heads[key]
	if expect != head.rev && expect != anyRevision && (expect != 0 || head.value != nil) {
		return 0, false
	}
	e := entry{key, uint64(len(s.log) + 1), value}
	s.w.judge.written(s.w, head, e)
	s.log = append(s.log, e)
	s.heads[key] = e
	for _, m := range s.mirrors {
		if m.follows(key) {
			m.stir()
		}
	}
	return e.rev, true
}

// write sends a compare-and-set and hears of it within storeTimeout of the writer's patience.
func (s *store) write(p *proc, key int, expect uint64, value any, then func(outcome, uint64)) {
	w := s.w
	if p.isCut() || w.now < s.down || w.lost() {
		p.after(storeTimeout, func() { then(unclear, 0) })
		return
	}
	if w.now >= s.leaderless && w.chance(1) { // replicated stores refuse innocent writers now and then
		p.after(w.delay(), func() { then(refused, 0) })
		return
	}
	arrives := w.now + w.delay()
	if w.now < s.leaderless {
		if !w.chance(40) {
			p.after(storeTimeout, func() { then(unclear, 0) })
			return
		}
		arrives = s.leaderless + w.delay() // the next leader takes it up, when the writer waits no more
	}
	sent := w.now
	w.at(arrives, nil, func() {
		rev, ok := uint64(0), false
		took := w.now >= s.down
		if took {
			rev, ok = s.apply(key, expect, value)
		}
		back := w.now + w.delay()
		if !took || back > sent+storeTimeout || p.isCut() || w.lost() {
			w.at(max(sent+storeTimeout, w.now), p, func() { then(unclear, 0) })
			return
		}
		w.at(back, p, func() {
			if ok {
				then(stored, rev)
			} else {
				then(refused, 0)
			}
		})
	})
}

// read asks the leader.
func (s *store) read(p *proc, key int, then func(e entry, ok bool)) {
	w := s.w
	if p.isCut() || !s.ready() || w.lost() {
		p.after(storeTimeout/2, func() { then(entry{}, false) })
		return
	}
	w.at(w.now+w.delay(), nil, func() {
		e, ok := s.head(key), s.ready() && !p.isCut()
		w.at(w.now+w.delay(), p, func() { then(e, ok) })
	})
}

// mirror is a copy of the last values that lags: of the leases, or of all else. The two of a process lag each by itself.
type mirror struct {
	w      *world
	p      *proc
	leases bool
	pos    int // how much of the log it has seen
	view   []entry
	moving bool
	epoch  int
	change func(entry)
}

func (s *store) newMirror(p *proc, leases bool, change func(entry)) *mirror {
	m := &mirror{w: s.w, p: p, leases: leases, change: change}
	s.mirrors = append(s.mirrors, m)
	m.stir()
	return m
}

func (m *mirror) follows(key int) bool { return m.leases == (key >= firstLease) }

func (m *mirror) get(key int) entry {
	if key < len(m.view) {
		return m.view[key]
	}
	return entry{key: key}
}

// connected tells whether the store reaches the mirror.
func (m *mirror) connected() bool { return !m.p.isCut() && m.w.now >= m.w.store.down }

// stir makes the mirror move on, some time soon.
func (m *mirror) stir() {
	if m.moving || m.p.crashed || !m.connected() || m.pos == len(m.w.store.log) {
		return
	}
	m.moving = true
	lag := m.w.delay()
	if m.w.chance(3) {
		lag = m.w.between(50*millisecond, 2*second)
	}
	m.w.at(m.w.now+lag, m.p, m.move)
}

func (m *mirror) move() {
	m.moving = false
	if !m.connected() {
		return
	}
	log := m.w.store.log
	upto := len(log)
	if behind := upto - m.pos; behind > 1 && m.w.chance(30) {
		upto -= m.w.rng.IntN(behind)
	}
	for m.pos < upto {
		e := log[m.pos]
		if m.pos++; !m.follows(e.key) {
			continue
		}
		for len(m.view) <= e.key {
			m.view = append(m.view, entry{key: len(m.view)})
		}
		m.view[e.key] = e
		m.change(e)
	}
	m.stir()
}

// reconnected begins a new unbroken view.
func (m *mirror) reconnected() {
	m.epoch++
	m.stir()
}
