// Package codec is the one way in which Mabus reads and writes JSON: strictly for what comes from outside, leniently for
// what a newer version of Mabus may have stored.
package codec

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/mabus-project/mabus/shared/api"
)

var (
	strict  = json.JoinOptions(json.RejectUnknownMembers(true))
	lenient = json.JoinOptions(json.RejectUnknownMembers(false))
	// omitempty means what encoding/json means by it: a payload {} or an emptied list of tags is something, a zero is not.
	stable = json.JoinOptions(json.Deterministic(true), jsonv1.OmitEmptyWithLegacySemantics(true))
)

// maxQuote bounds what an error repeats of the body that it refuses, in bytes.
const maxQuote = 200

// Marshal writes v. The same value gives the same bytes.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, stable) }

// Decode reads a body that came from outside: unknown and repeated fields, wrong types, invalid UTF-8 and anything after
// the value are refused with an invalid *api.Error that names the place. An empty body reads as an empty object.
func Decode(data []byte, v any) error {
	if len(data) == 0 {
		data = []byte("{}")
	}
	if jsontext.Value(data).Kind() == 'n' { // null would pass for an empty object
		return api.Errorf(api.Invalid, "the body is not what this method takes: it must be a JSON object").WithReason(api.ReasonMalformed)
	}
	err := json.Unmarshal(data, v, strict)
	if err == nil {
		return nil
	}
	reason := api.ReasonMalformed
	if errors.Is(err, json.ErrUnknownName) {
		reason = api.ReasonUnknownField
	}
	e := api.Errorf(api.Invalid, "the body is not what this method takes: %s", short(explain(err))).WithReason(reason)
	if p := pointer(err); p != "" {
		e = e.WithFields(short(p))
	}
	return e
}

// Read reads what Mabus itself wrote, now or in another version: unknown fields are ignored.
func Read(data []byte, v any) error {
	if err := json.Unmarshal(data, v, lenient); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	return nil
}

// Valid tells whether data is one JSON value.
func Valid(data []byte) bool { return jsontext.Value(data).IsValid() }

func short(s string) string {
	if len(s) > maxQuote {
		s = s[:maxQuote] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func pointer(err error) string {
	var sem *json.SemanticError
	if errors.As(err, &sem) {
		return string(sem.JSONPointer)
	}
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		return string(syn.JSONPointer)
	}
	return ""
}

// explain says what is wrong in the user's words, without Go type names.
func explain(err error) string {
	var syn *jsontext.SyntacticError
	if errors.As(err, &syn) {
		return fmt.Sprintf("%v at byte %d", syn.Err, syn.ByteOffset)
	}
	var sem *json.SemanticError
	if errors.As(err, &sem) {
		where := string(sem.JSONPointer)
		if where == "" {
			where = "the top level"
		}
		if sem.Err != nil {
			return fmt.Sprintf("%s: %v", where, sem.Err)
		}
		return fmt.Sprintf("%s: a JSON %s does not fit here", where, kind(sem.JSONKind))
	}
	return err.Error()
}

func kind(k jsontext.Kind) string {
	switch k {
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return k.String()
}

// Reader reads one JSON value after the other, as Read does.
type Reader struct{ dec *jsontext.Decoder }

// NewReader returns a reader of the values in r.
func NewReader(r io.Reader) *Reader { return &Reader{jsontext.NewDecoder(r)} }

// Next reads the next value into v. It returns io.EOF after the last one.
func (r *Reader) Next(v any) error { return json.UnmarshalDecode(r.dec, v, lenient) }
