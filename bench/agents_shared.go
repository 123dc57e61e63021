package bench

import (
	"bufio"
	"errors"
	"sync"
)

// shared is a program at the end of a pipe that many goroutines ask at once: the least that somebody does who calls it.
type shared struct {
	*child
	flush chan struct{} // room for one: there is something to send
	stopc chan struct{}
	both  sync.WaitGroup

	mu      sync.Mutex
	w       *bufio.Writer
	line    []byte
	sent    uint64
	waiting chan chan error // in the order of the messages
}

var errEnded = errors.New("the program has ended")

// openShared starts the program for at most so many callers.
func openShared(command []string, callers int) (*shared, error) {
	c, err := startChild(command)
	if err != nil {
		return nil, err
	}
	s := &shared{
		child: c, w: bufio.NewWriterSize(c.in, maxFrame), waiting: make(chan chan error, callers),
		flush: make(chan struct{}, 1), stopc: make(chan struct{}),
	}
	s.both.Go(s.write)
	s.both.Go(s.read)
	return s, nil
}

// call asks and waits. Each caller has an answer channel of its own, with room for one.
func (s *shared) call(answer chan error, deadline []byte) error {
	s.mu.Lock()
	s.sent++
	s.line = frameOf(s.line, s.sent, deadline, payload)
	s.waiting <- answer
	_, err := s.w.Write(s.line)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case s.flush <- struct{}{}:
	default:
	}
	return <-answer
}

func (s *shared) write() {
	for {
		select {
		case <-s.flush:
			s.mu.Lock()
			err := s.w.Flush()
			s.mu.Unlock()
			if err != nil {
				return
			}
		case <-s.stopc:
			return
		}
	}
}

func (s *shared) read() {
	for id := uint64(1); ; id++ {
		line, err := s.out.ReadSlice('\n')
		if err != nil {
			break
		}
		body, err := answerOf(line, id)
		if err == nil {
			err = sameValue(body)
		}
		(<-s.waiting) <- err
	}
	for {
		select {
		case answer := <-s.waiting:
			answer <- errEnded
		default:
			return
		}
	}
}

func (s *shared) close() {
	close(s.stopc)
	s.stop()
	s.both.Wait()
}
