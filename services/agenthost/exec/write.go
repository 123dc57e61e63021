package exec

import (
	"bufio"
	"os"
	"runtime"
)

// write is the only goroutine that writes to the worker, so that a worker that does not read blocks nobody else.
func (p *Process) write(stdin *os.File) {
	defer close(p.written)
	w := bufio.NewWriterSize(stdin, 64<<10)
	for {
		f, ok := p.next()
		if !ok {
			if w.Flush() != nil {
				p.lost("standard input")
				return
			}
			select {
			case f = <-p.out:
			case <-p.exited:
				return
			}
		}
		if put(w, f) != nil {
			p.lost("standard input")
			return
		}
		if f.last {
			_ = w.Flush()
			_ = stdin.Close()
			return
		}
	}
}

// next returns a frame that waits, if there is one. When the worker has several messages, others may be about to be sent, and
// one write for all of them costs far less than one for each: so those who would send them are let run first.
func (p *Process) next() (f frame, ok bool) {
	select {
	case f = <-p.out:
		return f, true
	default:
	}
	if len(p.slots) > 1 {
		runtime.Gosched()
		select {
		case f = <-p.out:
			return f, true
		default:
		}
	}
	return frame{}, false
}

func put(w *bufio.Writer, f frame) error {
	if _, err := w.Write(f.head); err != nil || f.payload == nil {
		return err
	}
	if _, err := w.Write(f.payload); err != nil {
		return err
	}
	_, err := w.WriteString("}\n")
	return err
}
