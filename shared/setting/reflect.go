package setting

import (
	"encoding/json"
	"reflect"
	"sync"

	"github.com/invopop/jsonschema"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/schema"
)

// known holds the schemas that were made, by the type of the section: there are as many as the program has sections.
var known sync.Map

type made struct {
	text     []byte
	compiled *schema.Schema
}

// SchemaOf returns the JSON Schema of a section's values. It is shared: do not change it.
func SchemaOf[T any]() ([]byte, error) {
	text, _, err := schemaOf[T]()
	return text, err
}

func schemaOf[T any]() ([]byte, *schema.Schema, error) {
	t := reflect.TypeFor[T]()
	if m, ok := known.Load(t); ok {
		return m.(made).text, m.(made).compiled, nil
	}
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, DoNotReference: true, Mapper: mapType}
	text, err := codec.Marshal(r.ReflectFromType(t))
	if err != nil {
		return nil, nil, err
	}
	compiled, err := schema.Compile(text)
	if err != nil {
		return nil, nil, err
	}
	known.Store(t, made{text, compiled})
	return text, compiled, nil
}

// mapType describes the types whose JSON form is not that of their Go kind.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[api.Duration]():
		return &jsonschema.Schema{Type: "string", Format: schema.Duration}
	case reflect.TypeFor[api.Micro]():
		return &jsonschema.Schema{Type: "string", Pattern: `^-?[0-9]+$`}
	case reflect.TypeFor[api.Decimal](), reflect.TypeFor[api.Measure]():
		return &jsonschema.Schema{Type: "number"}
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{} // any JSON value
	}
	return nil
}
