package isolate

import (
	"fmt"
	"os"
	osexec "os/exec"
	"time"
)

// Streams are the host's ends and the program's ends of a program's standard streams.
type Streams struct {
	Stdin, Stdout, Stderr *os.File // the host's
	child                 [3]*os.File
}

// OpenStreams gives a program that has not been started pipes for its standard streams.
func OpenStreams(cmd *osexec.Cmd) (*Streams, error) {
	s := &Streams{}
	var err error
	if s.child[0], s.Stdin, err = os.Pipe(); err == nil {
		if s.Stdout, s.child[1], err = os.Pipe(); err == nil {
			s.Stderr, s.child[2], err = os.Pipe()
		}
	}
	if err != nil {
		s.CloseChild()
		s.CloseHost()
		return nil, fmt.Errorf("open pipes: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.child[0], s.child[1], s.child[2]
	return s, nil
}

// CloseChild lets go of the program's ends, once it has been started or could not be.
func (s *Streams) CloseChild() {
	for _, f := range s.child {
		_ = f.Close() // a nil file, after a failed OpenStreams, only returns an error
	}
}

// CloseHost closes the host's ends.
func (s *Streams) CloseHost() {
	_, _, _ = s.Stdin.Close(), s.Stdout.Close(), s.Stderr.Close()
}

// Drain lets the readers have what the dead program wrote, but not wait for a process that has got away with a pipe.
func (s *Streams) Drain() {
	until := time.Now().Add(time.Second)
	_, _, _ = s.Stdin.Close(), s.Stdout.SetReadDeadline(until), s.Stderr.SetReadDeadline(until)
}

// feed writes the input and its end. A command need not read it.
func (s *Streams) feed(input []byte) {
	_, _ = s.Stdin.Write(input)
	_ = s.Stdin.Close()
}
