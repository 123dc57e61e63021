package variable

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// normal returns a JSON value in the form in which it is stored: as codec writes it, without spaces, with texts escaped as little as
// can be. It is the same after any number of journeys through codec. Nothing stays nothing.
func normal(field string, raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	text, err := codec.Marshal(raw)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "%s is no JSON value", field).WithReason(api.ReasonMalformed).WithFields(field)
	}
	if depth(text) > MaxDepth {
		return nil, api.Errorf(api.Invalid, "%s has arrays and objects in more than %d levels", field, MaxDepth).WithFields(field)
	}
	return text, nil
}

// depth returns how many levels of arrays and objects there are in a normal value.
func depth(text []byte) int {
	level, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i = closing(text, i)
		case '[', '{':
			level++
			deepest = max(deepest, level)
		case ']', '}':
			level--
		}
	}
	return deepest
}

// closing returns where the text ends that begins at i.
func closing(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// equal tells whether two normal values are the same: the order of an object's members and the way in which a number is written do
// not matter.
func equal(a, b json.RawMessage) bool {
	x, _ := canonical(nil, a)
	y, _ := canonical(nil, b)
	return bytes.Equal(x, y)
}

// canonical appends the form that equal values share, and returns what follows the value. The value is a normal one.
func canonical(dst, text []byte) (out, rest []byte) {
	if len(text) == 0 {
		return dst, nil
	}
	switch text[0] {
	case '{':
		return canonicalObject(dst, text[1:])
	case '[':
		dst, text = append(dst, '['), text[1:]
		for len(text) > 0 && text[0] != ']' {
			if text[0] == ',' {
				dst, text = append(dst, ','), text[1:]
			}
			dst, text = canonical(dst, text)
		}
		return append(dst, ']'), text[min(1, len(text)):]
	case '"':
		end := min(closing(text, 0)+1, len(text))
		return append(dst, text[:end]...), text[end:]
	}
	end := bytes.IndexAny(text, ",]}")
	if end < 0 {
		end = len(text)
	}
	if c := text[0]; c == '-' || c >= '0' && c <= '9' {
		return append(dst, readNumber(string(text[:end])).String()...), text[end:]
	}
	return append(dst, text[:end]...), text[end:]
}

// canonicalObject goes on after the brace.
func canonicalObject(dst, text []byte) (out, rest []byte) {
	var members [][]byte
	for len(text) > 0 && text[0] != '}' {
		if text[0] == ',' {
			text = text[1:]
		}
		end := min(closing(text, 0)+2, len(text)) // with the colon
		member := slices.Clone(text[:end])
		member, text = canonical(member, text[end:])
		members = append(members, member)
	}
	slices.SortFunc(members, bytes.Compare)
	dst = append(dst, '{')
	for _, m := range members {
		dst = append(append(dst, m...), ',')
	}
	return append(dst, '}'), text[min(1, len(text)):]
}
