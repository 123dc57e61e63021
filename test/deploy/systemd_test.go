package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// units are those that systemd is to start. exposed is the most that `systemd-analyze security` may say of one: 10 is a process that may do
// everything, and docs/operations.md has the same number.
var units = []struct {
	name, file string
	exposed    float64
}{
	{"nats-server.service", "nats-server.service", 1.4},
	{"mabus@registry.service", "mabus@.service", 1.3},
	{"mabus-agenthost.service", "mabus-agenthost.service", 2},
	{"mabus.target", "mabus.target", 0},
}

// tree makes a file system with the units of this machine, ours, and programs where ours look for them.
func tree(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not here, and nothing else knows what systemd takes")
	}
	root := t.TempDir()
	system := filepath.Join(root, "usr/lib/systemd/system")
	if err := os.CopyFS(system, os.DirFS("/usr/lib/systemd/system")); err != nil {
		t.Skipf("the units that ours refer to cannot be read here: %v", err)
	}
	for _, u := range units {
		write(t, filepath.Join(root, "etc/systemd/system", u.file), readFile(t, "../../deploy/systemd/"+u.file), 0o644)
	}
	for _, p := range []string{"usr/local/bin/mabus", "usr/local/bin/nats-server", "bin/sh", "bin/kill"} {
		write(t, filepath.Join(root, p), []byte("#!/bin/true\n"), 0o755)
	}
	return root
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func TestSystemdTakesTheUnits(t *testing.T) {
	root := tree(t)
	for _, u := range units {
		said, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--root="+root, u.name).CombinedOutput()
		if err != nil || len(said) > 0 { // it ends well with warnings, too
			t.Errorf("%s: %v\n%s", u.name, err, said)
		}
		if u.exposed == 0 {
			continue
		}
		said, err = exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=yes", "--root="+root, u.name).CombinedOutput()
		found := exposure.FindSubmatch(said)
		if found == nil {
			t.Logf("%s: this systemd does not say how exposed it is: %v", u.name, err)
			continue
		}
		if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level > u.exposed {
			t.Errorf("%s is exposed to %s, more than %g", u.name, found[1], u.exposed)
		}
	}
	broken := filepath.Join(root, "etc/systemd/system/mabus.target")
	write(t, broken, append(readFile(t, broken), "[Unit]\nColour=there is no such key\n"...), 0o644)
	if said, _ := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--root="+root, "mabus.target").CombinedOutput(); len(said) == 0 {
		t.Error("nothing is said of a unit with a key that there is not, so the check above says nothing either")
	}
}

// TestUnitsAskForFlagsThatExist holds against the program what the units call it with.
func TestUnitsAskForFlagsThatExist(t *testing.T) {
	variable := regexp.MustCompile(`\b(MABUS_[A-Z_]+|NATS_[A-Z]+)=`)
	source := ""
	files, err := filepath.Glob("../../cmd/mabus/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources: %v", err)
	}
	for _, f := range files {
		source += string(readFile(t, f))
	}
	for _, f := range []string{"mabus@.service", "mabus-agenthost.service", "mabus.env"} {
		for _, found := range variable.FindAllStringSubmatch(string(readFile(t, "../../deploy/systemd/"+f)), -1) {
			if name := found[1]; name != "MABUS_REPLICAS" && !strings.Contains(source, `"`+name+`"`) {
				t.Errorf("%s sets %s, which no command reads", f, name)
			}
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
}
