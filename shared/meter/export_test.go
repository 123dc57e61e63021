package meter

// Collect takes and sends what was counted, as an interval's end does; only while the meter is not started.
func (m *Meter) Collect() { _ = m.sender.send() }

// Own returns how many series have counters of their own, and how many are shared.
func (m *Meter) Own() (own, shared int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.table) - m.others, m.others
}

// IdleAfter is after how many intervals a series gives its counters up.
const IdleAfter = idleAfter
