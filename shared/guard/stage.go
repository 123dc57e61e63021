package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// stage is one link of the chain. It calls the next, or refuses.
type stage interface {
	do(ctx context.Context, c *call) outcome
}

// call is one call of Do on its way through the stages.
type call struct {
	tokens  int
	attempt func(ctx context.Context) (Result, error)
	tally   *tally
	closed  <-chan struct{}
	sent    bool // at least one attempt was made
}

// outcome is what came of one pass through a stage and those inside it.
type outcome struct {
	err      error
	attempts int           // made in this pass; 0 with an error is a refusal
	tokens   int           // used by them
	spent    time.Duration // at the endpoint
	asked    time.Duration // how long the endpoint asked to wait, by the last attempt
	verdict  verdict       // on the endpoint, of the last attempt
	final    bool
}

// verdict is what an answer says about the endpoint.
type verdict int

const (
	silent verdict = iota // nothing
	works
	fails
)

func refuse(err error) outcome { return outcome{err: err} }

func (o *outcome) refused() bool { return o.err != nil && o.attempts == 0 }

// stopped returns why the call need not go on: its context has ended, or the guard is closed.
func (c *call) stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return gaveUp(ctx)
	}
	select {
	case <-c.closed:
		return errClosed
	default:
		return nil
	}
}

var errClosed = api.Errorf(api.Unavailable, "the agent stops: try again").WithReason(api.ReasonDraining)

// gaveUp returns the error of a call whose context has ended.
func gaveUp(ctx context.Context) error { return ofContext(ctx.Err(), "the call was given up") }

// ofContext gives the error of a context its code.
func ofContext(err error, what string) error {
	e := api.Errorf(api.Cancelled, "%s", what)
	if errors.Is(err, context.DeadlineExceeded) {
		e = api.Errorf(api.DeadlineExceeded, "%s", what).WithReason(api.ReasonTimeout)
	}
	return because(e, err)
}

// because keeps the error of a context that is behind e findable.
func because(e *api.Error, err error) error {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", e, cause)
		}
	}
	return e
}

// wait waits for d. It returns why the call is not to go on, if it is not.
func (c *call) wait(ctx context.Context, d time.Duration) error {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		case <-c.closed:
		}
	}
	return c.stopped(ctx)
}
