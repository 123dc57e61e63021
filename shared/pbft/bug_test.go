package pbft_test

import (
	"testing"

	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/test/pbftsim"
)

// most is within how many schedules a bug must be found.
const most = 3000

// TestEveryBugIsFound plants one bug after another in the honest members. The simulation must find each soon.
func TestEveryBugIsFound(t *testing.T) {
	for _, bug := range pbft.Bugs() {
		t.Run(bug.Name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= most; seed++ {
				if r := pbftsim.Simulate(seed, pbftsim.Options{Plant: bug.Plant}); r.Err != nil {
					t.Logf("found: %v", r.Err)
					return
				}
			}
			t.Errorf("not found within %d schedules", most)
		})
	}
}
