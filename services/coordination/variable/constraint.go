package variable

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// types are those of constraints.
var types = []string{"number", "integer", "string", "boolean", "object", "array"}

// checkConstraints refuses constraints that no value can be held against, and returns them as they are stored. A value that is not
// of the kind that a constraint is about does not meet it.
func checkConstraints(c api.VariableConstraints) (api.VariableConstraints, error) {
	bad := func(field, format string, args ...any) (api.VariableConstraints, error) {
		return c, api.Errorf(api.Invalid, format, args...).WithFields("constraints." + field)
	}
	is := func(allowed ...string) bool { return c.Type == "" || slices.Contains(allowed, c.Type) }
	switch {
	case !is(types...):
		return bad("type", "constraints.type must be one of %v", types)
	case (c.Min != nil || c.Max != nil) && !is("number", "integer"):
		return bad("min", "constraints.min and max are about numbers, not about type %s", c.Type)
	case c.Min != nil && c.Max != nil && *c.Min > *c.Max:
		return bad("min", "constraints.min is above max: no value could meet both")
	case c.MaxLength < 0:
		return bad("max_length", "constraints.max_length must not be less than 0")
	case c.MaxLength > 0 && !is("string", "array"):
		return bad("max_length", "constraints.max_length is about strings and arrays, not about type %s", c.Type)
	case c.Pattern != "" && !is("string"):
		return bad("pattern", "constraints.pattern is about strings, not about type %s", c.Type)
	case c.Pattern != "" && (c.Min != nil || c.Max != nil):
		return bad("pattern", "constraints.pattern is about strings, min and max are about numbers: no value could meet both")
	case c.MaxLength > 0 && (c.Min != nil || c.Max != nil):
		return bad("max_length", "constraints.max_length is about strings and arrays, min and max are about numbers: no value could meet both")
	case len(c.Enum) > api.MaxVariableEnum:
		return bad("enum", "constraints.enum has %d values, at most %d are allowed", len(c.Enum), api.MaxVariableEnum)
	}
	if c.Pattern != "" {
		if _, err := compile(c.Pattern); err != nil {
			return bad("pattern", "constraints.pattern: %s", err)
		}
	}
	enum, size := make([]json.RawMessage, len(c.Enum)), 0
	for i, raw := range c.Enum {
		value, err := normal("constraints.enum", raw)
		if err != nil {
			return c, err
		}
		if len(value) == 0 {
			return bad("enum", "constraints.enum has an empty value")
		}
		if size += len(value); size > MaxConstraintBytes {
			return bad("enum", "constraints.enum has more than %d bytes", MaxConstraintBytes)
		}
		enum[i] = value
	}
	if c.Enum = nil; len(enum) > 0 {
		c.Enum = enum
	}
	return c, nil
}

// checkValue refuses a normal value that the constraints do not allow, as invalid (constraint_violated).
func checkValue(c *api.VariableConstraints, value json.RawMessage) error {
	bad := func(format string, args ...any) error {
		return api.Errorf(api.Invalid, "the value "+format, args...).WithReason(api.ReasonConstraint).WithFields("value")
	}
	if len(value) == 0 {
		return bad("is missing")
	}
	if len(value) > api.MaxVariableValue {
		return bad("has %d bytes, at most %d are allowed", len(value), api.MaxVariableValue)
	}
	kind := kindOf(value)
	if c.Type != "" && kind != c.Type && (c.Type != "integer" || kind != "number" || !readNumber(string(value)).integer()) {
		return bad("must be of type %s", c.Type)
	}
	if c.Min != nil && (kind != "number" || readNumber(string(value)).compare(decimal(*c.Min)) < 0) {
		return bad("must be a number of at least %s", c.Min)
	}
	if c.Max != nil && (kind != "number" || readNumber(string(value)).compare(decimal(*c.Max)) > 0) {
		return bad("must be a number of at most %s", c.Max)
	}
	if c.MaxLength > 0 {
		n, ok := length(kind, value)
		if !ok || n > c.MaxLength {
			return bad("must be a string of at most %d characters, or an array of at most %d elements", c.MaxLength, c.MaxLength)
		}
	}
	if c.Pattern != "" {
		if err := matches(c.Pattern, kind, value); err != nil {
			return bad("%s", err)
		}
	}
	if len(c.Enum) > 0 && !slices.ContainsFunc(c.Enum, func(e json.RawMessage) bool { return equal(e, value) }) {
		return bad("must be one of the %d that constraints.enum lists", len(c.Enum))
	}
	return nil
}

// kindOf returns which type a normal value is of; every number is a number, and null is null.
func kindOf(value json.RawMessage) string {
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// length counts the characters of a string or the elements of an array.
func length(kind string, value json.RawMessage) (int, bool) {
	switch kind {
	case "string":
		var s string
		err := codec.Read(value, &s)
		return utf8.RuneCountInString(s), err == nil
	case "array":
		var a []json.RawMessage
		err := codec.Read(value, &a)
		return len(a), err == nil
	}
	return 0, false
}
