package upgrade_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

// reads is how the standard library reads the wall clock. What measures how long something takes is elsewhere, and stays as it is.
const reads = "sec, nsec, mono := runtimeNow()\n"

const tenYears = 10 * 366 * 24 * time.Hour

// readOn tells by which clock a test goes.
func readOn(now time.Time) string { return "read in " + now.UTC().Format("January 2006") }

// The golden directories are read by a process whose clock is ten years ahead, that of its NATS server with it.
func TestFrozenNamespacesInTenYears(t *testing.T) {
	if !*rolling {
		t.Skip("compiles everything with another clock, which takes minutes on two cores: make upgrade-check runs it")
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), reads) != 1 {
		t.Fatalf("%s does not read the clock as it did: see how time.Now does it now", path)
	}
	dir := t.TempDir()
	changed, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	list, err := codec.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(string(data), reads, fmt.Sprintf("%s\tsec += %d\n", reads, int(tenYears.Seconds())), 1)
	for to, text := range map[string]string{changed: later, overlay: string(list)} {
		if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := []string{"test", "-count", "1", "-timeout", "10m", "-overlay", overlay, "-v", "-run", "^TestFrozenNamespaces$", "."}
	out, err := exec.CommandContext(t.Context(), "go", run...).CombinedOutput()
	for _, want := range []string{"--- PASS: TestFrozenNamespaces ", readOn(time.Now().Add(tenYears))} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v, without %s\n%s", err, want, out)
		}
	}
}
