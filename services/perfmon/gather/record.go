package gather

import (
	"strconv"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// AddRecordBody takes the body of a request to record, all of it or nothing. A body of the usual form, with one sample of a series that was
// there a moment ago, is read in a fraction of a microsecond; any other goes the way of all requests, so that what is refused is
// refused in the same words.
func (g *Gatherer) AddRecordBody(body []byte) (samples int, err error) {
	if f, ok := scan(body); ok && api.CheckSample(f.value, f.count) == nil {
		g.key = f.appendKey(g.key[:0])
		if c := g.cells[string(g.key)]; c != nil {
			n := max(f.count, 1)
			g.record(c, f.value, n)
			return n, nil
		}
	}
	var r api.RecordRequest
	if err := codec.Decode(body, &r); err != nil {
		return 0, err
	}
	if err := r.Validate(); err != nil {
		return 0, err
	}
	return g.AddRecords(&r)
}

// flat is a JSON object with the fields of one record, each at most once.
type flat struct {
	metric, kind, id, typ, host []byte
	value                       float64
	count                       int
}

func (f *flat) appendKey(b []byte) []byte {
	kind := f.kind
	if len(kind) == 0 {
		kind = []byte(api.SourceCustom)
	}
	for _, part := range [...][]byte{kind, f.id, f.typ, f.host, f.metric} {
		b = append(b, part...)
		b = append(b, '/')
	}
	return b
}

// scan reads a body that is one flat object of plain strings and numbers. False is for everything else, whether it is right or wrong.
func scan(b []byte) (f flat, ok bool) {
	const (
		hasValue = 1 << iota
		hasCount
		hasMetric
		hasKind
		hasID
		hasType
		hasHost
	)
	seen := 0
	p := scanner{b: b}
	if !p.take('{') {
		return f, false
	}
	for {
		name, ok := p.text()
		if !ok || !p.take(':') {
			return f, false
		}
		field := 0
		var into *[]byte
		switch string(name) {
		case "value":
			field = hasValue
		case "count":
			field = hasCount
		case "metric":
			field, into = hasMetric, &f.metric
		case "kind":
			field, into = hasKind, &f.kind
		case "id":
			field, into = hasID, &f.id
		case "type":
			field, into = hasType, &f.typ
		case "host":
			field, into = hasHost, &f.host
		}
		if field == 0 || seen&field != 0 {
			return f, false
		}
		seen |= field
		switch field {
		case hasValue:
			f.value, ok = p.number()
		case hasCount:
			f.count, ok = p.whole()
		default:
			*into, ok = p.text()
		}
		switch {
		case !ok:
			return f, false
		case p.take(','):
		case p.take('}'):
			return f, p.end() && seen&hasValue != 0
		default:
			return f, false
		}
	}
}

// scanner goes through a body.
type scanner struct {
	b []byte
	i int
}

func (p *scanner) space() {
	for p.i < len(p.b) && (p.b[p.i] == ' ' || p.b[p.i] == '\n' || p.b[p.i] == '\t' || p.b[p.i] == '\r') {
		p.i++
	}
}

func (p *scanner) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *scanner) end() bool {
	p.space()
	return p.i == len(p.b)
}

// text reads a string without escapes, of ASCII without a slash, which would tell one key from another no more.
func (p *scanner) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	start := p.i
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return p.b[start : p.i-1], true
		case c < 0x20 || c >= 0x7f || c == '\\' || c == '/':
			return nil, false
		}
	}
	return nil, false
}

// number reads a number that JSON has as well: with a digit on each side of the point, and no leading zeros.
func (p *scanner) number() (float64, bool) {
	p.space()
	start := p.i
	digits := p.digits()
	if digits == 0 || digits > 1 && p.b[start] == '0' {
		return 0, false
	}
	if p.i < len(p.b) && p.b[p.i] == '.' {
		p.i++
		if p.digits() == 0 {
			return 0, false
		}
	}
	if p.i < len(p.b) && (p.b[p.i] == 'e' || p.b[p.i] == 'E') {
		p.i++
		if p.i < len(p.b) && (p.b[p.i] == '+' || p.b[p.i] == '-') {
			p.i++
		}
		if p.digits() == 0 {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
	return v, err == nil
}

func (p *scanner) digits() int {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i - start
}

// whole reads a whole number of few digits.
func (p *scanner) whole() (int, bool) {
	p.space()
	start := p.i
	if n := p.digits(); n == 0 || n > 9 || n > 1 && p.b[start] == '0' {
		return 0, false
	}
	v, err := strconv.Atoi(string(p.b[start:p.i]))
	return v, err == nil
}
