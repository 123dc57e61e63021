package exec

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/isolate"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/secret"
)

// maxCalls is how many calls of its own a worker may have open at once.
const maxCalls = 256

var _ agent.Handler = (*Process)(nil)

// Process is a running exec agent. It implements agent.Handler; every method is safe for concurrent use.
type Process struct {
	id      string
	program string
	opt     Options
	log     zerolog.Logger
	cmd     *osexec.Cmd
	pid     int
	limits  api.Resources
	apart   *isolate.Process // set once the program has started

	// base ends with the process; the worker's own calls hang on it.
	base    context.Context
	endBase context.CancelFunc

	out     chan frame    // to the writer
	slots   chan struct{} // one entry for each message that the worker has
	mailbox int64         // how many calls of Handle may wait for a slot
	waiting atomic.Int64
	calls   chan struct{} // one entry for each open call of the worker
	room    chan struct{} // room for one: parts were taken from a queue
	saves   chan save
	told    chan error // room for one: what came of the state that the worker was asked for
	tail    tail
	hide    *secret.Redactor // of the secrets that the program has

	ready    chan struct{} // closed by the first ready frame
	stopping chan struct{} // closed by the first Stop
	exited   chan struct{} // closed when the program is dead, before its last output is read
	written  chan struct{} // closed when the writer has ended
	done     chan struct{} // closed last
	readers  sync.WaitGroup
	callers  sync.WaitGroup

	// stdout's reader alone uses these.
	isReady bool
	saving  bool // the saver runs
	junk    int
	odd     int
	maxCost api.Micro // of one answer

	mu      sync.Mutex
	pending map[string]*call // messages without an answer, by id
	lastID  uint64
	stopped bool // Stop was called
	hungUp  bool // the stop frame is on its way
	// stateful says that the worker wants to be asked for its state, asked that it was.
	stateful, asked bool
	parting         context.Context // of the state that it is asked for
	ended           bool            // no further messages
	reaped          bool            // the process id may belong to somebody else by now
	fault           error           // why the host killed the program
	doom            *time.Timer     // kills a program that SIGTERM does not end
	held            int             // bytes of all queued parts
	stalls          stalls
	err             error // set before done is closed
}

func newProcess(spec api.AgentSpec, cmd *osexec.Cmd, opt Options) *Process {
	concurrency := spec.Concurrency
	if concurrency <= 0 {
		concurrency = 1
	}
	mailbox := spec.Mailbox
	if mailbox <= 0 {
		mailbox = api.DefaultMailbox
	}
	p := &Process{
		id: spec.ID, program: spec.Command[0], opt: opt, cmd: cmd, maxCost: spec.MaxCost,
		log: opt.Log.With().Str("agent", spec.ID).Logger(),
		// Room for each message, an input and its cancel, so that only a worker that answers without reading can fill it.
		out:      make(chan frame, 3*concurrency+maxCalls+maxSaves+3),
		slots:    make(chan struct{}, concurrency),
		mailbox:  int64(mailbox),
		calls:    make(chan struct{}, maxCalls),
		ready:    make(chan struct{}),
		stopping: make(chan struct{}),
		exited:   make(chan struct{}),
		written:  make(chan struct{}),
		done:     make(chan struct{}),
		room:     make(chan struct{}, 1),
		saves:    make(chan save, maxSaves+1),
		told:     make(chan error, 1),
		pending:  map[string]*call{},
	}
	if spec.Resources != nil {
		p.limits = *spec.Resources
	}
	p.base, p.endBase = context.WithCancel(context.Background())
	return p
}

// start runs the program and the goroutines around it.
func (p *Process) start() error {
	pipes, err := isolate.OpenStreams(p.cmd)
	if err != nil {
		p.endBase()
		return err
	}
	started := make(chan error)
	go p.live(pipes, started)
	return <-started
}

// live is the goroutine that starts the program, waits for its end on the same thread, and clears up.
func (p *Process) live(pipes *isolate.Streams, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer p.endBase()
	apart, err := isolate.Start(p.cmd, p.limits)
	p.cmd.Env = nil // it may hold secrets, and the program has it
	pipes.CloseChild()
	if err != nil {
		pipes.CloseHost()
		started <- err
		return
	}
	p.apart, p.pid = apart, apart.PID()
	go p.write(pipes.Stdin)
	p.readers.Go(func() { p.read(pipes.Stdout) })
	p.readers.Go(func() { p.readStderr(pipes.Stderr) })
	started <- nil

	waitErr := apart.Wait(p.releaseGroup)
	if oom := apart.OutOfMemory(); oom != nil {
		p.blame(oom)
	}
	close(p.exited)
	pipes.Drain()
	p.readers.Wait()
	p.endBase()
	p.callers.Wait()
	pipes.CloseHost()
	<-p.written
	awaitGroup(p.pid)
	apart.Close()
	p.finish(waitErr)
}

// blame has the end of the program told as what the host found, rather than as the signal that it got for it.
func (p *Process) blame(why error) {
	p.mu.Lock()
	p.fault = why
	p.mu.Unlock()
}

// releaseGroup kills what the program left behind in its group and gives the process id up.
func (p *Process) releaseGroup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	p.reaped = true
}

// finish answers what is still open and publishes the end.
func (p *Process) finish(waitErr error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	open := 0
	for _, c := range p.pending {
		if !c.gone {
			open++
		}
	}
	switch {
	case p.stopped:
	case p.fault != nil:
		p.err = p.fault
	case waitErr != nil:
		p.err = fmt.Errorf("the program %s ended: %w", p.program, waitErr)
	case open > 0:
		p.err = fmt.Errorf("the program %s exited with status 0 and left %d messages unanswered", p.program, open)
	}
	why := p.err
	if why == nil {
		why = errors.New("it was stopped")
	}
	for id, c := range p.pending {
		delete(p.pending, id)
		if !c.gone {
			c.settle(answer{err: NoEnd(crashed(p.id, why).MaybeExecuted())})
		}
		if c.overdue != nil {
			c.overdue.Stop()
		}
	}
	if p.doom != nil {
		p.doom.Stop()
	}
	close(p.done)
}

// crash kills the program for what it did wrong.
func (p *Process) crash(why error) {
	p.mu.Lock()
	if p.fault == nil && !p.ended {
		p.fault = why
	}
	p.mu.Unlock()
	p.signal(syscall.SIGKILL)
}

// lost is called when a pipe to the worker is broken. The program is most likely ending; one that goes on without the
// pipe is no use.
func (p *Process) lost(pipe string) {
	time.AfterFunc(p.opt.Grace, func() { p.crash(fmt.Errorf("the program %s closed its %s", p.program, pipe)) })
}

// signal reaches every process of the worker's group. It returns false if the program has ended.
func (p *Process) signal(sig syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signalLocked(sig)
}

func (p *Process) signalLocked(sig syscall.Signal) bool {
	return !p.reaped && syscall.Kill(-p.pid, sig) == nil
}

// Done is closed when the program and everything around it is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err tells why the program ended: its exit status or signal, or what it did against the protocol. It is nil while the
// program runs, after Stop, and when the program exited by itself with status 0 and owed no answer.
func (p *Process) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// PID returns the process id, which is also that of its process group.
func (p *Process) PID() int { return p.pid }

// LogTail returns the last lines that the worker wrote to standard error, oldest first: at most 20 lines of at most 1024
// bytes.
func (p *Process) LogTail() []string { return p.tail.lines() }
