package natstest

import (
	"fmt"
	"testing"
	"time"
)

const (
	step    = 3 * time.Millisecond  // between two looks at a condition that is cheap
	longest = 50 * time.Millisecond // between two looks at a dear one
	turn    = 20 * time.Millisecond // in which a machine that is not starved has a look
	stalls  = 4                     // how many times its timeout a wait lasts at most
)

// Eventually waits until cond holds, asking every few milliseconds, and fails the test when timeout has passed. It is the
// one place where a test waits by the clock. The message, a format and its arguments, says what was waited for.
//
// On a machine that is starved the clock says little of what the code had time for. So the wait goes on for up to four times
// as long while cond could not be asked as often as a quiet machine would have; and a condition that takes long to ask is
// asked less often, so that the looking does not keep what is looked for from coming.
func Eventually(t testing.TB, timeout time.Duration, cond func() bool, msg ...any) {
	t.Helper()
	began := time.Now()
	pause := time.NewTimer(step)
	defer pause.Stop()
	for looks := time.Duration(0); ; looks++ {
		late := time.Since(began)
		asked := time.Now()
		if cond() {
			return
		}
		if late >= stalls*timeout || late >= timeout && looks >= timeout/turn {
			t.Fatalf("after %s still not: %s", timeout, describe(msg))
		}
		pause.Reset(min(max(step, 2*time.Since(asked)), longest))
		<-pause.C
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
