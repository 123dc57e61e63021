package isolate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// prefix begins the names of the control groups, before the host's process id.
const prefix = "mabus-"

// hierarchy is the control group below which the groups of programs are made.
type hierarchy struct {
	dir         string // "" if none can be made
	memory, cpu bool   // the groups below have the controller
	why         string // why none can be made
	noMemory    string // why there is no controller
	noCPU       string
}

// home finds the place once, because the process may be moved for it.
var home = sync.OnceValue(func() hierarchy {
	dir, err := ownGroup()
	if err != nil {
		return hierarchy{why: fmt.Sprintf("control groups cannot be used here (%v)", err)}
	}
	h := hierarchy{dir: dir}
	removeStale(dir)
	if err := h.try(); err != nil {
		return hierarchy{why: fmt.Sprintf("no control group can be made here (%v)", err)}
	}
	h.enable()
	return h
})

// ownGroup is the directory of the group that this process is in.
func ownGroup() (string, error) {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	path := field(string(own), "0::")
	if path == "" {
		return "", errors.New("cgroup v2 is not in use")
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if mount := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(mount) > 4 {
			if below, err := filepath.Rel(mount[3], path); err == nil && !strings.HasPrefix(below, "..") {
				return filepath.Join(mount[4], below), nil
			}
		}
	}
	return "", errors.New("cgroup v2 is not mounted where this process can see its own group")
}

// try makes a group, and tries whether processes can be started in it.
func (h *hierarchy) try() error {
	dir := filepath.Join(h.dir, fmt.Sprintf("%s%d-0", prefix, os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer os.Remove(dir) //nolint:errcheck // an empty group can be removed
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if !tryStart(&syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}) {
		return errors.New("the kernel starts no processes in a group")
	}
	return nil
}

// enable has the groups below get the controllers of memory and processor time. A group that hands out controllers may have
// no processes of its own; if those in it are this process and what it has started, they move to a group below.
func (h *hierarchy) enable() {
	data, _ := os.ReadFile(filepath.Join(h.dir, "cgroup.controllers")) // without it there are none
	has := " " + strings.TrimSpace(string(data)) + " "
	turnOn := func(name string) (bool, string) {
		if !strings.Contains(has, " "+name+" ") {
			return false, "control groups have no controller of it here"
		}
		control := filepath.Join(h.dir, "cgroup.subtree_control")
		err := writeFile(control, "+"+name)
		if errors.Is(err, unix.EBUSY) {
			if err = h.moveOut(); err == nil {
				err = writeFile(control, "+"+name)
			}
		}
		if err != nil {
			return false, fmt.Sprintf("control groups cannot be used for it here (%v)", err)
		}
		return true, ""
	}
	h.memory, h.noMemory = turnOn("memory")
	h.cpu, h.noCPU = turnOn("cpu")
}

// moveOut moves all processes of the group to one below, unless others than this process and its descendants are among them.
func (h *hierarchy) moveOut() error {
	all, known := (&cgroup{dir: h.dir}).pids(), map[int]bool{}
	for _, m := range (&members{root: os.Getpid()}).look(processes(0)) {
		known[m.pid] = true
	}
	for _, pid := range all {
		if !known[pid] {
			return errors.New("the host shares its control group with other processes: start it in one of its own")
		}
	}
	leaf := filepath.Join(h.dir, "mabus")
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for _, pid := range all {
		if err := writeFile(filepath.Join(leaf, "cgroup.procs"), strconv.Itoa(pid)); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}

// removeStale removes the groups of hosts that were killed.
func removeStale(dir string) {
	dirs, _ := filepath.Glob(filepath.Join(dir, prefix+"*-*"))
	for _, d := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(d), prefix), "-")
		// This process has made none yet: one of its number is of a host before it that had the same process id.
		if pid, err := strconv.Atoi(owner); err == nil && (pid == os.Getpid() || errors.Is(syscall.Kill(pid, 0), unix.ESRCH)) {
			_ = os.Remove(d) // fails while somebody is in it
		}
	}
}
