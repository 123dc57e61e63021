package rules_test

import "time"

// What the store does. A holder that is to renew needs it well.
const (
	well     = iota
	away     // connections are lost
	headless // no leader: nothing is answered, and what was sent may be stored in the end
	readOnly // reads are answered; writes are refused, or not answered
	slow     // the disk takes seconds for a write
	states
	asleep // with the machine on which all run
)

// queued bounds what waits for a slow disk, and how long one write takes there.
const queued = 10 * time.Second

// proof is the key by which watchers see that the store takes writes.
const proof = "the proof"

type record struct {
	rev    uint64
	writer string // nonce of the holder
	dead   bool
	made   time.Duration
}

type store struct {
	w       *world
	state   int
	until   time.Duration
	last    uint64
	records map[string]*record
	disk    time.Duration // when it is free
	bad     []span
	away    time.Duration // when it was last away, or without a leader, for more than a moment
	deaths  int
}

// be puts the store into a state for a while.
func (s *store) be(state int, d time.Duration) {
	if s.state != well {
		return
	}
	s.state, s.until = state, s.w.now+d
	over := s.until
	if state == slow {
		over += 2 * queued
	}
	s.bad = append(s.bad, span{s.w.now, over})
	if state == away {
		for _, v := range s.w.watches {
			v.interrupt()
		}
	}
	s.w.after(d, func() {
		if (state == away || state == headless) && d >= 3*s.w.t.Renew { // a shorter one may pass unnoticed, and harms nobody
			s.away = s.w.now
		}
		s.state = well
	})
}

func (s *store) reads() bool { return s.state != away && s.state != headless && s.state != asleep }

// write is one compare-and-set of a process. answer hears of it unless the answer is lost; ok is false when another came first.
func (s *store) write(p *process, id string, expect uint64, r record, answer func(rev uint64, ok bool)) {
	sent := s.w.now
	s.w.after(s.w.latency(), func() {
		switch {
		case !p.reaches(), s.state == readOnly, s.disk > s.w.now+queued:
		case s.state == headless:
			if s.w.rnd.IntN(2) == 0 { // the leader to come has it
				s.w.after(s.until-s.w.now+s.w.latency(), func() { s.apply(id, expect, r, sent) })
			}
		default:
			delay := time.Millisecond
			if s.state == slow {
				delay = s.w.between(time.Second, queued)
			}
			s.disk = max(s.disk, s.w.now) + delay
			s.w.after(s.disk-s.w.now, func() {
				rev, ok := s.apply(id, expect, r, sent)
				if s.w.rnd.IntN(100) == 0 && !s.w.calm { // the leader dies before it answers
					s.be(headless, s.w.between(time.Second, 10*time.Second))
					return
				}
				s.w.after(s.w.latency(), func() {
					if p.reaches() {
						p.step(func() { answer(rev, ok) })
					}
				})
			})
		}
	})
}

func (s *store) apply(id string, expect uint64, r record, sent time.Duration) (uint64, bool) {
	old := s.records[id]
	if old == nil {
		old = &record{made: s.w.now}
	}
	if old.rev != expect {
		return old.rev, false
	}
	if old.dead {
		s.w.fail("lease %s was dead and is written again", id)
	}
	s.last++
	r.rev, r.made = s.last, old.made
	s.records[id] = &r
	if r.dead {
		s.deaths++
		s.checkDeath(id, sent)
	}
	for _, v := range s.w.watches {
		v.deliver(id, r)
	}
	return r.rev, true
}

// read answers with what is stored.
func (s *store) read(p *process, answer func(read func(id string) record, last uint64)) {
	s.w.after(s.w.latency(), func() {
		if !p.reaches() || !s.reads() {
			return
		}
		at := map[string]record{}
		for id, r := range s.records {
			at[id] = *r
		}
		last := s.last
		s.w.after(s.w.latency(), func() {
			if p.reaches() {
				p.step(func() { answer(func(id string) record { return at[id] }, last) })
			}
		})
	})
}

// checkDeath is called when a lease is declared dead, by a write sent at sent: its holder has crashed, or could not renew.
func (s *store) checkDeath(id string, sent time.Duration) {
	t := s.w.t
	// One that was sent before the outage and had not come to the leader's successor is decided on what was known then.
	if since := sent - s.away; s.away > 0 && since >= 0 && since < t.Challenge*100/101-2*t.Renew {
		s.w.fail("lease %s was declared dead %s after an outage", id, since)
	}
	if age := sent - s.records[id].made; age < t.Challenge*98/100 {
		s.w.fail("lease %s was declared dead %s after it was acquired", id, age)
	}
	for _, h := range s.w.holders {
		if h.id != id || h.crashed {
			continue
		}
		from := sent - t.Challenge*98/100
		if free := longest(from, sent, append(append([]span(nil), h.bad...), s.bad...)); free > 2*t.Renew+t.Renew/2 {
			s.w.fail("lease %s was declared dead though its holder could renew for %s", id, free)
		}
	}
}

// longest returns the longest time between from and to that is in none of the spans.
func longest(from, to time.Duration, bad []span) time.Duration {
	var most time.Duration
	for at := from; at < to; {
		next := to
		inside := false
		for _, b := range bad {
			if b.from <= at && at < b.to {
				at, inside = b.to, true
			} else if b.from > at {
				next = min(next, b.from)
			}
		}
		if !inside {
			most, at = max(most, next-at), next
		}
	}
	return most
}
