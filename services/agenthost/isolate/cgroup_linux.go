package isolate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mabus-project/mabus/shared/api"
)

// cgroup is the control group of one program.
type cgroup struct {
	dir         string
	handle      *os.File
	memory, cpu bool // has the controller
}

var groups atomic.Uint64

// newGroup makes a control group, or says why there is none.
func newGroup(r api.Resources) (*cgroup, string) {
	h := home()
	if h.dir == "" {
		return nil, h.why
	}
	g := &cgroup{memory: h.memory, cpu: h.cpu}
	err := os.ErrExist
	for range 100 { // a dead host that had this process id may have left some that are in use
		g.dir = filepath.Join(h.dir, fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), groups.Add(1)))
		if err = os.Mkdir(g.dir, 0o755); !errors.Is(err, os.ErrExist) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Sprintf("no control group can be made (%v)", err)
	}
	if g.handle, err = os.Open(g.dir); err == nil {
		for _, s := range g.limits(r) {
			if err = g.write(s.file, s.value); err != nil && s.optional && errors.Is(err, os.ErrNotExist) {
				err = nil
			}
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		g.remove()
		return nil, fmt.Sprintf("a control group cannot be set up (%v)", err)
	}
	return g, ""
}

type limit struct {
	file, value string
	optional    bool // the kernel may be built without it
}

// cpuPeriod is over which a share of the processors is kept, in microseconds.
const cpuPeriod = 100_000

// limits are the files of the group to write.
func (g *cgroup) limits(r api.Resources) []limit {
	var all []limit
	if r.Memory > 0 && g.memory {
		all = append(all, limit{"memory.max", strconv.FormatInt(r.Memory, 10), false}, limit{"memory.swap.max", "0", true}, limit{"memory.oom.group", "1", false})
	}
	if r.CPU > 0 && g.cpu {
		all = append(all, limit{"cpu.max", fmt.Sprintf("%d %d", r.CPU*cpuPeriod/1000, cpuPeriod), false})
	}
	return all
}

func (g *cgroup) write(file, value string) error { return writeFile(filepath.Join(g.dir, file), value) }

// writeFile writes to a file of the kernel's, which is never made.
func writeFile(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// number reads a file that holds one number, or the number after a word; 0 if there is none.
func (g *cgroup) number(file, word string) int64 {
	data, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		return 0
	}
	text := string(data)
	if word != "" {
		text = field(text, word+" ")
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64) // "max" is no number either
	return n
}

// field is the rest of the line that begins so.
func field(text, begin string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, begin); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func (g *cgroup) usage() Usage {
	return Usage{
		Memory: g.number("memory.current", ""), Peak: g.number("memory.peak", ""),
		User: time.Duration(g.number("cpu.stat", "user_usec")) * time.Microsecond, System: time.Duration(g.number("cpu.stat", "system_usec")) * time.Microsecond,
	}
}

func (g *cgroup) oomKilled() bool {
	// oom counts only what the group's own bound has caused, oom_kill also what the whole machine's has.
	return g.memory && g.number("memory.events", "oom") > 0 && g.number("memory.events", "oom_kill") > 0
}

func (g *cgroup) pids() []int {
	data, _ := os.ReadFile(filepath.Join(g.dir, "cgroup.procs"))
	var pids []int
	for word := range bytes.FieldsSeq(data) {
		if pid, err := strconv.Atoi(string(word)); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends every process of the group.
func (g *cgroup) kill() {
	if g.write("cgroup.kill", "1") == nil {
		return
	}
	for range 50 { // a kernel before 5.14: until nobody is left who could start others
		pids := g.pids()
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if len(pids) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// remove kills what is left and removes the group, trying for a second: processes take a moment to die.
func (g *cgroup) remove() {
	if g.handle != nil {
		_ = g.handle.Close()
	}
	for range 200 {
		if err := os.Remove(g.dir); !errors.Is(err, unix.EBUSY) {
			return
		}
		g.kill()
		time.Sleep(5 * time.Millisecond)
	}
}
