package exec_test

import (
	"os"
	osexec "os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/exec"
	"github.com/mabus-project/mabus/shared/api"
)

const mib = 1 << 20

// eater takes as many MiB for each message as that says, in children of its own if there is a minus before.
const eater = `
import os, re, sys, time
for line in sys.stdin:
    m = re.search(r'"type":"message","id":"(\d+)".*"payload":(-?\d+)', line)
    if not m: continue
    n = int(m[2])
    kept = []
    if n < 0:
        for i in range(4):
            if os.fork() == 0:
                kept = [b'x' * (1 << 20) for i in range(-n // 4)]
                time.sleep(1000)
        time.sleep(1000)
    for i in range(n):
        kept.append(b'x' * (1 << 20))
        if i % 10 == 9: time.sleep(0.02)
    print('{"type":"result","id":"%s","payload":"full"}' % m[1], flush=True)
`

func bounded(t testing.TB, r api.Resources, command ...string) api.AgentSpec {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux bounds a process with all that it starts")
	}
	if _, err := osexec.LookPath(command[0]); err != nil {
		t.Skipf("%s is not installed", command[0])
	}
	return api.AgentSpec{ID: "a1", Command: command, Resources: &r}
}

func TestMemoryHogIsEndedAlone(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{"itself": `400`, "in its children": `-400`} {
		t.Run(name, func(t *testing.T) {
			neighbour := start(t, self(t, "echo"), exec.Options{})
			p := start(t, bounded(t, api.Resources{Memory: 100 * mib}, "python3", "-c", eater), exec.Options{})
			if got := ask(t, p, `10`); got != `"full"` {
				t.Fatal(got)
			}
			_, err := p.Handle(t.Context(), &agent.Message{Payload: []byte(payload)})
			wantError(t, err, api.Unavailable, api.ReasonAgentCrashed, true)
			await(t, p)
			if p.Err() == nil || p.Err().Error() != "out of memory: more than 104857600 bytes" || !strings.Contains(err.Error(), p.Err().Error()) {
				t.Errorf("Err is %v, the message got %v", p.Err(), err)
			}
			if got := ask(t, neighbour, `1`); got != `1` {
				t.Error(got)
			}
		})
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	p := start(t, bounded(t, api.Resources{Memory: 300 * mib, CPU: 1000}, "python3", "-c", eater), exec.Options{})
	_ = ask(t, p, `50`)
	eventually(t, "it is measured", func() bool {
		var live api.AgentLive
		p.Measure(&live)
		if live.Enforced == nil || live.Enforced.Memory == "" || live.Enforced.CPU == "" {
			t.Fatalf("got %+v", live.Enforced)
		}
		return live.Memory > 20*mib && live.Memory < 300*mib && live.CPUTime > 0
	})
	free := start(t, self(t, "echo"), exec.Options{})
	eventually(t, "one without bounds is measured", func() bool {
		var live api.AgentLive
		free.Measure(&live)
		return live.Enforced == nil && (live.Memory > 0 || runtime.GOOS != "linux")
	})
	if err := free.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	live := api.AgentLive{}
	if free.Measure(&live); live.Memory != 0 {
		t.Errorf("a dead one uses %d bytes", live.Memory)
	}
}

func TestBoundsNeedLinux(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "linux" {
		t.Skip("Linux has them")
	}
	spec := shell(`:`)
	spec.Resources = &api.Resources{CPU: 1000}
	_, err := exec.Start(t.Context(), spec, exec.Options{})
	wantError(t, err, api.FailedPrecondition, api.ReasonStartFailed, false)
}

// It is alone, since the tests beside it would make and remove groups of this process too.
func TestGroupIsRemoved(t *testing.T) {
	before := groupsHere(t)
	p := start(t, bounded(t, api.Resources{Memory: 100 * mib}, "sh", "-c", "cat >/dev/null"), exec.Options{})
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := groupsHere(t); after > before {
		t.Errorf("%d control groups before, %d after", before, after)
	}
}

// groupsHere counts the control groups on the machine that this process has made.
func groupsHere(t testing.TB) int {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip("no control groups on this system")
	}
	_, path, _ := strings.Cut(string(own), "0::")
	n := 0
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		entries, _ := os.ReadDir(root + strings.TrimSpace(path))
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "mabus-"+strconv.Itoa(os.Getpid())+"-") {
				n++
			}
		}
	}
	return n
}
