// Package schema checks what is set in a section of the configuration against the JSON Schema that its service has registered, and tells
// what may be set there. A schema refers to nothing outside of itself.
//
// Beyond JSON Schema (draft 2020-12) it knows, where a schema describes properties by name: "format": "go-duration" with "minimum_duration"
// and "maximum_duration", "restart": true for what is taken up when a process starts, and "protected": true for what is for operators
// alone. The last two hold for all that is below as well.
package schema

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// maxProblems bounds what is told of one value that does not fit.
const maxProblems = 20

// Schema is the schema of a section. It is safe for concurrent use.
type Schema struct {
	compiled *jsonschema.Schema
	root     node
}

// Compile reads a schema. It is invalid (invalid_schema) when the text is no schema, or one that refers to others.
func Compile(text []byte) (*Schema, error) {
	s := &Schema{}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		s.compiled, err = compile(doc)
	}
	if err == nil {
		err = codec.Read(text, &s.root)
	}
	if err != nil {
		return nil, api.Errorf(api.Invalid, "json_schema is no JSON Schema: %s", first(err)).WithReason(api.ReasonSchemaInvalid).WithFields("json_schema")
	}
	return s, nil
}

func compile(doc any) (*jsonschema.Schema, error) {
	const url = "mabus:section"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nothing{})
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// nothing loads no other schemas: a service of ours reads no files or pages because somebody's schema names them.
type nothing struct{}

func (nothing) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %.200s, and may refer to nothing outside of itself", url)
}

func first(err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	if len(line) > 500 {
		line = line[:500]
	}
	return strings.ToValidUTF8(line, "?")
}

// Check returns what in a value does not fit: names that the schema does not know, and values that it does not allow. Paths begin with
// the section. At most 20 are told.
func (s *Schema) Check(section string, value tree.Object) (unknown []string, refused []api.ConfigProblem) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(value.JSON()))
	if err == nil {
		err = s.compiled.Validate(doc)
	}
	var invalid *jsonschema.ValidationError
	switch {
	case errors.As(err, &invalid):
		unknown, refused = explain(section, invalid)
	case err != nil:
		refused = []api.ConfigProblem{{Path: section, Message: first(err)}}
	}
	if len(unknown)+len(refused) == 0 {
		refused = s.root.durations(section, tree.Value{Object: value}, nil)
	}
	return unknown, refused
}

func explain(section string, e *jsonschema.ValidationError) (unknown []string, refused []api.ConfigProblem) {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			u, r := explain(section, c)
			unknown, refused = append(unknown, u...), append(refused, r...)
		}
		return unknown[:min(len(unknown), maxProblems)], refused[:min(len(refused), maxProblems)]
	}
	path := strings.Join(append([]string{section}, e.InstanceLocation...), ".")
	if extra, ok := e.ErrorKind.(*kind.AdditionalProperties); ok {
		for _, name := range extra.Properties {
			unknown = append(unknown, path+"."+name)
		}
		return unknown, nil
	}
	message := e.Error()
	if out := e.BasicOutput(); out != nil && out.Error != nil {
		message = out.Error.String()
	}
	return nil, []api.ConfigProblem{{Path: path, Message: first(errors.New(message))}}
}
