package isolate

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// members are a program and what it has started, found without a control group: children, what is in a process group or
// session that one of them leads, and what was found so before. A process that leaves its group and loses its parent between
// two looks is not found, until the end: then those are ended that have the program's mark in their environment.
type members struct {
	root int
	seen map[int]*proc
}

// look finds the members in a table.
func (ms *members) look(t *table) []*proc {
	found, all, queue := map[int]*proc{}, []*proc(nil), []*proc(nil)
	add := func(more ...*proc) {
		for _, m := range more {
			if found[m.pid] == nil {
				found[m.pid] = m
				queue = append(queue, m)
			}
		}
	}
	if m := t.all[ms.root]; m != nil {
		add(m)
	}
	add(t.byGroup[ms.root]...)
	for pid, was := range ms.seen {
		if m := t.all[pid]; m != nil && m.start == was.start {
			add(m)
		}
		if was.group == pid { // it may be dead, and its group not
			add(t.byGroup[pid]...)
		}
		if was.session == pid {
			add(t.bySession[pid]...)
		}
	}
	for len(queue) > 0 {
		m := queue[0]
		all, queue = append(all, m), queue[1:]
		add(t.byParent[m.pid]...)
		if m.group == m.pid {
			add(t.byGroup[m.pid]...)
		}
		if m.session == m.pid {
			add(t.bySession[m.pid]...)
		}
	}
	ms.seen = found
	return all
}

// memory is what a process holds that is not in files, in bytes: also with what it shares with those that it was forked
// from.
func (m *proc) memory() int64 {
	return sumKB(m.pid, "status", "RssAnon:", "RssShmem:", "VmSwap:")
}

// fairMemory is memory with what is shared divided among those who share it. It costs more.
func (m *proc) fairMemory() int64 {
	return sumKB(m.pid, "smaps_rollup", "Pss_Anon:", "Pss_Shmem:", "SwapPss:")
}

func sumKB(pid int, file string, names ...string) int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if err != nil {
		return 0
	}
	var sum int64
	for _, name := range names {
		n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(field(string(data), name), "kB")), 10, 64)
		sum += n << 10
	}
	return sum
}

// quick is the memory of all as far as it can be had for nothing, in bytes: never less than total.
func quick(all []*proc) (sum int64) {
	for _, m := range all {
		sum += m.rss
	}
	return sum
}

// total is the memory of all, in bytes. It looks at who shares what only when the sum is above bound without that.
func total(all []*proc, bound int64) int64 {
	var sum, fair int64
	for _, m := range all {
		sum += m.memory()
	}
	if sum <= bound || len(all) == 1 {
		return sum
	}
	for _, m := range all {
		n := m.fairMemory()
		if n == 0 {
			n = m.memory() // not readable, as for a program that has changed its user
		}
		fair += n
	}
	return fair
}

// markName is the variable that marks a program and what it starts.
const markName = "MABUS_ISOLATED"

// killStrays ends what no look has found and what still carries the program's mark. It tells how many those were, and whether there can be no
// more of them. The program itself must not have been waited for.
func (p *Process) killStrays() (n int, sure bool) {
	b := &p.bounds
	if b.mark == "" {
		return 0, true
	}
	t := processes(0)
	root := t.all[b.members.root]
	if root == nil { // the table could not be read
		return 0, false
	}
	sure = true
	for _, m := range t.all {
		if m.pid == root.pid || m.start < root.start || m.dead() {
			continue
		}
		switch has, known := m.marked(b.mark); {
		case has:
			m.kill()
			n++
		case !known:
			sure = false
		}
	}
	return n, sure
}

// marked tells whether a process carries a mark. That is not known of one that has gone since it was seen, and may have started another before;
// nor of one that just becomes another program: its environment is not to be seen for a moment, or in part.
func (m *proc) marked(mark string) (has, known bool) {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(m.pid) + "/environ")
	switch {
	case errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH):
		return false, false
	case err != nil: // it belongs to another user
		return false, true
	case bytes.Contains(append([]byte{0}, env...), []byte("\x00"+mark+"\x00")):
		return true, true
	}
	now, ok := readProc(m.pid)
	return false, !toldOfEnv() || ok && (now.size == 0 || now.env == len(env)) // the kernel's own and the dying have no memory at all
}

// toldOfEnv tells whether the kernel says how large environments are. One that only looks like Linux may not.
var toldOfEnv = sync.OnceValue(func() bool {
	m, ok := readProc(os.Getpid())
	return ok && m.env >= 0
})
