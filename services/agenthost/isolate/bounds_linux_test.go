package isolate_test

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
)

// hog takes 400 MB bit by bit.
const hog = `
import time
kept = []
for i in range(400):
    kept.append(b'x' * (1 << 20))
    time.sleep(0.003)
print('it got all')
`

const mib = 1 << 20

func TestMemoryHog(t *testing.T) {
	eachWay(t, func(t *testing.T, w isolate.Without) {
		req := python(t, hog)
		req.Resources.Memory = 100 * mib
		_, err := isolate.Run(t.Context(), req, isolate.Limited(w, 0))
		wantError(t, err, api.FailedPrecondition, api.ReasonOutOfMemory)
		if !strings.Contains(err.Error(), "more than 104857600 bytes") {
			t.Error(err)
		}
	})
}

func TestMemoryWithinBounds(t *testing.T) {
	eachWay(t, func(t *testing.T, w isolate.Without) {
		req := python(t, `x = b'x' * (60 << 20); import time; time.sleep(0.2); print(len(x))`)
		req.Resources.Memory = 200 * mib
		resp, err := isolate.Run(t.Context(), req, isolate.Limited(w, 0))
		if err != nil {
			t.Fatal(err)
		}
		if string(resp.Output) != "62914560" || resp.ExitCode != 0 {
			t.Errorf("got %s, exit %d: %s", resp.Output, resp.ExitCode, resp.Stderr)
		}
		if resp.PeakMemory < 60*mib || resp.PeakMemory > 200*mib {
			t.Errorf("peak of %d bytes", resp.PeakMemory)
		}
	})
}

// Children that share their parent's pages need little of their own, and none of them is over by itself.
func TestMemoryOfAFamily(t *testing.T) {
	const fork = `
import os, time
base = b'x' * (50 << 20)
for i in range(4):
    if os.fork() == 0:
        own = b'y' * (%s << 20)
        time.sleep(%t)
        os._exit(0)
for i in range(4): os.wait()
print('done')
`
	eachWay(t, func(t *testing.T, w isolate.Without) {
		req := python(t, strings.NewReplacer("%s", "2", "%t", "0.5").Replace(fork))
		req.Resources.Memory = 120 * mib
		if _, err := isolate.Run(t.Context(), req, isolate.Limited(w, 0)); err != nil {
			t.Errorf("what is shared was counted more than once: %v", err)
		}
		req = python(t, strings.NewReplacer("%s", "40", "%t", "20").Replace(fork))
		req.Resources.Memory = 120 * mib
		_, err := isolate.Run(t.Context(), req, isolate.Limited(w, 0))
		wantError(t, err, api.FailedPrecondition, api.ReasonOutOfMemory)
	})
}

// What outruns the watch is stopped by the limit of each process.
func TestBackstop(t *testing.T) {
	for _, hold := range []bool{false, true} {
		req := python(t, `
try:
    x = bytearray(8 << 30)
except MemoryError:
    print('refused')`)
		req.Resources.Memory = 50 * mib
		resp, err := isolate.Run(t.Context(), req, isolate.Limited(isolate.Without{Groups: true, Hold: hold}, 0))
		if err != nil || string(resp.Output) != `"refused\n"` {
			t.Errorf("%v %+v", err, resp)
		}
	}
}

func TestLimitsHoldFromTheFirstInstruction(t *testing.T) {
	req := sh(`ulimit -d; grep Cpus_allowed_list /proc/self/status`)
	req.Resources = api.Resources{Memory: 64 * mib, CPU: 500}
	for range 20 {
		resp, err := isolate.Run(t.Context(), req, isolate.Limited(isolate.Without{Groups: true}, 0))
		if err != nil {
			t.Fatal(err)
		}
		out := string(resp.Output)
		if !strings.HasPrefix(out, `"1179648\n`) || strings.ContainsAny(out, "-,") {
			t.Fatalf("got %s; %s", out, resp.Enforced.Note)
		}
	}
}

func TestCPUBound(t *testing.T) {
	_, _, cpu, why := isolate.Home()
	burn := python(t, `
import os, time
for i in range(3):
    if os.fork() == 0: break
end = time.monotonic() + 1
while time.monotonic() < end: pass`)
	for name, c := range map[string]struct {
		w    isolate.Without
		cpu  int
		most float64 // processors
	}{"group": {isolate.Without{}, 300, 0.4}, "affinity": {isolate.Without{Groups: true}, 300, 1.1}} {
		t.Run(name, func(t *testing.T) {
			if name == "group" && !cpu {
				t.Skipf("control groups do not bound the processor time on this host: %s", why)
			}
			if name == "affinity" && runtime.NumCPU() < 2 {
				t.Skip("one processor is all there is")
			}
			burn.Resources = api.Resources{CPU: c.cpu}
			resp, err := isolate.Run(t.Context(), burn, isolate.Limited(c.w, 0))
			if err != nil {
				t.Fatal(err)
			}
			used := (resp.UserTime + resp.SystemTime).Std()
			if got := used.Seconds() / resp.Took.Std().Seconds(); got > c.most || used < 50*time.Millisecond {
				t.Errorf("%s in %s is %.2f processors, at most %.1f are wanted: %+v", used, resp.Took.Std(), got, c.most, resp.Enforced)
			}
		})
	}
}

