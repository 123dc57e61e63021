package primitive

import (
	"math"

	"github.com/mabus-project/mabus/shared/api"
)

// NextRange takes the n numbers after those that old took last; a sequence begins at 1. When fewer than n are left of 64 bits it
// is failed_precondition.
func NextRange(old *api.SequenceRange, name string, n int) (*api.SequenceRange, error) {
	var last uint64
	if old != nil {
		last = old.Last
	}
	if n < 1 || uint64(n) > math.MaxUint64-last {
		return old, api.Errorf(api.FailedPrecondition, "sequence %s is at %d and has not %d numbers more", name, last, n).WithFields("n")
	}
	return &api.SequenceRange{Name: name, First: last + 1, Last: last + uint64(n)}, nil
}
