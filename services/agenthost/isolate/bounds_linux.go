package isolate

import (
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nuid"
	"golang.org/x/sys/unix"

	"github.com/mabus-project/mabus/shared/api"
)

// bounds are what keeps one program within its resources.
type bounds struct {
	enforced api.Enforcement
	group    *cgroup // nil where none may be made, or none is needed
	cpus     []int   // the processors to stay on; none for all of them
	backstop uint64  // RLIMIT_DATA in bytes; 0 for none
	held     bool    // the program stops before its first instruction
	watched  bool    // the host looks at the memory, or at what was started
	track    bool    // the peak is wanted
	mark     string  // in the environment of all that it starts, unless that changes it; "" where a control group knows
	ownPeak  int64   // of the host when the program started, in bytes
	begun    time.Time

	stop     chan struct{}
	watching sync.WaitGroup

	mu      sync.Mutex
	members members
	peak    int64
}

// groupAttr puts the program into a group of its own and has the kernel kill it when the host dies.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// prepare decides by what each bound is kept.
func (p *Process) prepare(set settings) error {
	b, r, why := &p.bounds, p.resources, "a test forbids them"
	b.stop, b.track = make(chan struct{}), set.track
	bounded := r != api.Resources{}
	if (bounded || set.track) && !set.noGroups {
		b.group, why = newGroup(r)
	}
	if b.group != nil {
		p.cmd.SysProcAttr.UseCgroupFD, p.cmd.SysProcAttr.CgroupFD = true, int(b.group.handle.Fd())
	}
	noMemory, noCPU := why, why
	if b.group != nil {
		noMemory, noCPU = home().noMemory, home().noCPU
	}
	var notes []string
	b.watched = set.track && (b.group == nil || !b.group.memory)
	if r.Memory > 0 {
		if b.group != nil && b.group.memory {
			b.enforced.Memory = "cgroup"
		} else {
			b.watched, b.enforced.Memory, b.backstop = true, "watch", 2*uint64(r.Memory)+slack
			notes = append(notes, fmt.Sprintf("memory: %s, so the host looks every %s (up to %s on a busy machine) and ends what is over; between two looks a process can get further, to %d bytes of its own at most", noMemory, interval, rarest, b.backstop))
		}
	}
	if r.CPU > 0 {
		if b.group != nil && b.group.cpu {
			b.enforced.CPU = "cgroup"
		} else {
			cpus, of := pickCPUs((r.CPU + 999) / 1000)
			b.cpus, b.enforced.CPU = cpus, "affinity"
			notes = append(notes, fmt.Sprintf("cpu: %s, so it is %d of %d processors as a whole, and a program may choose others by itself", noCPU, len(cpus), of))
		}
	}
	if b.backstop > 0 || b.cpus != nil {
		if b.held = !set.noHold && canHold(); b.held {
			p.cmd.SysProcAttr.Ptrace = true
		} else {
			notes = append(notes, "what is no control group begins to hold some moments after the program's start, because the host may not trace processes")
		}
	}
	b.enforced.Note = strings.Join(notes, ". ")
	if b.watched && b.group == nil {
		b.mark = markName + "=" + nuid.Next()
		p.cmd.Env = append(p.cmd.Environ(), b.mark)
	}
	b.ownPeak, b.begun = maxRSS(unix.RUSAGE_SELF), time.Now()
	return nil
}

// begin sets the limits of a program that has started, and lets it go.
func (p *Process) begin() error {
	b, pid := &p.bounds, p.PID()
	b.members = members{root: pid} // before anything can fail: to sweep without a root would find processes of others
	if b.held {
		awaitState(pid, unix.WSTOPPED)
	}
	err := p.limit(pid)
	if b.held {
		if e := syscall.PtraceDetach(pid); err == nil {
			err = e
		}
	}
	if b.group != nil {
		_ = b.group.handle.Close() // it was for the start alone
	}
	if err != nil && !errors.Is(err, unix.ESRCH) { // one that is dead already needs no bounds
		return err
	}
	if b.watched {
		b.watching.Go(p.watch)
	}
	return nil
}

func (p *Process) limit(pid int) error {
	b := &p.bounds
	if b.backstop > 0 {
		l := unix.Rlimit{Cur: b.backstop, Max: b.backstop}
		if err := unix.Prlimit(pid, unix.RLIMIT_DATA, &l, nil); err != nil {
			return fmt.Errorf("prlimit: %w", err)
		}
	}
	if len(b.cpus) > 0 {
		var set unix.CPUSet
		for _, cpu := range b.cpus {
			set.Set(cpu)
		}
		if err := unix.SchedSetaffinity(pid, &set); err != nil {
			return fmt.Errorf("sched_setaffinity: %w", err)
		}
	}
	return nil
}

// awaitState waits until the process is in a state, or dead. It stays to be waited for.
func awaitState(pid, state int) {
	for errors.Is(unix.Waitid(unix.P_PID, pid, nil, state|unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
}

// reap waits for the program, and calls release while its process id is still taken.
func reap(cmd *osexec.Cmd, release func()) error {
	awaitState(cmd.Process.Pid, 0)
	release()
	return cmd.Wait()
}

// canHold tells whether programs can be started stopped. What is tried is a program that does not exist, because the child
// asks to be traced before it looks for it.
var canHold = sync.OnceValue(func() bool {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return tryStart(&syscall.SysProcAttr{Ptrace: true})
})

// tryStart tells whether a process can be made like that.
func tryStart(attr *syscall.SysProcAttr) bool {
	_, err := os.StartProcess("/proc/self/no-such-program", []string{"none"}, &os.ProcAttr{Env: []string{}, Sys: attr})
	return errors.Is(err, unix.ENOENT)
}

// clear gives back what was prepared for a program that did not start.
func (p *Process) clear() {
	if p.bounds.group != nil {
		p.bounds.group.remove()
	}
}

// Close ends the watch and removes what the bounds needed. It is called after Wait.
func (p *Process) Close() {
	close(p.bounds.stop)
	p.bounds.watching.Wait()
	p.clear()
}

func (p *Process) killedByKernel() bool {
	return p.bounds.group != nil && p.bounds.group.oomKilled()
}

// note finds what the program has started, if there is no control group that knows.
func (p *Process) note() {
	if p.bounds.watched && p.bounds.group == nil {
		p.members(0)
	}
}

// sweep kills what the program's process group does not hold, until nothing is left.
func (p *Process) sweep() {
	b := &p.bounds
	if b.group != nil {
		b.group.kill()
		return
	}
	if !b.watched {
		return
	}
	for tries, pause := 50, time.Millisecond; tries > 0; tries-- { // about a second
		left := 0
		for _, m := range p.members(0) {
			if m.pid != b.members.root && !m.dead() {
				left++
				m.kill()
			}
		}
		strays, sure := p.killStrays() // also while others take their time to die
		if left+strays == 0 && sure {
			return
		}
		time.Sleep(pause)
		pause = min(2*pause, interval)
	}
}
