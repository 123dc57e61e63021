package exec

import (
	"fmt"
	"os"
	"time"
)

// pipes are the host's ends and the worker's ends of its standard streams.
type pipes struct {
	stdin, stdout, stderr *os.File
	child                 [3]*os.File
}

func openPipes() (*pipes, error) {
	ps := &pipes{}
	var err error
	if ps.child[0], ps.stdin, err = os.Pipe(); err == nil {
		if ps.stdout, ps.child[1], err = os.Pipe(); err == nil {
			ps.stderr, ps.child[2], err = os.Pipe()
		}
	}
	if err != nil {
		ps.closeChild()
		ps.closeHost()
		return nil, fmt.Errorf("open pipes: %w", err)
	}
	return ps, nil
}

func (ps *pipes) closeChild() {
	for _, f := range ps.child {
		_ = f.Close() // a nil file, after a failed openPipes, only returns an error
	}
}

func (ps *pipes) closeHost() {
	_, _, _ = ps.stdin.Close(), ps.stdout.Close(), ps.stderr.Close()
}

// drain lets the readers have what the dead program wrote, but not wait for a process outside its group that holds a pipe.
func (ps *pipes) drain() {
	until := time.Now().Add(time.Second)
	_, _, _ = ps.stdin.Close(), ps.stdout.SetReadDeadline(until), ps.stderr.SetReadDeadline(until)
}
