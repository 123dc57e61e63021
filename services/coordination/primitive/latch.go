package primitive

import (
	"github.com/mabus-project/mabus/shared/api"
)

// Latch is a latch as it is stored: with the count that it was made with.
type Latch struct {
	api.Latch
	Initial int64 `json:"initial"`
}

// CreateLatch makes a latch. One that was made with the same count stays as it is; with another it is conflict
// (already_registered).
func CreateLatch(old *Latch, name string, count int64) (*Latch, error) {
	if old == nil {
		return &Latch{Latch: api.Latch{Name: name, Count: count}, Initial: count}, nil
	}
	if old.Initial != count {
		return old, api.Errorf(api.Conflict, "there is a latch %s that was made with a count of %d: remove it first, or choose another name", name, old.Initial).
			WithReason(api.ReasonAlreadyRegistered)
	}
	return old, nil
}

// CountDown takes from the count of a latch, down to zero at most.
func CountDown(old *Latch, name string, by int64) (*Latch, error) {
	if old == nil {
		return nil, NoLatch(name)
	}
	next := *old
	next.Count = max(old.Count-max(by, 0), 0)
	if next.Count == old.Count {
		return old, nil
	}
	return &next, nil
}

// NoLatch says that there is no latch of a name.
func NoLatch(name string) error {
	return api.Errorf(api.NotFound, "there is no latch %s", name).WithReason(api.ReasonLatchNotFound)
}
