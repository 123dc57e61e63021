package natstest

import (
	"fmt"
	"testing"
	"time"
)

// Eventually waits until cond holds, asking every few milliseconds, and fails the test when timeout has passed. It is the
// one place where a test waits by the clock. The message, a format and its arguments, says what was waited for.
func Eventually(t testing.TB, timeout time.Duration, cond func() bool, msg ...any) {
	t.Helper()
	end := time.NewTimer(timeout)
	defer end.Stop()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-end.C:
			// The condition may have come true while this goroutine had to wait for the processor.
			if cond() {
				return
			}
			t.Fatalf("after %s still not: %s", timeout, describe(msg))
		}
	}
}

func describe(msg []any) string {
	if len(msg) == 0 {
		return "the condition"
	}
	if format, ok := msg[0].(string); ok {
		return fmt.Sprintf(format, msg[1:]...)
	}
	return fmt.Sprint(msg...)
}
