package engine

import "time"

// Member is a replica that appends to the log.
type Member struct {
	Writer string
	// Number is that of its last batch that was carried out, Seen the time of that.
	Number uint64
	Seen   time.Time
	// Low and High are the versions of the rules that it has said it has; 0 when it has not said.
	Low, High int
	// Left says that it has said that it ends.
	Left bool
}

type member struct {
	number    uint64
	seen      int64
	low, high int
	left      bool
}

// live tells whether the replica counts.
func (m *member) live(now int64) bool { return !m.left && plus(m.seen, MemberTime) >= now }

// members are the writers that are known.
type members struct {
	byID map[string]*member
	// next is a time before which none is to be forgotten.
	next int64
}

// judge says what is to become of a batch, from what was before its entry.
func (s *members) judge(b *Batch, seq uint64, now int64) SkipReason {
	m := s.byID[b.Writer]
	var last uint64
	if m != nil {
		last = m.number
	}
	switch {
	case b.Applied >= seq:
		return SkipAhead
	case m == nil && b.Number != 1:
		return SkipUnknown
	case b.Number <= last:
		return SkipRepeated
	case seq-b.Applied > MaxLag, nanos(b.AppliedTime) == never && now != never, plus(nanos(b.AppliedTime), MaxStale) < now:
		return SkipStale
	case b.Number != last+1:
		return SkipNumber
	}
	return ""
}

// saw records that a batch is carried out.
func (s *members) saw(b *Batch, now int64) {
	m := s.byID[b.Writer]
	if m == nil {
		m = new(member)
		if s.byID == nil {
			s.byID = map[string]*member{}
		}
		s.byID[b.Writer] = m
	}
	m.number, m.seen, m.left = b.Number, now, false
}

// forget forgets those who were silent for long. It must be asked with the time of the entry before: whatever a forgotten writer had
// appended was then made more than ForgetTime before, by the time that judge looks at, and is stale. With the time of the entry itself
// that would not hold after a long silence of the whole log, and the first batch of a forgotten writer might be carried out again.
func (s *members) forget(now int64) {
	if now < s.next {
		return
	}
	s.next = plus(now, ForgetTime)
	for id, m := range s.byID {
		until := plus(m.seen, ForgetTime)
		if until < now {
			delete(s.byID, id)
		} else {
			s.next = min(s.next, until)
		}
	}
}

// haveAll tells whether every live replica has a version; alone whether none is live but one.
func (s *members) haveAll(version int, now int64) bool {
	for _, m := range s.byID {
		if m.live(now) && (version < m.low || version > m.high) {
			return false
		}
	}
	return true
}

func (s *members) alone(writer string, now int64) bool {
	for id, m := range s.byID {
		if id != writer && m.live(now) {
			return false
		}
	}
	return true
}
