package pbftsim_test

import (
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/test/pbftsim"
)

var (
	schedules = flag.Uint64("schedules", 2000, "how many schedules to simulate; a fiftieth as many with real signatures")
	from      = flag.Uint64("from", 1, "the seed of the first")
	seed      = flag.Uint64("seed", 0, "simulate this seed alone, and print its trace")
)

// TestSchedules runs as many sessions as it is told to.
func TestSchedules(t *testing.T) {
	if *seed != 0 {
		r := pbftsim.Simulate(*seed, pbftsim.Options{Trace: true})
		t.Log("\n" + r.Trace)
		if r.Err != nil {
			t.Error(r.Err)
		}
		return
	}
	t.Run("hash", func(t *testing.T) { simulate(t, *schedules, pbftsim.Options{}) })
	t.Run("ed25519", func(t *testing.T) { simulate(t, max(1, *schedules/50), pbftsim.Options{Ed25519: true}) })
}

func simulate(t *testing.T, count uint64, o pbftsim.Options) {
	began := time.Now()
	var next, decisions, steps, attacks, faulty atomic.Uint64
	var mu sync.Mutex
	views, longest := map[uint64]int{}, 0
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= count {
					return
				}
				r := pbftsim.Simulate(*from+n, o)
				decisions.Add(uint64(r.Decisions))
				steps.Add(uint64(r.Steps))
				attacks.Add(uint64(r.Attacks))
				faulty.Add(uint64(r.Faulty))
				mu.Lock()
				views[min(r.Views, 9)]++
				longest = max(longest, r.Steps)
				mu.Unlock()
				if r.Err != nil {
					t.Errorf("%v; repeat with -run TestSchedules -seed %d -v", r.Err, *from+n)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d schedules in %s: %d faulty members, %d messages made up, %d decisions of honest members, %d events, %d at most in one; schedules by highest view (9: or more): %v",
		count, time.Since(began).Round(time.Millisecond), faulty.Load(), attacks.Load(), decisions.Load(), steps.Load(), longest, views)
}

func TestSameSeedSameRun(t *testing.T) {
	before := ""
	for s := uint64(1); s <= 20; s++ {
		first := pbftsim.Simulate(s, pbftsim.Options{Trace: true})
		again := pbftsim.Simulate(s, pbftsim.Options{Trace: true})
		if first.Trace != again.Trace || first.Sum != again.Sum {
			t.Fatalf("seed %d goes two ways", s)
		}
		if quiet := pbftsim.Simulate(s, pbftsim.Options{}); quiet.Sum != first.Sum || quiet.Steps != first.Steps {
			t.Fatalf("seed %d goes another way without a trace", s)
		}
		if first.Trace == "" || first.Trace == before {
			t.Fatalf("seed %d tells nothing of its own", s)
		}
		before = first.Trace
	}
}

// TestSchedulesAreHard demands that the adversary and the network bite: a simulation in which nothing goes wrong would prove
// nothing.
func TestSchedulesAreHard(t *testing.T) {
	const runs = 200
	count := map[string]int{}
	for s := uint64(1); s <= runs; s++ {
		r := pbftsim.Simulate(s, pbftsim.Options{})
		for what, holds := range map[string]bool{
			"all f faulty": r.Faulty == (r.Members-1)/3, "more than four members": r.Members > 4, "a view change": r.Views > 0,
			"three view changes": r.Views >= 3, "attacks": r.Attacks > 10, "no view change": r.Views == 0,
		} {
			if holds {
				count[what]++
			}
		}
	}
	t.Log(count)
	for what, least := range map[string]int{
		"all f faulty": runs / 2, "more than four members": runs / 3, "a view change": runs / 2, "three view changes": runs / 10, "attacks": runs / 3,
		"no view change": runs / 50,
	} {
		if count[what] < least {
			t.Errorf("%s: in %d of %d runs, want %d at least", what, count[what], runs, least)
		}
	}
}
