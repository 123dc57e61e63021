package replog_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/replog"
	"github.com/mabus-project/mabus/shared/replog/engine"
)

var begun = time.Now()

// clock is a clock of replicas that can be stopped. While it stands nothing comes late, however slow the machine is: no replica leaves
// because a test took its time.
type clock struct {
	stands atomic.Int64 // since begun, in ns; 0 while it goes
}

// stoppable returns the clock of replicas with this configuration.
func stoppable(cfg *config) *clock {
	c := new(clock)
	replog.Clock(cfg, c.now)
	return c
}

func (c *clock) now() time.Duration {
	if at := c.stands.Load(); at != 0 {
		return time.Duration(at)
	}
	return time.Since(begun)
}

// stop stops the clock while replicas serve.
func (c *clock) stop(t *testing.T, ls ...*replica) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		c.stands.Store(int64(time.Since(begun)))
		for _, l := range ls {
			if !l.Ready() { // and it does not see that it may be
				c.goOn()
				return false
			}
		}
		return true
	}, "the replicas serve")
}

func (c *clock) goOn() { c.stands.Store(0) }

// even watches whether replicas have time to renew their claims. One that gets no time for that long is as good as dead to the others,
// who take over what it runs, as they should.
func even(t *testing.T, url string) (ran func() bool) {
	t.Helper()
	var longest, last atomic.Int64 // since begun: the present one counts too, when nobody knows yet how long it is
	last.Store(int64(time.Since(begun)))
	nc, stop := dial(t, url).NC, make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			_ = nc.FlushTimeout(patience) // what the server needs counts too
			now := int64(time.Since(begun))
			longest.Store(max(longest.Load(), now-last.Load()))
			last.Store(now)
		}
	})
	t.Cleanup(func() {
		close(stop)
		work.Wait()
	})
	return func() bool {
		now := last.Load() // before longest, which may be told meanwhile
		d := max(time.Duration(longest.Load()), time.Since(begun)-time.Duration(now))
		t.Logf("the replicas had no time for %s at most", d)
		return d < engine.Claim/4
	}
}
