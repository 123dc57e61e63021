package lockcheck_test

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(1600) // schedules are small and short-lived: the default would collect all the time
	goleak.VerifyTestMain(m)
}
