package isolate

import (
	"fmt"
	"os"
	"time"
)

// streams are the host's ends and the command's ends of its standard streams.
type streams struct {
	stdin, stdout, stderr *os.File
	child                 [3]*os.File
}

func openStreams() (*streams, error) {
	s := &streams{}
	var err error
	if s.child[0], s.stdin, err = os.Pipe(); err == nil {
		if s.stdout, s.child[1], err = os.Pipe(); err == nil {
			s.stderr, s.child[2], err = os.Pipe()
		}
	}
	if err != nil {
		s.closeChild()
		s.closeHost()
		return nil, fmt.Errorf("open pipes: %w", err)
	}
	return s, nil
}

func (s *streams) closeChild() {
	for _, f := range s.child {
		_ = f.Close() // a nil file, after a failed openStreams, only returns an error
	}
}

func (s *streams) closeHost() {
	_, _, _ = s.stdin.Close(), s.stdout.Close(), s.stderr.Close()
}

// feed writes the input and its end. A command need not read it.
func (s *streams) feed(input []byte) {
	_, _ = s.stdin.Write(input)
	_ = s.stdin.Close()
}

// drain lets the readers have what the dead command wrote, but not wait for a process that has got away with a pipe.
func (s *streams) drain() {
	until := time.Now().Add(time.Second)
	_, _, _ = s.stdin.SetWriteDeadline(time.Now()), s.stdout.SetReadDeadline(until), s.stderr.SetReadDeadline(until)
}
