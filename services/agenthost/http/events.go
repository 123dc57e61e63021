package http

import (
	"bufio"
	"errors"
	"io"
)

// maxEvent bounds the data of one event, and one line, in bytes.
const maxEvent = 4 << 20

var errEventTooLong = errors.New("the event is too long")

// events reads a stream of server-sent events as the WHATWG specifies it ("Server-sent events", section "Interpreting an
// event stream"). Names, ids and reconnection times of events are not what a chat uses, so they are read over.
type events struct {
	in    *bufio.Reader
	line  []byte
	data  []byte
	begun bool // the first line was read
	cr    bool // the last line ended in CR: a LF that follows belongs to it
}

func newEvents(in io.Reader) *events { return &events{in: bufio.NewReader(in)} }

// next returns the data of the next event, valid until the next call. At the end of the stream it returns the reader's
// error; an event that is not ended by an empty line is none.
func (e *events) next() ([]byte, error) {
	e.data = e.data[:0]
	some := false
	for {
		line, err := e.readLine()
		if err != nil {
			return nil, err
		}
		if len(line) == 0 {
			if some {
				return e.data[:len(e.data)-1], nil
			}
			continue
		}
		if value, ok := field(line, "data"); ok {
			if len(e.data)+len(value) > maxEvent {
				return nil, errEventTooLong
			}
			e.data = append(append(e.data, value...), '\n')
			some = true
		}
	}
}

// field returns the value of a line that has the name.
func field(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || string(line[:len(name)]) != name {
		return nil, false
	}
	line = line[len(name):]
	switch {
	case len(line) == 0:
		return nil, true
	case line[0] != ':':
		return nil, false
	}
	if line = line[1:]; len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	return line, true
}

// readLine reads up to CR, LF or both. It never waits for the LF that may follow a CR, since a line that is complete may
// complete an event.
func (e *events) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		b, err := e.in.ReadByte()
		if err != nil {
			return nil, err
		}
		after := e.cr
		e.cr = b == '\r'
		switch {
		case b == '\n' && after:
			continue
		case b != '\n' && b != '\r':
			if len(e.line) >= maxEvent {
				return nil, errEventTooLong
			}
			e.line = append(e.line, b)
			continue
		}
		line := e.line
		if !e.begun && len(line) >= 3 && string(line[:3]) == "\uFEFF" {
			line = line[3:]
		}
		e.begun = true
		return line, nil
	}
}
