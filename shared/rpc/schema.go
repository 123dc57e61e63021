package rpc

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Schema returns the JSON Schema (draft 2020-12) of a body. Extend, when given, may add to the reflector, for example the
// source comments as descriptions.
func Schema(t reflect.Type, extend ...func(*jsonschema.Reflector)) ([]byte, error) {
	r := &jsonschema.Reflector{
		Anonymous: true, ExpandedStruct: true, DoNotReference: true, Mapper: mapType,
	}
	for _, f := range extend {
		f(r)
	}
	return codec.Marshal(r.ReflectFromType(t))
}

// mapType describes the types whose JSON form is not that of their Go kind.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[api.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^-?([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$|^0$`}
	case reflect.TypeFor[api.Micro]():
		return &jsonschema.Schema{Type: "string", Pattern: `^-?[0-9]+$`}
	case reflect.TypeFor[api.Decimal]():
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
