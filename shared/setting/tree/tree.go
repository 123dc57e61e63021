// Package tree holds the pure rules of JSON documents that are read and changed by paths: get, set, unset, merge and compare.
//
// A document is a tree of objects whose leaves are the other JSON values, kept as they were written, so that no number loses a digit. An
// array is a leaf. Trees are never changed in place: what a change leaves alone is shared with the tree before.
package tree

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Object is a JSON object.
type Object map[string]Value

// Value is an object, or a leaf. The zero Value is neither, and stands for nothing at all.
type Value struct {
	Object Object
	Leaf   json.RawMessage
}

// IsZero tells whether v is nothing at all.
func (v Value) IsZero() bool { return v.Object == nil && v.Leaf == nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.Object == nil {
		return v.Leaf, nil
	}
	return codec.Marshal(map[string]Value(v.Object))
}

// JSON returns a value as text; nil for nothing.
func (v Value) JSON() json.RawMessage {
	if v.IsZero() {
		return nil
	}
	text, err := v.MarshalJSON()
	if err != nil { // a leaf is JSON, or Parse has refused it
		return nil
	}
	return text
}

// JSON returns an object as text.
func (o Object) JSON() json.RawMessage {
	if o == nil {
		o = Object{}
	}
	return Value{Object: o}.JSON()
}

// Parse reads a JSON value. It refuses (invalid) what is no JSON, null outside of arrays (null_value), names that no path can have
// (malformed_path), and more than api.MaxConfigDepth levels or api.MaxConfigBytes bytes (config_too_large). Field is how errors call it.
func Parse(field string, text json.RawMessage) (Value, error) {
	if len(text) > api.MaxConfigBytes {
		return Value{}, api.Errorf(api.Invalid, "%s has %d bytes, at most %d are allowed", field, len(text), api.MaxConfigBytes).
			WithReason(api.ReasonConfigTooLarge).WithFields(field)
	}
	if Levels(text) > api.MaxConfigDepth {
		return Value{}, tooDeep(field)
	}
	if !codec.Valid(text) {
		return Value{}, api.Errorf(api.Invalid, "%s is no JSON value", field).WithReason(api.ReasonMalformed).WithFields(field)
	}
	return parse(field, text)
}

func tooDeep(field string) error {
	return api.Errorf(api.Invalid, "%s has more than %d levels", field, api.MaxConfigDepth).WithReason(api.ReasonConfigTooLarge).WithFields(field)
}

func parse(field string, text json.RawMessage) (Value, error) {
	text = bytes.TrimSpace(text)
	switch text[0] {
	case 'n':
		return Value{}, api.Errorf(api.Invalid, "%s is null, which is no value: unset it instead", field).WithReason(api.ReasonNullValue).WithFields(field)
	case '{':
	default:
		leaf, err := codec.Marshal(text)
		if err != nil {
			return Value{}, api.Errorf(api.Invalid, "%s is no JSON value: %v", field, err).WithReason(api.ReasonMalformed).WithFields(field)
		}
		return Value{Leaf: leaf}, nil
	}
	members := map[string]json.RawMessage{}
	if err := codec.Read(text, &members); err != nil {
		return Value{}, api.Errorf(api.Invalid, "%s is no JSON object: %v", field, err).WithReason(api.ReasonMalformed).WithFields(field)
	}
	object := make(Object, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		inner := field + "." + name
		if field == "" {
			inner = name
		}
		if !api.ValidID(name) {
			return Value{}, api.Errorf(api.Invalid, "%.80q: a name must be 1 to %d characters of A-Z, a-z, 0-9, '_' and '-'", inner, api.MaxIDLength).
				WithReason(api.ReasonPathMalformed)
		}
		v, err := parse(inner, members[name])
		if err != nil {
			return Value{}, err
		}
		object[name] = v
	}
	return Value{Object: object}, nil
}

// ParseObject is Parse for what must be an object; nothing at all is an empty one.
func ParseObject(field string, text json.RawMessage) (Object, error) {
	if len(text) == 0 {
		return Object{}, nil
	}
	v, err := Parse(field, text)
	if err == nil && v.Object == nil {
		err = api.Errorf(api.Invalid, "%s must be a JSON object", field).WithReason(api.ReasonMalformed).WithFields(field)
	}
	return v.Object, err
}

// Levels returns how many objects and arrays there are within each other in a JSON text.
func Levels(text []byte) int {
	level, deepest := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			level++
			deepest = max(deepest, level)
		case ']', '}':
			level--
		}
	}
	return deepest
}

// Equal tells whether two values have the same names and, to the byte, the same leaves.
func Equal(a, b Value) bool {
	if (a.Object == nil) != (b.Object == nil) {
		return false
	}
	if a.Object == nil {
		return bytes.Equal(a.Leaf, b.Leaf)
	}
	return maps.EqualFunc(a.Object, b.Object, Equal)
}

// Merge puts one value over another: objects are merged name by name, anything else takes the place of what is under it.
func Merge(under, over Value) Value {
	switch {
	case over.IsZero():
		return under
	case over.Object == nil || under.Object == nil:
		return over
	}
	merged := maps.Clone(under.Object)
	for name, v := range over.Object {
		merged[name] = Merge(merged[name], v)
	}
	return Value{Object: merged}
}
