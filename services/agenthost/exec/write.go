package exec

import (
	"bufio"
	"os"
)

// write is the only goroutine that writes to the worker, so that a worker that does not read blocks nobody else.
func (p *Process) write(stdin *os.File) {
	defer close(p.written)
	w := bufio.NewWriterSize(stdin, 64<<10)
	for {
		var f frame
		select {
		case f = <-p.out:
		default:
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
