package natstest

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// nonsense are bodies that mean nothing to any method.
var nonsense = []string{
	"", "[]", "null", `""`, "{", "{}{}", "\x00\xff\xfe", `{"id":"\ud800"}`, `{"id":"a","id":"a"}`, strings.Repeat("[", 20_000), `{"a":` + strings.Repeat(`[{"a":`, 5_000),
	`{"id":"` + strings.Repeat("x", 64<<10) + `"}`,
}

// wrong are values that hardly any field takes, or that name nothing.
var wrong = []string{
	`null`, `true`, `-1`, `0.5`, `1e308`, `1e400`, `9223372036854775807`, `9223372036854775808`, `18446744073709551615`, `"-1"`, `"NaN"`, `"Infinity"`, `"99999999999999999999"`, `""`, `"a b"`,
	`"a.b"`, `"x.*"`, `">"`, `"none"`, `"../../etc/passwd"`, `"-5s"`, `"9999999h"`, `"2562047h"`, `"0001-01-01T00:00:00Z"`, `"1677-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"AAAA"`,
	`"abc.zzzzzzzzzzzzz"`, `"."`, `[]`, `{}`, `[null]`, `[{}]`, `["a.b",">"]`, strings.Repeat("[", 300) + strings.Repeat("]", 300),
	`"` + strings.Repeat("y", 64<<10) + `"`, "[" + strings.Repeat(`"a",`, 9_999) + `"a"]`, "[" + strings.Repeat(`{},`, 9_999) + `{}]`,
}

// Junk returns bodies that a method with such requests should answer with an error, or with nothing found: nonsense, and bodies that are as
// they should be but for one field each. Without a type it returns the nonsense alone.
func Junk(request reflect.Type) []string {
	good := map[string]string{}
	var names []string
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous && f.Tag.Get("json") == "" {
				add(f.Type)
				continue
			}
			name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			names = append(names, name)
			if !strings.HasPrefix(rest, "omit") {
				good[name] = plain(f.Type)
			}
		}
	}
	bodies := append([]string(nil), nonsense...)
	if request == nil {
		return bodies
	}
	add(request)
	for i, field := range append(names, "unknown") {
		for j, value := range wrong {
			if (i+j)%3 != 0 { // other values of other fields
				continue
			}
			parts := []string{strconv.Quote(field) + ":" + value}
			for name, v := range good {
				if name != field {
					parts = append(parts, strconv.Quote(name)+":"+v)
				}
			}
			bodies = append(bodies, "{"+strings.Join(parts, ",")+"}")
		}
	}
	return bodies
}

// plain is a value that a field of a type is likely to take.
func plain(t reflect.Type) string {
	switch reflect.Zero(t).Interface().(type) {
	case api.Micro, *api.Micro:
		return `"1000000"`
	case api.Duration:
		return `"1s"`
	case api.Decimal:
		return `0.5`
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return `1`
	case reflect.String:
		return `"ann"`
	case reflect.Slice:
		return `[]`
	}
	raw, err := codec.Marshal(reflect.Zero(t).Interface())
	if err != nil {
		return `null`
	}
	return string(raw)
}
