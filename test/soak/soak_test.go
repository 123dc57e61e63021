package soak_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
)

var (
	minutes  = flag.Float64("minutes", 0, "how long to soak; a few seconds unless given")
	every    = flag.Duration("every", 250*time.Millisecond, "pause between two rounds of a kind of work, in a soak of minutes")
	profiles = flag.String("profiles", "", "directory for a profile of the heap after each quarter")
)

const (
	shortRun = 3 * time.Second
	looks    = 40 // in one run: ten in each quarter
	warmUp   = 3  // rounds of each kind of work before the first look

	leastLooks = 12 // also where the machine is slow: the median of three tells something
)

// slack is by how much the last quarter may be above the second. Figures are compared by their medians, so that one look at a bad moment
// does not count.
//
//   - What is counted one by one comes and goes with timers of the services (a heartbeat, a sweep, a request of the load balancer), which a few
//     of each cover. A leak in any kind of work adds one for each of its rounds, hundreds even in a short run.
//   - The heap, beside what it has of events and of leases that have ended (see eventBytes), has caches that fill up: answers of requests, kept
//     for ten minutes (engine.Keep, engine.MaxKept), measures up to viewBytes, the last that have left the economy (realm.MaxGone). So it grows for
//     the first ten minutes, and then it does not; what was not collected for the moment comes on top.
//   - A bucket keeps some revisions of each key and compacts late; names are reused, so it has all of them after one turn of the ring.
//   - Histories grow up to their bounds, and NATS' memory and files with them: they are shown and not judged.
func slack(what string, second float64) (allowed float64, judged bool) {
	switch {
	case what == "heap":
		return second/10 + 4<<20, true
	case strings.HasPrefix(what, "bytes of KV_"), strings.HasPrefix(what, "bytes of OBJ_"), strings.HasPrefix(what, "bytes of mabus_"):
		return second/5 + 256<<10, true
	case what == "memory", what == "events", what == "leases", what == "memory of NATS", what == "files of NATS", what == "bytes of histories":
		return 0, false
	default:
		return 8, true
	}
}

func TestNothingGrows(t *testing.T) {
	length, pause := shortRun, 5*time.Millisecond
	if *minutes > 0 {
		length, pause = time.Duration(*minutes*float64(time.Minute)), *every
	}
	if *profiles != "" {
		runtime.MemProfileRate = 8 << 10 // finer than by default: what grows here is small
	}
	s := newStaff(t, pause)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- s.work(ctx) }()
	natstest.Eventually(t, patience, func() bool { // what is made with the first use of something is no growth
		select {
		case err := <-failed:
			t.Fatal(err)
		default:
		}
		warm, kinds := true, 0
		s.done.Range(func(_, n any) bool {
			kinds++
			warm = warm && n.(interface{ Load() int64 }).Load() >= warmUp
			return true
		})
		return warm && kinds > 0
	}, "each kind of work was done some times")
	begun := time.Now()
	var seen []sight
	for time.Since(begun) < length || len(seen) < leastLooks {
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(max(length/looks, 200*time.Millisecond)):
			x := s.look(t, begun)
			if seen = append(seen, x); *minutes > 0 {
				profile(t, len(seen))
				t.Logf("%s: %d rounds, memory %.1f MiB, heap %.1f MiB, %.0f goroutines, %.0f subscriptions", x.at.Round(time.Second), x.rounds,
					x.values["memory"]/(1<<20), x.values["heap"]/(1<<20), x.values["goroutines"], x.values["subscriptions"])
			}
		}
	}
	cancel()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	s.done.Range(func(kind, n any) bool {
		if n.(interface{ Load() int64 }).Load() == 0 {
			t.Errorf("there were no %s", kind)
		}
		return true
	})
	judge(t, seen)
	s.leave(t)
}

// judge compares the second quarter of what was seen with the last.
func judge(t *testing.T, seen []sight) {
	t.Helper()
	n := len(seen) / 4
	if n == 0 {
		t.Fatalf("only %d looks", len(seen))
	}
	second, last := seen[n:2*n], seen[len(seen)-n:]
	t.Logf("%d looks, %d rounds; medians of the second quarter (until %s) and the last (from %s)", len(seen), seen[len(seen)-1].rounds,
		second[n-1].at.Round(time.Second), last[0].at.Round(time.Second))
	for _, what := range slices.Sorted(maps.Keys(seen[len(seen)-1].values)) {
		a, b := median(second, what), median(last, what)
		allowed, judged := slack(what, a)
		t.Logf("%-32s %14.0f %14.0f", what, a, b)
		if judged && b > a+allowed {
			t.Errorf("%s grew from %.0f to %.0f, and %.0f more would be allowed", what, a, b, allowed)
		}
	}
}

func median(of []sight, what string) float64 {
	values := make([]float64, len(of))
	for i := range of {
		values[i] = of[i].values[what]
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// What is judged would be found out if it grew.
func TestGrowthIsSeen(t *testing.T) {
	for _, what := range []string{"goroutines", "subscriptions", "consumers", "files", "connections", "heap", "bytes of KV_mabus_agents"} {
		allowed, judged := slack(what, 100)
		if !judged || allowed <= 0 {
			t.Errorf("%s is not judged", what)
		}
	}
}

// profile writes what the heap is made of after each quarter.
func profile(t *testing.T, look int) {
	t.Helper()
	if *profiles == "" || look%(looks/4) != 0 {
		return
	}
	f, err := os.Create(filepath.Join(*profiles, fmt.Sprintf("heap-%d", look/(looks/4))))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := pprof.WriteHeapProfile(f); err != nil {
		t.Fatal(err)
	}
}
