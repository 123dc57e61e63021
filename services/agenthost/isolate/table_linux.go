package isolate

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// proc is one process, as the kernel tells of it.
type proc struct {
	pid, parent, group, session int
	state                       byte
	start                       uint64        // tells processes apart that had the same id
	user, system                time.Duration // with those of the children that it has waited for
	rss, size                   int64         // bytes, with those that it shares with others; size of all that it may reach
	env                         int           // bytes of its environment; -1 if that is not to be seen
}

func (m *proc) dead() bool { return m.state == 'Z' || m.state == 'X' }

// tick is the kernel's unit of processor time; USER_HZ is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// readProc reads the line of a process; false if it is gone.
func readProc(pid int) (proc, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, false
	}
	return parseProc(pid, data)
}

func parseProc(pid int, data []byte) (proc, bool) {
	end := bytes.LastIndexByte(data, ')') // the name before it can hold anything
	if end < 0 {
		return proc{}, false
	}
	f := strings.Fields(string(data[end+1:]))
	if len(f) < 22 {
		return proc{}, false
	}
	n := func(field int) int64 { // as numbered in proc(5)
		v, _ := strconv.ParseInt(f[field-3], 10, 64)
		return v
	}
	env := -1
	if len(f) > 51-3 && n(26) > 1 { // where the code begins is set last when it becomes another program
		env = int(n(51) - n(50))
	}
	return proc{
		pid: pid, state: f[0][0], parent: int(n(4)), group: int(n(5)), session: int(n(6)), start: uint64(n(22)),
		user: time.Duration(n(14)+n(16)) * tick, system: time.Duration(n(15)+n(17)) * tick, rss: n(24) * int64(os.Getpagesize()),
		size: n(23), env: env,
	}, true
}

// kill ends the process, and no other that has got its id since.
func (m *proc) kill() {
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	if now, ok := readProc(m.pid); ok && now.start == m.start {
		_ = unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0)
	}
}

// table is all processes at one moment.
type table struct {
	all       map[int]*proc
	byParent  map[int][]*proc
	byGroup   map[int][]*proc
	bySession map[int][]*proc
	at        time.Time
	cost      time.Duration
}

var latest struct {
	mu sync.Mutex
	t  *table
}

// processes returns a table that is not older than age. All watches share one.
func processes(age time.Duration) *table {
	latest.mu.Lock()
	defer latest.mu.Unlock()
	if t := latest.t; t != nil && age > 0 && time.Since(t.at) < max(age, sparing(t.cost)/2) {
		return t
	}
	latest.t = readTable()
	return latest.t
}

func readTable() *table {
	t := &table{all: map[int]*proc{}, byParent: map[int][]*proc{}, byGroup: map[int][]*proc{}, bySession: map[int][]*proc{}, at: time.Now()}
	dir, err := os.Open("/proc")
	if err != nil {
		return t
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if m, ok := readProc(pid); ok {
			t.all[pid] = &m
			t.byParent[m.parent] = append(t.byParent[m.parent], &m)
			t.byGroup[m.group] = append(t.byGroup[m.group], &m)
			t.bySession[m.session] = append(t.bySession[m.session], &m)
		}
	}
	t.cost = time.Since(t.at)
	return t
}
