package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An input that never ends is waited for no longer than --timeout.
func TestIsolateDoesNotWaitForEver(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "isolate", "--local", "--timeout", "500ms", "--", "true")
	cmd.Args[0] = "mabus"
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	cmd.Stdin = in
	begin := time.Now()
	late := time.AfterFunc(10*time.Second, func() { _ = hold.Close() })
	defer late.Stop()
	out, err := cmd.CombinedOutput()
	_ = in.Close()
	if took := time.Since(begin); err == nil || took > 5*time.Second || !strings.Contains(string(out), "standard input did not end") {
		t.Errorf("%v after %s: %s", err, took, out)
	}
}
