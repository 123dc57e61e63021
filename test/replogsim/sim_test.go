package replogsim_test

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/test/replogsim"
)

var (
	schedules = flag.Uint64("schedules", 2000, "how many schedules to simulate")
	from      = flag.Uint64("from", 1, "the seed of the first")
	seed      = flag.Uint64("seed", 0, "simulate this seed alone, and print its trace")
	planted   = flag.String("bug", "", "plant this bug, with -seed")
)

func TestSimulation(t *testing.T) {
	if *seed != 0 {
		o := bankOptions()
		o.Trace = true
		for _, b := range replogsim.Bugs() {
			if b.String() == *planted {
				o.Bug = b
			}
		}
		r, err := replogsim.Run(*seed, o)
		t.Logf("\n%s%+v", r.Trace, err)
		if err != nil {
			t.Error(err)
		}
		return
	}
	started := time.Now()
	var next atomic.Uint64
	var mu sync.Mutex
	var all replogsim.Result
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= *schedules {
					return
				}
				r, err := replogsim.Run(*from+n, bankOptions())
				if err != nil {
					t.Errorf("%v; repeat with -run TestSimulation -seed %d -v", err, *from+n)
				}
				mu.Lock()
				all.Entries += r.Entries
				all.Skipped += r.Skipped
				all.Answered += r.Answered
				all.Repeated += r.Repeated
				all.Kills += r.Kills
				all.Timers += r.Timers
				all.Effects += r.Effects
				all.Runs += r.Runs
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%d schedules in %s: %+v", *schedules, time.Since(started), all)
	if !t.Failed() && *schedules >= 1000 && (all.Skipped == 0 || all.Repeated == 0 || all.Kills == 0 || all.Timers == 0 || all.Runs <= all.Effects) {
		t.Error("something was never tried")
	}
}

func TestTheSameSeedGivesTheSameTrace(t *testing.T) {
	for s := uint64(1); s <= 20; s++ {
		o := bankOptions()
		o.Trace = true
		first, err1 := replogsim.Run(s, o)
		again, err2 := replogsim.Run(s, o)
		if diff := cmp.Diff(first, again); diff != "" || first.Trace == "" {
			t.Fatalf("seed %d (%v, %v):\n%s", s, err1, err2, diff)
		}
	}
}

// most is within how many schedules a bug must be found.
const most = 1500

func TestEveryBugIsFound(t *testing.T) {
	for _, bug := range replogsim.Bugs() {
		t.Run(bug.String(), func(t *testing.T) {
			t.Parallel()
			o := bankOptions()
			o.Bug = bug
			for s := uint64(1); s <= most; s++ {
				if _, err := replogsim.Run(s, o); err != nil {
					t.Logf("%s: %v", bug, err)
					return
				}
			}
			t.Errorf("not found within %d schedules", most)
		})
	}
}
