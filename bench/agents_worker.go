package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/mabus-project/mabus/shared/codec"
)

// What a process of the suite "agents" can be.
const (
	workHost = "host" // an agent host, with its configuration as an argument
	workRead = "read" // the reader of many streams, with its configuration as an argument
	workExec = "exec" // an exec agent, with the time that it works as an argument if there is one
)

// Worker is the whole life of a process that a measurement has started: in and out are its standard input and output, whose
// end is the end of the process.
func Worker(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == workHost:
		var cfg hostConfig
		if err := codec.Decode([]byte(args[1]), &cfg); err != nil {
			return err
		}
		return beHost(ctx, cfg, in, out)
	case len(args) == 2 && args[0] == workRead:
		var cfg readConfig
		if err := codec.Decode([]byte(args[1]), &cfg); err != nil {
			return err
		}
		return beReader(ctx, cfg, out)
	case len(args) == 2 && args[0] == workServe:
		var cfg serveConfig
		if err := codec.Decode([]byte(args[1]), &cfg); err != nil {
			return err
		}
		return beService(ctx, cfg, in, out)
	case len(args) == 2 && args[0] == workPerfMon:
		var cfg perfConfig
		if err := codec.Decode([]byte(args[1]), &cfg); err != nil {
			return err
		}
		return bePerfMon(ctx, cfg, in, out)
	case len(args) == 1 && args[0] == workExec:
		return beProgram(0, in, out)
	case len(args) == 2 && args[0] == workExec:
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return beProgram(d, in, out)
	}
	return errors.New("this is for measurements alone")
}

// child is a worker's process, seen from its parent.
type child struct {
	pid  int
	in   io.WriteCloser
	out  *bufio.Reader
	stop func()       // closes its input and waits for its end
	kill func() error // ends it at once, and waits for its end
}

// patience is how long a worker may take for an orderly end.
const patience = 20 * time.Second

// startChild starts a program whose standard error is ours.
func startChild(command []string) (*child, error) {
	cmd := exec.Command(command[0], command[1:]...) // no context: its input's end is its own
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	return &child{pid: cmd.Process.Pid, in: in, out: bufio.NewReaderSize(out, maxFrame), stop: func() {
		_ = in.Close()
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		_ = cmd.Wait() // how it ended does not matter to the figures
	}, kill: func() error {
		err := cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}}, nil
}

// startWorker starts this program as a worker.
func (r *run) startWorker(kind string, cfg any) (*child, error) {
	text, err := codec.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	return startChild(r.program(kind, string(text)))
}
