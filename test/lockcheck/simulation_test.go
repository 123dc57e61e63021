package lockcheck_test

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mabus-project/mabus/test/lockcheck"
)

var (
	schedules = flag.Uint64("schedules", 3000, "how many schedules to simulate")
	from      = flag.Uint64("from", 1, "the seed of the first")
	seed      = flag.Uint64("seed", 0, "simulate this seed alone, and print its trace")
	planted   = flag.String("bug", "", "plant this bug, with -seed")
)

func TestSimulation(t *testing.T) {
	if *seed != 0 {
		o := lockcheck.Options{Trace: true}
		for _, b := range lockcheck.Bugs() {
			if b.String() == *planted {
				o.Bug = b
			}
		}
		r := lockcheck.Simulate(*seed, o)
		t.Log("\n" + r.Trace)
		if r.Err != nil {
			t.Error(r.Err)
		}
		return
	}
	began := time.Now()
	var next, grants atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= *schedules {
					return
				}
				r := lockcheck.Simulate(*from+n, lockcheck.Options{})
				grants.Add(uint64(r.Grants))
				if r.Err != nil {
					t.Errorf("%v; repeat with -run TestSimulation -seed %d -v", r.Err, *from+n)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d schedules, %d grants in %s", *schedules, grants.Load(), time.Since(began))
}

func TestSameSeedSameSchedule(t *testing.T) {
	var before string
	for s := uint64(1); s <= 20; s++ {
		first := lockcheck.Simulate(s, lockcheck.Options{Trace: true})
		again := lockcheck.Simulate(s, lockcheck.Options{Trace: true})
		if diff := cmp.Diff(first, again, cmpopts.EquateErrors()); diff != "" {
			t.Fatalf("seed %d (-first +again):\n%s", s, diff)
		}
		if quiet := lockcheck.Simulate(s, lockcheck.Options{}); !cmp.Equal(quiet.Ops, first.Ops) {
			t.Fatalf("seed %d goes another way without a trace", s)
		}
		if first.Trace == before || first.Trace == "" {
			t.Fatalf("seed %d tells nothing of its own", s)
		}
		before = first.Trace
	}
}

// TestSchedulesAreHard demands that the faults bite: a simulation in which nothing goes wrong would prove nothing.
func TestSchedulesAreHard(t *testing.T) {
	count := map[string]int{}
	for s := uint64(1); s <= 300; s++ {
		for _, o := range lockcheck.Simulate(s, lockcheck.Options{}).Ops {
			switch {
			case o.Kind == lockcheck.Lost:
				count["holds lost with their lease"]++
			case o.Unknown:
				count["outcomes unknown"]++
			case o.Kind == lockcheck.Acquire:
				count["grants"]++
			case o.Kind == lockcheck.Release && !o.OK:
				count["tickets gone at their release"]++
			case o.Kind == lockcheck.Put && !o.OK:
				count["puts fenced"]++
			}
		}
	}
	t.Log(count)
	for what, least := range map[string]int{"grants": 3000, "holds lost with their lease": 100, "outcomes unknown": 100, "puts fenced": 10} {
		if count[what] < least {
			t.Errorf("%s: %d, want %d at least", what, count[what], least)
		}
	}
}
