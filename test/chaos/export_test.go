package chaos

import "github.com/mabus-project/mabus/test/lockcheck"

// Count is an answer of a counter.
type Count = count

// NewCount makes one.
func NewCount(agent string, value uint64, call, ret int64) Count {
	return count{agent, value, call, ret}
}

// CheckCounts is checkCounts.
var CheckCounts = checkCounts

// ReadJournal returns the operations in a journal, and whether its client came to its end.
func ReadJournal(path string, client int) ([]lockcheck.Op, bool, error) {
	h, err := readJournal(path, client)
	if err != nil {
		return nil, false, err
	}
	return h.ops, h.done, nil
}

// States judges writes to the bucket of states.
type States struct{ s states }

// Take is a write.
func (s *States) Take(id string, seq uint64, data string) {
	if s.s.seen == nil {
		s.s.seen = map[string]stateRecord{}
	}
	s.s.take(id, seq, []byte(data))
}

// Wrong returns how many writes were wrong.
func (s *States) Wrong() int { return len(s.s.wrong) }
