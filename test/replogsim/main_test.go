package replogsim_test

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(800) // schedules are small and short-lived
	goleak.VerifyTestMain(m)
}
