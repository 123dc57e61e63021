package exec

import (
	"bufio"
	"io"
	"strings"
	"sync"
)

const (
	tailLines = 20
	lineBytes = 1024
)

// tail keeps the last lines of standard error.
type tail struct {
	mu   sync.Mutex
	ring [tailLines]string
	n    int
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring[t.n%tailLines] = line
	t.n++
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for i := max(0, t.n-tailLines); i < t.n; i++ {
		all = append(all, t.ring[i%tailLines])
	}
	return all
}

// readStderr logs what the worker says to people. Of a long line only the beginning is kept.
func (p *Process) readStderr(stderr io.Reader) {
	r := bufio.NewReaderSize(stderr, lineBytes)
	for {
		part, more, err := r.ReadLine()
		if err != nil {
			return
		}
		line := printable(part)
		if more {
			line = p.hide.Cut(line)
		} else {
			line = p.hide.Text(line)
		}
		for more && err == nil {
			_, more, err = r.ReadLine()
		}
		p.tail.add(line)
		p.log.Info().Str("stream", "stderr").Msg(line)
	}
}

// printable is the beginning of a line as valid UTF-8.
func printable(line []byte) string {
	return strings.ToValidUTF8(string(line[:min(len(line), lineBytes)]), "\uFFFD")
}
