package agenthost

import (
	"fmt"
	"strings"
	"sync"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	keptLines = 100     // of an agent's log
	keptEach  = 2 << 10 // bytes of what is written at once, such as a panic with its stack: the head says most
)

// lines keeps the last lines that a native agent wrote to its log, at most api.MaxLastWords bytes of them.
type lines struct {
	mu   sync.Mutex
	kept []string
	size int
}

// tee returns logf with all that is written kept as well.
func (l *lines) tee(logf func(format string, args ...any)) func(format string, args ...any) {
	return func(format string, args ...any) {
		logf(format, args...)
		l.add(fmt.Sprintf(format, args...))
	}
}

func (l *lines) add(text string) {
	text = strings.ToValidUTF8(strings.TrimRight(text, "\n"), "\uFFFD")
	if len(text) > keptEach {
		text = strings.ToValidUTF8(text[:keptEach], "")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(text, "\n") {
		l.kept = append(l.kept, line)
		l.size += len(line)
	}
	drop := 0
	for len(l.kept)-drop > keptLines || l.size > api.MaxLastWords {
		l.size -= len(l.kept[drop])
		drop++
	}
	l.kept = append(l.kept[:0], l.kept[drop:]...)
}

// tail returns what is kept, oldest first.
func (l *lines) tail() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.kept...)
}

// lastWords is as much of the end of a log as a record takes; nil if there is nothing.
func lastWords(log []string) *api.LastWords {
	size, from := 0, len(log)
	for from > 0 && len(log)-from < keptLines && size+len(log[from-1]) <= api.MaxLastWords {
		from--
		size += len(log[from])
	}
	if from == len(log) {
		return nil
	}
	return &api.LastWords{Log: log[from:]}
}
