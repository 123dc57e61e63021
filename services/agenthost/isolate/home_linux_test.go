package isolate_test

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/mabus-project/mabus/services/agenthost/isolate"
)

const moveEnv = "MABUS_TEST_MOVE"

// TestMain is also a host that makes room in its control group.
func TestMain(m *testing.M) {
	if dir := os.Getenv(moveEnv); dir != "" {
		if err := isolate.MoveOut(dir); err != nil {
			fmt.Println(err)
		}
		data, _ := os.ReadFile("/proc/self/cgroup")
		fmt.Println(string(data))
		return
	}
	goleak.VerifyTestMain(m)
}

func TestAHostMakesRoomInItsOwnGroupOnly(t *testing.T) {
	dir := emptyGroup(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	move := func() string {
		cmd := osexec.Command("sh", "-c", `echo $$ > "$`+moveEnv+`"/cgroup.procs; exec "$0"`, exe)
		cmd.Env = append(os.Environ(), moveEnv+"="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	if out := move(); !strings.Contains(out, filepath.Base(dir)+"/mabus\n") {
		t.Errorf("it is still in its group: %s", out)
	}
	other := osexec.Command("sleep", "1000")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), fmt.Appendf(nil, "%d", other.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	out := move()
	_ = other.Process.Kill()
	_ = other.Wait()
	if !strings.Contains(out, "shares its control group") || strings.Contains(out, filepath.Base(dir)+"/mabus\n") {
		t.Errorf("it has moved others: %s", out)
	}
}

// emptyGroup makes a control group for a test, with nobody in it.
func emptyGroup(t *testing.T) string {
	t.Helper()
	if groups, _, _, why := isolate.Home(); !groups {
		t.Skipf("control groups cannot be made on this host: %s", why)
	}
	dir := filepath.Join(isolate.HomeDir(), fmt.Sprintf("test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, d := range []string{filepath.Join(dir, "mabus"), dir} {
			eventually(t, d+" is removed", func() bool { err := os.Remove(d); return err == nil || os.IsNotExist(err) })
		}
	})
	return dir
}
