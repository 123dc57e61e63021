package exec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	// maxJunk is how many lines that are no frames a worker may write: programs print by accident, but one that goes on
	// has not understood the protocol.
	maxJunk = 100
	// maxOdd is how many strange but harmless frames are logged; the rest are dropped in silence.
	maxOdd = 100
	// keepBuffer is the largest line buffer, in bytes, that is kept for the next line.
	keepBuffer = 1 << 20
)

var errLineTooLong = errors.New("line too long")

// lineReader reads lines of at most limit bytes.
type lineReader struct {
	r     *bufio.Reader
	buf   []byte
	limit int
}

// next returns the next line without its end; it is valid until the following call. The last line may come with an error.
func (l *lineReader) next() ([]byte, error) {
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.buf)+len(bytes.TrimSuffix(part, []byte("\n"))) > l.limit {
			return nil, errLineTooLong
		}
		if err == nil && len(l.buf) == 0 {
			return bytes.TrimSpace(part), nil
		}
		l.buf = append(l.buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSpace(l.buf), err
		}
	}
}

// read takes the worker's frames until its standard output ends.
func (p *Process) read(stdout io.Reader) {
	lines := lineReader{r: bufio.NewReaderSize(stdout, min(64<<10, p.opt.MaxLine+1)), limit: p.opt.MaxLine}
	for {
		line, err := lines.next()
		if errors.Is(err, errLineTooLong) {
			p.crash(fmt.Errorf("the program %s wrote a line of more than %d bytes", p.program, p.opt.MaxLine))
			return
		}
		if len(line) > 0 && !p.take(line) {
			return
		}
		if err != nil {
			p.lost("standard output")
			return
		}
	}
}

// take handles one line. It returns false when the worker is to be given up.
func (p *Process) take(line []byte) bool {
	line = p.hide.Bytes(line)
	if id, payload, ok := plainResult(line); ok {
		p.takeAnswer(string(id), answer{payload: bytes.Clone(payload)})
		return true
	}
	f, err := decode(line)
	if err != nil {
		return p.takeJunk(line, err)
	}
	switch f.Type {
	case "result":
		payload := f.Payload
		if len(payload) == 0 {
			payload = []byte("null")
		}
		p.takeAnswer(f.ID, answer{payload: payload, used: p.usage(f)})
	case "error":
		p.takeAnswer(f.ID, answer{err: workerError(f.Error), used: p.usage(f)})
	case "chunk", "progress", "need_input", checkpoint:
		return p.takePart(f)
	case "call":
		return p.takeCall(f)
	case "cast":
		p.takeCast(f)
	case "save":
		return p.takeSave(f)
	case "state":
		p.takeState(f)
	case "log":
		level, err := zerolog.ParseLevel(f.Level)
		if err != nil || level < zerolog.TraceLevel || level > zerolog.ErrorLevel {
			level = zerolog.InfoLevel // a worker's "fatal" is not the host's
		}
		p.log.WithLevel(level).Msg(clip(f.Message))
	case "ready":
		if f.Stateful {
			p.mu.Lock()
			p.stateful = true
			p.mu.Unlock()
		}
		if !p.isReady {
			p.isReady = true
			close(p.ready)
		}
	default:
		p.oddity().Str("type", clip(f.Type)).Msg("ignored a frame of unknown type from the worker")
	}
	return true
}

func (p *Process) takeAnswer(id string, a answer) {
	if p.hide != nil {
		p.takeRest(id)
	}
	if !p.answered(id, a) {
		p.oddity().Str("message", clip(id)).Msg("ignored an answer of the worker to a message that it does not have")
	}
}

// usage is what an answer says that it cost: the most it may have, if that is not to be understood.
func (p *Process) usage(f *inbound) api.Usage {
	used, ok := usageOf(f.Usage)
	if !ok {
		used.Cost = p.maxCost
		p.oddity().Str("message", clip(f.ID)).Msg("a usage of the worker is not to be understood: it has tokens_in and tokens_out, numbers, and cost, a string of digits")
	}
	return used
}

func (p *Process) takeJunk(line []byte, err error) bool {
	if m := brokenAnswer.FindSubmatch(line); m != nil {
		a := answer{err: NoEnd(agentError(api.FailedPrecondition, fmt.Sprintf("the agent's answer is not a valid frame: %v", err)))}
		settle := p.answered
		if kind := m[1][0]; kind == 'c' || kind == 'n' { // parts
			settle = p.spoilt
		}
		if settle(string(m[2]), a) {
			p.oddity().Err(err).Msg("the worker's answer is not a valid frame")
			return true
		}
	}
	p.junk++
	if p.junk > maxJunk {
		p.crash(fmt.Errorf("the program %s wrote more than %d lines to standard output that are no frames", p.program, maxJunk))
		return false
	}
	p.log.Warn().Str("output", printable(line)).Msg("the worker wrote a line to standard output that is no frame")
	return true
}

// oddity begins a warning, unless there were too many.
func (p *Process) oddity() *zerolog.Event {
	p.odd++
	if p.odd > maxOdd {
		return nil
	}
	return p.log.Warn().Int("count", p.odd)
}
