package lockcheck_test

import (
	"testing"

	"github.com/mabus-project/mabus/test/lockcheck"
)

// most is within how many schedules a bug must be found.
const most = 3000

// TestEveryBugIsFound plants one bug after another. Each must be found soon.
func TestEveryBugIsFound(t *testing.T) {
	for _, bug := range lockcheck.Bugs() {
		t.Run(bug.String(), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= most; seed++ {
				if r := lockcheck.Simulate(seed, lockcheck.Options{Bug: bug}); r.Err != nil {
					t.Logf("found: %v", r.Err)
					return
				}
			}
			t.Errorf("not found within %d schedules", most)
		})
	}
}

// TestHistoriesBetrayBugs leaves the verdict to Check, as for a real history, where nobody sees inside the store.
func TestHistoriesBetrayBugs(t *testing.T) {
	for _, bug := range lockcheck.Bugs() {
		t.Run(bug.String(), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= most; seed++ {
				if r := lockcheck.Simulate(seed, lockcheck.Options{Bug: bug, HistoryOnly: true}); r.Err != nil {
					t.Logf("found: %v", r.Err)
					return
				}
			}
			t.Errorf("not found within %d schedules", most)
		})
	}
}
