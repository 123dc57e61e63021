package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/natstest"
)

// TestLocksRunEndsWithItsLock: when NATS is away for too long, the command is ended with all that it has started, also if it
// will not hear, before anybody else could have the lock.
func TestLocksRunEndsWithItsLock(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes the 12 seconds for which a lease holds")
	}
	t.Parallel()
	dir := t.TempDir()
	up := start(t, dir, "up", "--port", "0")
	found(t, filepath.Join(dir, ".mabus"))
	p := start(t, dir, "locks", "run", "m", "--timeout", "60s", "--", "sh", "-c",
		`trap "echo heard >> heard" TERM; (while :; do date +%s%N > inner; sleep 0.1; done) & while :; do date +%s%N > outer; sleep 0.1; done`)
	outer, inner := filepath.Join(dir, "outer"), filepath.Join(dir, "inner")
	natstest.Eventually(t, 20*time.Second, func() bool { return len(readLines(outer)) == 1 && len(readLines(inner)) == 1 }, "the command runs")
	if err := up.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if status := p.status(t); status != 1 {
		t.Errorf("status %d", status)
	}
	// 12 s from the last renewal, which was up to 2 s before, and 2 s for the end; 15 s is when another may have it. What counts is when
	// the command wrote last, not when somebody came to look.
	took := time.Duration(0)
	for _, path := range []string{outer, inner} {
		file, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		took = max(took, file.ModTime().Sub(begin))
	}
	if took < 9*time.Second || took > 15*time.Second {
		t.Errorf("it ended after %s", took)
	}
	if !strings.Contains(p.stderr.String(), "is lost") {
		t.Errorf("got %s", p.stderr.String())
	}
	if len(readLines(filepath.Join(dir, "heard"))) != 1 {
		t.Error("it was not asked to end first")
	}
	last := strings.Join(readLines(inner), "")
	end := time.Now().Add(500 * time.Millisecond)
	natstest.Eventually(t, 20*time.Second, func() bool { return time.Now().After(end) }, "half a second")
	if now := strings.Join(readLines(inner), ""); now != last {
		t.Error("what it has started goes on")
	}
}
