package guard

import (
	"cmp"
	"sync/atomic"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	defaultConnections = 16
	defaultPoolWaiting = 1024
)

// newPool bounds how many connections to the endpoint are in use at once. Each attempt is taken to use one; the connections
// themselves belong to who makes the attempts.
func newPool(spec api.PoolSpec, name string, next stage) *gate {
	size, room := cmp.Or(spec.Size, defaultConnections), cmp.Or(spec.Waiting, defaultPoolWaiting)
	return &gate{
		size: size, room: room, next: next,
		full: api.Errorf(api.Overloaded, "all %d connections of %s are in use and %d calls wait for one: try again later", size, name, room).
			WithReason(api.ReasonPoolFull),
		refused: func(t *tally) *atomic.Uint64 { return &t.poolRefused },
	}
}
