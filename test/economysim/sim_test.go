package economysim_test

import (
	"flag"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/services/economics/realm"
	"github.com/mabus-project/mabus/test/economysim"
)

var (
	schedules = flag.Uint64("schedules", 300, "how many schedules to simulate")
	from      = flag.Uint64("from", 1, "the seed of the first")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSimulation(t *testing.T) {
	started := time.Now()
	var next atomic.Uint64
	var mu sync.Mutex
	var all economysim.Result
	all.Done, all.Ends = map[string]int{}, map[string]int{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= *schedules {
					return
				}
				r, err := economysim.Run(*from+n, economysim.NoBug)
				if err != nil {
					t.Errorf("%v; repeat with -run TestSimulation -from %d -schedules 1", err, *from+n)
				}
				mu.Lock()
				add(&all, r)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	t.Logf("%d schedules in %s: %+v", *schedules, time.Since(started), all)
	if t.Failed() || *schedules < 300 {
		return
	}
	if all.Repeated == 0 || all.Kills == 0 || all.Timers == 0 || all.Foreseen == 0 {
		t.Error("something was never tried")
	}
	for kind := range realm.Kinds() {
		if all.Done[kind] == 0 {
			t.Errorf("%s was never granted", kind)
		}
	}
}

func add(all, r *economysim.Result) {
	all.Entries += r.Entries
	all.Commands += r.Commands
	all.Refused += r.Refused
	all.Repeated += r.Repeated
	all.Effects += r.Effects
	all.Timers += r.Timers
	all.Kills += r.Kills
	all.Auctions += r.Auctions
	all.Sold += r.Sold
	all.Foreseen += r.Foreseen
	for kind, n := range r.Done {
		all.Done[kind] += n
	}
	for kind, n := range r.Ends {
		all.Ends[kind] += n
	}
}

// most is within how many schedules a bug must be found.
const most = 300

func TestEveryBugIsFound(t *testing.T) {
	for _, bug := range economysim.Bugs() {
		t.Run(bug.String(), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= most; seed++ {
				if _, err := economysim.Run(seed, bug); err != nil {
					t.Logf("%s: %v", bug, err)
					return
				}
			}
			t.Errorf("not found within %d schedules", most)
		})
	}
}

func TestTheSameSeedGivesTheSameSchedule(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		a, err1 := economysim.Run(seed, economysim.NoBug)
		b, err2 := economysim.Run(seed, economysim.NoBug)
		if err1 != nil || err2 != nil || a.Commands != b.Commands || a.Refused != b.Refused || a.Timers != b.Timers {
			t.Errorf("seed %d: %+v, %v; %+v, %v", seed, a, err1, b, err2)
		}
	}
	if slices.Contains(economysim.Bugs(), economysim.NoBug) {
		t.Error("no bug is one")
	}
}
