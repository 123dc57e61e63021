package exec

import (
	"bytes"

	"github.com/mabus-project/mabus/shared/codec"
)

// plainStyles are what stands around the id and the payload of a result that has nothing else: without spaces, and as
// Python's json module writes it.
var plainStyles = [...]struct{ head, middle []byte }{
	{[]byte(`{"type":"result","id":"`), []byte(`","payload":`)},
	{[]byte(`{"type": "result", "id": "`), []byte(`", "payload": `)},
}

// maxPlain is the longest line, in bytes, that is taken for a plain result: with longer ones there is little to gain, and they
// could nest deeper than a frame may.
const maxPlain = 16 << 10

// plainResult takes the id and the payload out of a line that is nothing but a result in one of these styles, as decode would
// and at a quarter of the time. Of any other line it says nothing: that is for decode.
func plainResult(line []byte) (id, payload []byte, ok bool) {
	if len(line) > maxPlain {
		return nil, nil, false
	}
	for _, style := range plainStyles {
		rest, ok := bytes.CutPrefix(line, style.head)
		if !ok {
			continue
		}
		digits := 0
		for digits < len(rest) && '0' <= rest[digits] && rest[digits] <= '9' {
			digits++
		}
		payload, ok := bytes.CutPrefix(rest[digits:], style.middle)
		if !ok {
			return nil, nil, false
		}
		payload, ok = bytes.CutSuffix(payload, []byte("}"))
		if !ok || !codec.Valid(payload) {
			return nil, nil, false
		}
		return rest[:digits], bytes.TrimSpace(payload), true
	}
	return nil, nil, false
}