func TestEnforcementIsToldTruly(t *testing.T) {
	groups, memory, cpu, why := isolate.Home()
	t.Logf("groups %v, memory %v, cpu %v: %s", groups, memory, cpu, why)
	req := sh(`:`)
	if e := run(t, req).Enforced; e != (api.Enforcement{}) {
		t.Errorf("without bounds: %+v", e)
	}
	req.Resources = api.Resources{Memory: 64 * mib, CPU: 1500}
	want := api.Enforcement{Memory: "watch", CPU: "affinity"}
	if memory {
		want.Memory = "cgroup"
	}
	if cpu {
		want.CPU = "cgroup"
	}
	got := run(t, req).Enforced
	if (got.Note == "") != (memory && cpu) {
		t.Errorf("note %q", got.Note)
	}
	got.Note = ""
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, hold := range []bool{false, true} {
		resp, err := isolate.Run(t.Context(), req, isolate.Limited(isolate.Without{Groups: true, Hold: hold}, 0))
		if err != nil {
			t.Fatal(err)
		}
		e := resp.Enforced
		if e.Memory != "watch" || e.CPU != "affinity" || !strings.Contains(e.Note, "looks every 20ms") || strings.Contains(e.Note, "some moments after") != hold {
			t.Errorf("hold %v: %+v", !hold, e)
		}
	}
}

func TestGroupOfAProcess(t *testing.T) {
	groups, memory, _, why := isolate.Home()
	if !groups {
		t.Skipf("control groups cannot be made on this host: %s", why)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := isolate.Command([]string{"sh", "-c", "i=0; while [ $i -lt 1000000000 ]; do i=$((i+1)); done"}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := isolate.StartWithout(cmd, api.Resources{Memory: 64 * mib}, isolate.Without{})
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(p.Dir() + "/cgroup.procs"); err != nil || strings.TrimSpace(string(data)) == "" {
		t.Errorf("nobody is in the group: %v", err)
	}
	if memory {
		if data, _ := os.ReadFile(p.Dir() + "/memory.max"); string(data) != "67108864\n" {
			t.Errorf("memory.max is %s", data)
		}
	}
	eventually(t, "its use is measured", func() bool { u := p.Usage(); return u.Memory > 0 && u.User > 0 })
	p.Kill()
	if err := p.Wait(nil); err == nil || p.OutOfMemory() != nil {
		t.Errorf("got %v, %v", err, p.OutOfMemory())
	}
	p.Close()
	if _, err := os.Stat(p.Dir()); !os.IsNotExist(err) {
		t.Errorf("the group is left: %v", err)
	}
}

func TestLimitsOfAGroup(t *testing.T) {
	r := api.Resources{Memory: 64 * mib, CPU: 250}
	for _, c := range []struct {
		memory, cpu bool
		want        map[string]string
	}{
		{true, true, map[string]string{"memory.max": "67108864", "memory.swap.max": "0", "memory.oom.group": "1", "cpu.max": "25000 100000"}},
		{false, true, map[string]string{"cpu.max": "25000 100000"}},
		{false, false, map[string]string{}},
	} {
		if diff := cmp.Diff(c.want, isolate.Limits(r, c.memory, c.cpu)); diff != "" {
			t.Error(diff)
		}
	}
	if got := isolate.Limits(api.Resources{CPU: api.MinCPU}, true, true)["cpu.max"]; got != "1000 100000" {
		t.Errorf("the least the kernel takes is 1000, got %s", got) // one millisecond
	}
}

func TestParseProc(t *testing.T) {
	line := "7 (a) b) (c) S 3 5 5 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 999 1000 50 18446744073709551615 1\n"
	if parent, group, ok := isolate.ParseProc(7, []byte(line)); parent != 3 || group != 5 || !ok {
		t.Error(parent, group, ok)
	}
	for n := range line {
		isolate.ParseProc(7, []byte(line[:n])) // does not panic
	}
}

// A program whose bounds cannot be set is ended, and nothing else is.
func TestBoundsThatCannotBeSet(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd, err := isolate.Command([]string{"sleep", "1000"}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	root, err := isolate.BeginWithNoProcessor(cmd)
	if err == nil || root != cmd.Process.Pid {
		t.Errorf("%v; it would have ended the family of process %d, and is process %d", err, root, cmd.Process.Pid)
	}
}

func TestGroupsOfADeadHostAreNotInTheWay(t *testing.T) {
	if groups, _, _, why := isolate.Home(); !groups {
		t.Skipf("control groups cannot be made on this host: %s", why)
	}
	left, err := isolate.NextGroup()
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(left)
	req := sh(`cat /proc/self/cgroup`)
	if resp := run(t, req); !strings.Contains(string(resp.Output), "/mabus-") {
		t.Errorf("it was not in a group: %s", resp.Output)
	}
}

// A process that becomes another program has no environment to be seen for a moment. That it has no mark is not known then.
func TestMarkOfAProgramThatBecomesAnother(t *testing.T) {
	script := filepath.Join(t.TempDir(), "again")
	if err := os.WriteFile(script, []byte("exec sh "+script), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := osexec.CommandContext(t.Context(), "sh", script)
	cmd.Env = append(os.Environ(), "MARKED=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	seen, unseen := 0, 0
	for began := time.Now(); (unseen < 20 || seen < 100) && time.Since(began) < 20*time.Second; {
		switch has, known := isolate.Marked(cmd.Process.Pid, "MARKED=1"); {
		case has:
			seen++
		case !known:
			unseen++
		default:
			t.Fatalf("it has no mark, after %d looks", seen+unseen)
		}
	}
	if seen == 0 || unseen == 0 {
		t.Errorf("%d looks found the mark and %d knew of none: that proves nothing", seen, unseen)
	}
	bare := osexec.CommandContext(t.Context(), "sleep", "1000")
	bare.Env = []string{}
	if err := bare.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = bare.Process.Kill(); _ = bare.Wait() }()
	for pid, why := range map[int]string{bare.Process.Pid: "has no environment", os.Getpid(): "has another"} {
		eventually(t, "it is known that process "+why, func() bool {
			has, known := isolate.Marked(pid, "MARKED=1")
			return !has && known
		})
	}
}
