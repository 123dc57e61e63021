package isolate

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"

	"github.com/mabus-project/mabus/shared/api"
)

// Home tells whether control groups can be made here, whether they bound memory and processor time, and what is missing.
func Home() (groups, memory, cpu bool, why string) {
	h := home()
	return h.dir != "", h.memory, h.cpu, h.why + h.noMemory + h.noCPU
}

// Limits are the files of a control group and what is written to them.
func Limits(r api.Resources, memory, cpu bool) map[string]string {
	all := map[string]string{}
	for _, l := range (&cgroup{memory: memory, cpu: cpu}).limits(r) {
		all[l.file] = l.value
	}
	return all
}

// MoveOut moves what runs in a control group to one below, as a host does with its own.
func MoveOut(dir string) error { return (&hierarchy{dir: dir}).moveOut() }

// ParseProc reads a line of /proc/PID/stat.
func ParseProc(pid int, data []byte) (parent, group int, ok bool) {
	m, ok := parseProc(pid, data)
	return m.parent, m.group, ok
}

// Marked tells whether a process carries a mark, and whether that is known.
func Marked(pid int, mark string) (has, known bool) {
	return (&proc{pid: pid}).marked(mark)
}

// Dir is the control group of a process, or "".
func (p *Process) Dir() string {
	if p.bounds.group == nil {
		return ""
	}
	return p.bounds.group.dir
}

// HomeDir is where control groups are made.
func HomeDir() string { return home().dir }

// BeginWithNoProcessor starts a command whose bounds cannot be set, ends it, and returns from which process on it would have
// looked for what it has started.
func BeginWithNoProcessor(cmd *osexec.Cmd) (root int, err error) {
	p := &Process{cmd: cmd, resources: api.Resources{CPU: 1000}}
	cmd.SysProcAttr = groupAttr()
	if err := p.prepare(settings{noGroups: true, noHold: true}); err != nil {
		return 0, err
	}
	p.bounds.cpus = []int{1000}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err = p.begin()
	root = p.bounds.members.root
	_ = cmd.Process.Kill()
	_ = p.Wait(nil)
	p.Close()
	return root, err
}

// NextGroup makes the control group that the next program would have had.
func NextGroup() (string, error) {
	dir := filepath.Join(home().dir, fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), groups.Load()+1))
	return dir, os.Mkdir(dir, 0o755)
}
