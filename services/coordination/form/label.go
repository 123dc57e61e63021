package form

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Label is a short answer.
type Label struct {
	// Key is the same for answers that count as the same: texts but for case and spaces, numbers by their value, also as texts.
	Key string
	// Value is the answer as it was given.
	Value json.RawMessage
}

// Text returns the label as text.
func (l Label) Text() string {
	var s string
	if Kind(l.Value) == '"' && codec.Read(l.Value, &s) == nil {
		return strings.TrimSpace(s)
	}
	return string(l.Value)
}

// MaxLabel bounds a label, in bytes of its JSON.
const MaxLabel = 4 << 10

// ReadLabel reads a text that is not empty, a number, or a truth value.
func ReadLabel(raw json.RawMessage) (Label, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) > MaxLabel {
		return Label{}, false
	}
	switch Kind(raw) {
	case '"':
		var s string
		if codec.Decode(raw, &s) != nil {
			return Label{}, false
		}
		key := Key(s)
		return Label{key, raw}, key != ""
	case '0':
		d, ok := ReadNumber(raw)
		return Label{Key(d.String()), raw}, ok
	case 't':
		var b bool
		return Label{Key(string(raw)), raw}, codec.Decode(raw, &b) == nil
	}
	return Label{}, false
}

// Key returns what is the same for texts that count as the same label.
func Key(text string) string {
	words := strings.Fields(strings.ToLower(text))
	if len(words) == 1 {
		if d, err := api.ParseDecimal(words[0]); err == nil {
			return d.String()
		}
	}
	return strings.Join(words, " ")
}

// ReadNumber reads a number that a Decimal can hold.
func ReadNumber(raw json.RawMessage) (api.Decimal, bool) {
	var d api.Decimal
	if Kind(raw) != '0' || codec.Decode(raw, &d) != nil {
		return 0, false
	}
	return d, true
}

// Kind returns which kind of JSON value raw begins as: '{', '[', '"', '0' for a number, 't' for a truth value, 'n' for null, or 0.
func Kind(raw json.RawMessage) byte {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return 0
	}
	switch c := raw[0]; {
	case c == '-' || c >= '0' && c <= '9':
		return '0'
	case c == 't' || c == 'f':
		return 't'
	case c == '{' || c == '[' || c == '"' || c == 'n':
		return c
	}
	return 0
}

// Labels refuses a list in which a label is empty or the same as another.
func Labels(field string, labels []string) error {
	if len(labels) > 1000 {
		return Config(field, "%s has %d entries, at most 1000 are allowed", field, len(labels))
	}
	seen := map[string]bool{}
	for _, l := range labels {
		key := Key(l)
		if key == "" || seen[key] {
			return Config(field, "%s: %.70q is empty or there twice (case and spaces do not matter)", field, l)
		}
		seen[key] = true
	}
	return nil
}

// Place returns where a label with that key is listed, or the length of the list.
func Place(labels []string, key string) int {
	for i, l := range labels {
		if Key(l) == key {
			return i
		}
	}
	return len(labels)
}

// Names returns the names of a map in their order.
func Names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
