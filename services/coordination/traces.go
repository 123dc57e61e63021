package coordination

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	traceAge   = time.Hour // of a removal that nobody has a use for: longer than a request may be repeated
	traceSweep = 30 * time.Minute
	traceLimit = 1000 // removals forgotten by one sweep
	traceTime  = time.Minute
)

// sweepTraces forgets, now and then, what was removed long ago, until the function that it returns is called. All replicas do so;
// it does not matter how many.
func (s *Service) sweepTraces() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			next := time.NewTimer(traceSweep/2 + rand.N(traceSweep))
			select {
			case <-next.C:
			case <-ctx.Done():
				next.Stop()
				return
			}
			within, end := context.WithTimeout(ctx, traceTime)
			if _, err := s.bucket.Sweep(within, traceAge, traceLimit); err != nil && ctx.Err() == nil {
				s.cfg.Log.Warn().Err(err).Msg("traces of removed primitives are not swept")
			}
			end()
		}
	}()
	return func() { cancel(); <-done }
}
