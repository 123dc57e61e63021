package replog_test

import (
	"slices"
	"testing"

	"github.com/mabus-project/mabus/shared/replog"
)

// Handlers overtake one another; of the commands that wait, that of the first request to come is the first in the entry.
func TestTheFirstToComeIsTheFirstServed(t *testing.T) {
	t.Parallel()
	if got := replog.Served(5, 3, 0, 4, 1, 0, 2); !slices.Equal(got, []uint64{0, 0, 1, 2, 3, 4, 5}) {
		t.Errorf("served in the order %v", got)
	}
}
