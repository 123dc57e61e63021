package replog

// Status is what a replica shows of itself.
type Status struct {
	Realm string
	State State
	// Seq is the newest entry that was applied; Lag how many more are known of.
	Seq uint64
	Lag uint64
	// Entries and Bytes are what the stream holds, as last seen.
	Entries uint64
	Bytes   int64
	// Rebuilds counts how often the state was built anew after the first time, Contradictions the claims that differed.
	Rebuilds       uint64
	Contradictions uint64
	// Version is that of the rules in force.
	Version int
	// Snapshot is the entry of the newest verified snapshot, 0 when there is none.
	Snapshot uint64
	// Effects are those without an outcome, on all replicas; Running those that run here.
	Effects int
	Running int
	// Queued commands wait for a batch.
	Queued int
}

// Ready tells whether the replica takes commands and reads now.
func (l *Log[S]) Ready() bool { return l.health.ready() }

// Changes has a token after Ready has changed, so that one goroutine can join and leave a queue group. Changes that follow each other
// quickly may give one token.
func (l *Log[S]) Changes() <-chan struct{} { return l.health.changes }

// Status returns what the replica shows of itself now.
func (l *Log[S]) Status() Status {
	s := Status{
		Realm: l.cfg.Realm, State: l.health.state(), Rebuilds: l.health.rebuilds.Load(), Contradictions: l.health.contradictions.Load(), Queued: l.queue.len(),
		Running: l.effects.count(),
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	s.Seq, s.Version, s.Effects, s.Bytes = l.engine.Seq(), l.engine.Version(), l.engine.Pending(), l.size
	s.Snapshot, _ = l.engine.Verified()
	if known := l.known.Load(); known > s.Seq {
		s.Lag = known - s.Seq
	}
	if last := s.Seq + s.Lag; last >= l.first && l.first > 0 {
		s.Entries = last - l.first + 1
	}
	return s
}
