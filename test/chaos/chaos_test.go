package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/lease"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/test/chaos"
)

var (
	seed      = flag.Uint64("seed", 4, "the first seed")
	schedules = flag.Int("schedules", 3, "how many seeds")
	long      = flag.Bool("long", false, "a minute of faults up to 25s each, with the leases of production")
	jobs      = flag.Int("jobs", 3, "runs at once")
	keep      = flag.String("keep", "", "directory that keeps the files of failed runs")
	program   = flag.String("program", "", "path of a mabus that was built before")
)

// setting is how hard a seed is on the program.
func setting(seed uint64) chaos.Config {
	c := chaos.Config{
		Seed: seed, Nodes: 1, Span: 8 * time.Second, Longest: 4 * time.Second, Ports: natstest.TakePorts,
		Timing: lease.Timing{Renew: 300 * time.Millisecond, Hold: 2 * time.Second, Challenge: 2600 * time.Millisecond},
	}
	if seed%3 == 0 { // the death of a leader stops writes for up to 8s
		c.Nodes = 3
		c.Timing = lease.Timing{Renew: 500 * time.Millisecond, Hold: 4 * time.Second, Challenge: 5 * time.Second}
	}
	if *long {
		c.Span, c.Longest, c.Timing = time.Minute, 25*time.Second, lease.Timing{Renew: 2 * time.Second, Hold: 12 * time.Second, Challenge: 15 * time.Second}
	}
	return c
}

// The real program under the faults of some seeds. Run it with -args -seed N -schedules 1 to repeat one.
func TestSchedules(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and breaks it for a while")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary := *program
	if binary == "" {
		binary = build(t)
	}
	var mu sync.Mutex
	table := []string{fmt.Sprintf("%6s %5s %6s %6s %6s %6s %6s %6s %7s  %s", "seed", "nodes", "faults", "ops", "grants", "saves", "calls", "tasks", "healed", "result")}
	slots := make(chan struct{}, *jobs)
	t.Run("seeds", func(t *testing.T) {
		for n := range *schedules {
			c := setting(*seed + uint64(n))
			c.Program, c.Self = binary, self
			t.Run(fmt.Sprint(c.Seed), func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				r := run(t, c)
				result := "ok"
				if r.Err != nil {
					result = "FAILED"
				}
				mu.Lock()
				defer mu.Unlock()
				table = append(table, fmt.Sprintf("%6d %5d %6d %6d %6d %6d %6d %6d %6.1fs  %s", c.Seed, c.Nodes, len(r.Plan), r.Ops, r.Grants, r.Saves, r.Calls, r.Tasks, r.Healed.Seconds(), result))
			})
		}
	})
	fmt.Println(strings.Join(table, "\n"))
	if *auctions > 0 {
		t.Run("auctions", func(t *testing.T) { hold(t, binary, self) })
	}
}

// run is one schedule.
func run(t *testing.T, c chaos.Config) (r *chaos.Result) {
	story(t, &c, func() error {
		if r = chaos.Run(t.Context(), c); r.Err == nil {
			return nil
		}
		plan := make([]string, len(r.Plan))
		for n, f := range r.Plan {
			plan[n] = f.String()
		}
		return fmt.Errorf("%w\nplan:\n%s", r.Err, strings.Join(plan, "\n"))
	})
	return r
}

// story has a run tell what happens, which is shown if it fails, and keeps its files then, if that is asked for.
func story(t *testing.T, c *chaos.Config, run func() error) {
	c.Dir = t.TempDir()
	if *keep != "" {
		c.Dir = filepath.Join(*keep, filepath.Base(t.Name()))
		os.RemoveAll(c.Dir)
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	var mu sync.Mutex
	var lines []string
	c.Log = func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprintf("%s %6.2fs %s", time.Now().Format("15:04:05.000"), time.Since(begin).Seconds(), fmt.Sprintf(format, args...)))
	}
	if err := run(); err != nil {
		t.Errorf("seed %d, %d nodes: %v\nwhat happened:\n%s", c.Seed, c.Nodes, err, strings.Join(lines, "\n"))
	} else if *keep != "" {
		os.RemoveAll(c.Dir)
	}
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mabus")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/mabus").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}
