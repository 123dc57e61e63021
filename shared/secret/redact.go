package secret

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/mabus-project/mabus/shared/codec"
)

const (
	// minHidden is the shortest value, or line of one, that is taken out, in bytes: shorter ones stand in much that is no secret.
	minHidden = 6
	// minBroken is how much of a value counts as its beginning where a text was cut off, in bytes.
	minBroken = 4
	// maxForms bounds the texts that one Redactor looks for; those beyond are not taken out.
	maxForms = 512
)

// Redactor takes known values out of texts: as they are, each of their lines, and as JSON and URLs write them. A nil Redactor knows
// none. It is a net below others and no promise: a value that was encoded, cut or turned otherwise is not found.
type Redactor struct {
	forms   []string // longest first
	longest int
}

// NewRedactor returns a redactor of the values, which it copies; nil if there is nothing to look for.
func NewRedactor(values ...*Value) *Redactor {
	r := &Redactor{}
	seen := map[string]bool{}
	add := func(form string) {
		if len(form) >= minHidden && !seen[form] && len(r.forms) < maxForms {
			seen[form] = true
			r.forms = append(r.forms, form)
		}
	}
	values = slices.DeleteFunc(slices.Clone(values), func(v *Value) bool { return len(bytes.TrimSpace(v.raw)) < minHidden })
	for _, v := range values { // all as they are first, so that the bound cuts off what is less likely
		add(string(v.raw))
		add(strings.TrimSpace(string(v.raw)))
	}
	for _, v := range values {
		text := strings.TrimSpace(string(v.raw))
		for _, form := range append(written(text), written(string(v.raw))...) {
			add(form)
		}
		if strings.ContainsAny(text, "\r\n") {
			for line := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == '\r' || c == '\n' }) {
				add(strings.TrimSpace(line))
			}
		}
	}
	if len(r.forms) == 0 {
		return nil
	}
	slices.SortStableFunc(r.forms, func(a, b string) int { return len(b) - len(a) })
	r.longest = len(r.forms[0])
	return r
}

// written returns how a text stands in JSON, of different writers, and in URLs.
func written(text string) []string {
	var all []string
	if raw, err := codec.Marshal(strings.ToValidUTF8(text, "\uFFFD")); err == nil {
		plain := string(raw[1 : len(raw)-1])
		all = append(all, plain, strings.ReplaceAll(plain, "/", `\/`), ascii(plain), forHTML.Replace(plain))
	}
	return append(all, url.QueryEscape(text), url.PathEscape(text))
}

// forHTML writes what encoding/json of Go escapes in any string.
var forHTML = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`)

// ascii writes what is not ASCII as \u escapes, as many writers of JSON do.
func ascii(s string) string {
	var b strings.Builder
	for _, c := range s {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			const digits = "0123456789abcdef"
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(digits[unit>>shift&0xf])
			}
		}
	}
	return b.String()
}

// Text returns s without the values.
func (r *Redactor) Text(s string) string {
	if r == nil {
		return s
	}
	for _, form := range r.forms {
		if strings.Contains(s, form) {
			s = strings.ReplaceAll(s, form, Hidden)
		}
	}
	return s
}

// Cut is Text for a text whose end was cut off: the beginning of a value that may have stood there goes too.
func (r *Redactor) Cut(s string) string {
	if r == nil {
		return s
	}
	s = r.Text(s)
	if n := r.broken(s); n >= minBroken {
		return s[:len(s)-n] + Hidden
	}
	return s
}

// Bytes returns raw without the values; raw itself, which is not changed, if there is none in it.
func (r *Redactor) Bytes(raw []byte) []byte {
	if r == nil {
		return raw
	}
	for _, form := range r.forms {
		if bytes.Contains(raw, []byte(form)) {
			raw = bytes.ReplaceAll(raw, []byte(form), []byte(Hidden))
		}
	}
	return raw
}

// JSON is Bytes for a JSON value, which stays one: where a value stood as a number, nothing else of it is left.
func (r *Redactor) JSON(raw []byte) []byte {
	clean := r.Bytes(raw)
	if len(clean) != len(raw) && !codec.Valid(clean) {
		return []byte(`"` + Hidden + `"`)
	}
	return clean
}

// broken returns the length of the longest end of s that a value may go on from.
func (r *Redactor) broken(s string) int {
	for n := min(len(s), r.longest-1); n > 0; n-- {
		end := s[len(s)-n:]
		for _, form := range r.forms {
			if len(form) > n && form[:n] == end {
				return n
			}
		}
	}
	return 0
}

// Stream takes values out of a text that comes in pieces. What may be the beginning of a value is held back until more is known.
type Stream struct {
	r    *Redactor
	held string
}

// Stream returns a stream of the redactor's values.
func (r *Redactor) Stream() *Stream { return &Stream{r: r} }

// Next returns what can be passed on after a further piece; it may be nothing.
func (s *Stream) Next(piece string) string {
	if s.r == nil {
		return piece
	}
	text := s.r.Text(s.held + piece)
	n := s.r.broken(text)
	s.held = text[len(text)-n:]
	return text[:len(text)-n]
}

// Rest returns what was held back, at the end of the text.
func (s *Stream) Rest() string {
	rest := s.held
	s.held = ""
	return rest
}
