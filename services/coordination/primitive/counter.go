package primitive

import (
	"math"

	"github.com/mabus-project/mabus/shared/api"
)

// AddCounter adds to a counter, which begins at 0. A sum that does not fit 64 bits is failed_precondition.
func AddCounter(old *api.Counter, name string, by int64) (*api.Counter, error) {
	next := api.Counter{Name: name}
	if old != nil {
		next = *old
	}
	if by > 0 && next.Value > math.MaxInt64-by || by < 0 && next.Value < math.MinInt64-by {
		return old, api.Errorf(api.FailedPrecondition, "counter %s is at %d: adding %d would not fit 64 bits", name, next.Value, by).WithFields("by")
	}
	if by == 0 && old != nil {
		return old, nil
	}
	next.Value += by
	return &next, nil
}
