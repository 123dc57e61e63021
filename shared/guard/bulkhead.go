package guard

import (
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
)

// newBulkhead bounds how many calls are inside at once.
func newBulkhead(spec api.BulkheadSpec, name string, next stage) *gate {
	return &gate{
		size: spec.Concurrent, room: spec.Waiting, next: next,
		full: api.Errorf(api.Overloaded, "%s has %d calls inside and %d waiting, which is all that it takes: try again later", name, spec.Concurrent, spec.Waiting).
			WithReason(api.ReasonBulkheadFull),
		refused: func(t *tally) *atomic.Uint64 { return &t.bulkheadRefused },
	}
}
