package isolate

import (
	"context"

	"github.com/mabus-project/mabus/shared/api"
)

// PerCPU is how many commands a host runs at once for each of its processors, unless told otherwise.
const PerCPU = 2

// Pool runs a bounded number of commands at once.
type Pool struct{ slots chan struct{} }

// NewPool returns a pool for at most n commands at once.
func NewPool(n int) *Pool { return &Pool{make(chan struct{}, max(1, n))} }

// Run is the function Run; it refuses at once with overloaded (server_full) when the pool has as many as it may.
func (p *Pool) Run(ctx context.Context, req *api.IsolateRequest, opt Options) (*api.IsolateResponse, error) {
	select {
	case p.slots <- struct{}{}:
	default:
		return nil, api.Errorf(api.Overloaded, "the host runs %d commands already, as many as it may: try again later", cap(p.slots)).WithReason(api.ReasonServerFull)
	}
	defer func() { <-p.slots }()
	return Run(ctx, req, opt)
}
