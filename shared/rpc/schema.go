package rpc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"

	"github.com/invopop/jsonschema"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// known holds the schemas that were asked for, by the type of the body: there are as many as the program has such types.
var known sync.Map

// Schema returns the JSON Schema (draft 2020-12) of a body. It is shared: do not change it.
func Schema(t reflect.Type) ([]byte, error) {
	if text, ok := known.Load(t); ok {
		return text.([]byte), nil
	}
	text, err := appendSchema(nil, describe(t))
	if err != nil {
		return nil, err
	}
	known.Store(t, text)
	return text, nil
}

func describe(t reflect.Type) *jsonschema.Schema {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, DoNotReference: true, Mapper: mapType}
	return r.ReflectFromType(t)
}

// appendSchema writes a schema with the words that bodies need. The library's own way goes over everything nested again at each
// level, which was a fifth of what the start of a process took.
func appendSchema(b []byte, s *jsonschema.Schema) ([]byte, error) {
	if s == jsonschema.FalseSchema {
		return append(b, "false"...), nil
	}
	begin := len(b)
	var err error
	word := func(name string, isSet bool, write func([]byte) ([]byte, error)) {
		if err == nil && isSet {
			b = append(append(append(b, ','), '"'), name...)
			b, err = write(append(b, '"', ':'))
		}
	}
	word("$schema", s.Version != "", value(s.Version))
	word("items", s.Items != nil, func(b []byte) ([]byte, error) { return appendSchema(b, s.Items) })
	word("properties", s.Properties != nil, func(b []byte) ([]byte, error) { return appendProperties(b, s) })
	word("additionalProperties", s.AdditionalProperties != nil, func(b []byte) ([]byte, error) { return appendSchema(b, s.AdditionalProperties) })
	word("type", s.Type != "", value(s.Type))
	word("pattern", s.Pattern != "", value(s.Pattern))
	word("required", len(s.Required) > 0, value(s.Required))
	word("format", s.Format != "", value(s.Format))
	word("contentEncoding", s.ContentEncoding != "", value(s.ContentEncoding))
	if len(b) == begin { // any value
		return append(b, "true"...), err
	}
	b[begin] = '{'
	return append(b, '}'), err
}

func appendProperties(b []byte, s *jsonschema.Schema) ([]byte, error) {
	begin := len(b)
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		name, err := codec.Marshal(p.Key)
		if err != nil {
			return nil, err
		}
		if b, err = appendSchema(append(append(append(b, ','), name...), ':'), p.Value); err != nil {
			return nil, err
		}
	}
	if len(b) == begin {
		return append(b, "{}"...), nil
	}
	b[begin] = '{'
	return append(b, '}'), nil
}

func value(v any) func([]byte) ([]byte, error) {
	return func(b []byte) ([]byte, error) {
		text, err := codec.Marshal(v)
		return append(b, text...), err
	}
}

// mapType describes the types whose JSON form is not that of their Go kind.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[api.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`}
	case reflect.TypeFor[api.Micro]():
		return &jsonschema.Schema{Type: "string", Pattern: `^-?[0-9]+$`}
	case reflect.TypeFor[api.Decimal](), reflect.TypeFor[api.Measure]():
		return &jsonschema.Schema{Type: "number"}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{} // any JSON value
	}
	return nil
}

// schemas returns the endpoint metadata of a method: the JSON Schemas of its bodies.
func schemas(d api.Descriptor) (map[string]string, error) {
	req, err := Schema(d.Request)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", d.Request, err)
	}
	resp, err := Schema(d.Response)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", d.Response, err)
	}
	return map[string]string{"request_schema": string(req), "response_schema": string(resp), "description": d.Doc}, nil
}
