package main

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// structDoc is the table of one body.
type structDoc struct {
	Name, Doc string // the doc goes on after the name
	Embeds    string // a link to the body whose fields come first
	Fields    []fieldDoc
}

type fieldDoc struct{ Name, Type, Required, Doc string }

type wordsDoc struct {
	Name, Doc string
	Values    []constant
}

// bodies collects the structs and sets of words that the methods reach.
type bodies struct {
	src   *source
	order []reflect.Type
	uses  map[reflect.Type]int
}

func newBodies(src *source) *bodies { return &bodies{src: src, uses: map[reflect.Type]int{}} }

// use counts a place where a type is used, and at its first use those inside it.
func (b *bodies) use(t reflect.Type) {
	switch kind := t.Kind(); {
	case isScalar(t) && !b.isWords(t):
		return
	case kind == reflect.Pointer || kind == reflect.Slice:
		b.use(t.Elem())
		return
	case kind == reflect.Map:
		b.use(t.Key())
		b.use(t.Elem())
		return
	}
	b.uses[t]++
	if b.uses[t] == 1 {
		b.order = append(b.order, t)
	}
	if t.Kind() == reflect.Struct && b.uses[t] <= 2 { // what is inside a shared body is shared

		for i := range t.NumField() {
			b.use(t.Field(i).Type)
		}
	}
}

// isScalar tells whether a type's JSON form is a name in the type column, not a table.
func isScalar(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]():
		return true
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Map:
		return false
	}
	return true
}

func (b *bodies) isWords(t reflect.Type) bool {
	return t.Kind() == reflect.String && t.PkgPath() != "" && t != reflect.TypeFor[api.Code]()
}

// shared returns the structs that have a section of their own.
func (b *bodies) shared() []*structDoc {
	var docs []*structDoc
	for _, t := range b.order {
		if t.Kind() == reflect.Struct && b.uses[t] > 1 && t.NumField() > 0 {
			docs = append(docs, b.describe(t))
		}
	}
	return docs
}

// own returns those of the given structs, and of the structs inside them, that nobody else uses.
func (b *bodies) own(types ...reflect.Type) []*structDoc {
	var docs []*structDoc
	for _, t := range types {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && !isScalar(t) {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || isScalar(t) || b.uses[t] > 1 {
			continue
		}
		docs = append(docs, b.describe(t))
		for i := range t.NumField() {
			docs = append(docs, b.own(t.Field(i).Type)...)
		}
	}
	return docs
}

// words returns the sets of words that fields are taken from.
func (b *bodies) words() []wordsDoc {
	var docs []wordsDoc
	for _, t := range b.order {
		if b.isWords(t) {
			docs = append(docs, wordsDoc{t.Name(), b.src.types[t.Name()], b.src.ofType(t.Name())})
		}
	}
	return docs
}

func (b *bodies) describe(t reflect.Type) *structDoc {
	comments := b.src.structs[t.Name()]
	names := map[string]string{} // Go name to JSON name
	for i := range t.NumField() {
		names[t.Field(i).Name], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	d := &structDoc{Name: t.Name(), Doc: inJSON(strings.TrimPrefix(comments.doc, t.Name()), names)}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			d.Embeds = b.link(f.Type)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		required := "yes"
		if strings.Contains(options, "omit") {
			required = "no"
		}
		d.Fields = append(d.Fields, fieldDoc{name, b.link(f.Type), required, inJSON(comments.fields[f.Name], names)})
	}
	return d
}

var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)

// inJSON puts the JSON names of a struct's fields in place of the Go names.
func inJSON(comment string, names map[string]string) string {
	return goName.ReplaceAllStringFunc(comment, func(word string) string {
		if name := names[word]; name != "" {
			return "`" + name + "`"
		}
		return word
	})
}

// link returns a type as its JSON form, with a link to its table if it has one.
func (b *bodies) link(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[api.Duration]():
		return "duration"
	case reflect.TypeFor[api.Micro]():
		return "money"
	case reflect.TypeFor[json.RawMessage]():
		return "any JSON"
	case reflect.TypeFor[[]byte]():
		return "base64"
	case reflect.TypeFor[api.Empty]():
		return "`{}`"
	case reflect.TypeFor[api.Code]():
		return "[Code](#errors)"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return b.link(t.Elem())
	case reflect.Slice:
		return "array of " + b.link(t.Elem())
	case reflect.Map:
		return "object of " + b.link(t.Elem()) + " by " + b.link(t.Key())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Struct:
		if b.uses[t] == 1 {
			return t.Name()
		}
	}
	if t.Kind() == reflect.Struct || b.isWords(t) {
		return "[" + t.Name() + "](" + anchor(t.Name()) + ")"
	}
	return "string"
}
