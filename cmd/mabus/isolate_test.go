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
	late := time.AfterFunc(patience, func() { _ = hold.Close() })
	out, err := cmd.CombinedOutput()
	_ = in.Close()
	if !late.Stop() {
		t.Error("it has waited until the input ended")
	}
	if err == nil || !strings.Contains(string(out), "standard input did not end") {
		t.Errorf("%v: %s", err, out)
	}
}
