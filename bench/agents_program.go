package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// maxFrame is the longest line, in bytes, that the programs of a measurement read and write.
const maxFrame = 64 << 10

var (
	messageHead = []byte(`{"type":"message","id":"`)
	payloadHead = []byte(`"payload":`)
	streamField = []byte(`"stream":true`)
	errFrame    = errors.New("not a message frame")
)

// beProgram is an exec agent as docs/exec.md has it, which answers a message with its payload after it has worked. To those
// who read parts it first says how long it took, in nanoseconds. One that does not work answers one message after the other.
func beProgram(d time.Duration, in io.Reader, out io.Writer) error {
	r := bufio.NewReaderSize(in, maxFrame)
	p := &program{w: bufio.NewWriterSize(out, maxFrame)}
	var working sync.WaitGroup // at most as many as the agent's concurrency
	defer working.Wait()
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(line, messageHead) {
			continue
		}
		begin := time.Now()
		if d > 0 {
			line = bytes.Clone(line)
			working.Go(func() {
				work(d)
				_ = p.answer(line, begin, true) // nobody reads any more: the input ends too
			})
			continue
		}
		if err := p.answer(line, begin, r.Buffered() == 0); err != nil {
			return err
		}
	}
}

// program is the writing side of an exec agent.
type program struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// answer answers one message, and sends what there is when nothing more is to be read.
func (p *program) answer(line []byte, begin time.Time, flush bool) error {
	id, stream, payload, err := splitFrame(line)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stream {
		p.frame("chunk", id)
		_, _ = p.w.Write(strconv.AppendInt(p.w.AvailableBuffer(), int64(time.Since(begin)), 10))
		_, _ = p.w.WriteString("}\n")
	}
	p.frame("result", id)
	_, _ = p.w.Write(payload)
	_, err = p.w.WriteString("}\n") // an error of the writer stays
	if flush && err == nil {
		err = p.w.Flush()
	}
	return err
}

func (p *program) frame(kind string, id []byte) {
	_, _ = p.w.WriteString(`{"type":"`)
	_, _ = p.w.WriteString(kind)
	_, _ = p.w.WriteString(`","id":"`)
	_, _ = p.w.Write(id)
	_, _ = p.w.WriteString(`","payload":`)
}

// splitFrame takes a line apart whose order of fields docs/exec.md promises.
func splitFrame(line []byte) (id []byte, stream bool, payload []byte, err error) {
	rest, ok := bytes.CutPrefix(line, messageHead)
	id, rest, quoted := bytes.Cut(rest, []byte(`"`))
	fields, payload, given := bytes.Cut(rest, payloadHead)
	end := bytes.LastIndexByte(payload, '}')
	if !ok || !quoted || !given || end < 0 {
		return nil, false, nil, fmt.Errorf("%w: %.80q", errFrame, line)
	}
	return id, bytes.Contains(fields, streamField), payload[:end], nil
}
