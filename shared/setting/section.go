package setting

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/schema"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// Section describes a section. T is a struct of the wire's types; the tags jsonschema, jsonschema_description and jsonschema_extras say
// what the schema says of a field: minimum=1, or restart=true, protected=true, minimum_duration=1s and maximum_duration=1h.
type Section[T any] struct {
	// Name is the first name of the section's paths.
	Name string
	// Schema counts changes of T and its tags; 1 unless given. An older one never takes the place of a newer one.
	Schema uint64
	// Default is what holds when nobody says anything.
	Default T
	// Given is what the process has been told otherwise, by flags for example: values of Go by their paths within the section.
	Given map[string]any
	// Check refuses what the schema cannot, besides T's Validate; nil for nothing.
	Check func(*T) error
	// Changed is called after each change, one at a time, when Current has it. It must not wait, nor call the setting's Close.
	Changed func(old, next *T)
	// Lookup reads the environment; os.LookupEnv unless given.
	Lookup func(name string) (string, bool)
}

// base is what a section is without the document.
type base struct {
	name     string
	register api.ConfigRegisterRequest
	schema   *schema.Schema
	values   tree.Object
	origins  map[string]api.ConfigOrigin // of what is not the default
}

// prepare makes a section ready, and checks what the environment and the flags say.
func (s *Section[T]) prepare() (*base, error) {
	if s.Schema == 0 {
		s.Schema = 1
	}
	if s.Lookup == nil {
		s.Lookup = os.LookupEnv
	}
	b := &base{name: s.Name, origins: map[string]api.ConfigOrigin{}}
	text, compiled, err := schemaOf[T]()
	if err != nil {
		return nil, fmt.Errorf("schema of section %s: %w", s.Name, err)
	}
	b.schema = compiled
	defaults, err := codec.Marshal(&s.Default)
	if err != nil {
		return nil, fmt.Errorf("defaults of section %s: %w", s.Name, err)
	}
	b.register = api.ConfigRegisterRequest{Name: s.Name, Schema: s.Schema, JSONSchema: text, Defaults: defaults}
	if err := b.register.Validate(); err != nil {
		return nil, err
	}
	if b.values, err = tree.ParseObject(s.Name, defaults); err != nil {
		return nil, err
	}
	if err := b.environment(s.Lookup); err != nil {
		return nil, err
	}
	if err := b.give(s.Given); err != nil {
		return nil, err
	}
	if _, problems := s.take(b, b.values); len(problems) > 0 {
		return nil, api.Errorf(api.Invalid, "%s: %s (from the environment, a flag or the defaults)", problems[0].Path, problems[0].Message).
			WithReason(api.ReasonValueRefused).WithFields(problems[0].Path)
	}
	return b, nil
}

func (b *base) give(given map[string]any) error {
	for _, path := range slices.Sorted(maps.Keys(given)) {
		text, err := codec.Marshal(given[path])
		if err != nil {
			return fmt.Errorf("%s.%s: %w", b.name, path, err)
		}
		if err := b.put(path, text, api.OriginProcess); err != nil {
			return err
		}
	}
	return nil
}

func (b *base) put(path string, text []byte, origin api.ConfigOrigin) error {
	v, err := tree.Parse(b.name+"."+path, text)
	if err != nil {
		return err
	}
	if b.values, err = b.values.Set(path, v); err == nil {
		b.origins[path] = origin
	}
	return err
}

// EnvironmentName returns the name of the variable that stands for a path, which begins with the section.
func EnvironmentName(path string) string {
	return "MABUS_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

func (b *base) environment(lookup func(string) (string, bool)) error {
	for _, x := range b.schema.Settings(b.name) {
		text, ok := lookup(EnvironmentName(x.Path))
		if !ok || text == "" || x.Path == b.name {
			continue
		}
		value := []byte(text)
		if x.Type == "string" || x.Type == "duration" || !codec.Valid(value) {
			var err error
			if value, err = codec.Marshal(text); err != nil {
				return fmt.Errorf("%s: %w", EnvironmentName(x.Path), err)
			}
		}
		if err := b.put(x.Path[len(b.name)+1:], value, api.OriginEnvironment); err != nil {
			return fmt.Errorf("%s: %w", EnvironmentName(x.Path), err)
		}
	}
	return nil
}

// take makes a T of values, or says what is wrong with them.
func (s *Section[T]) take(b *base, values tree.Object) (*T, []api.ConfigProblem) {
	unknown, refused := b.schema.Check(s.Name, values)
	for _, path := range unknown {
		refused = append(refused, api.ConfigProblem{Path: path, Message: "the section has nothing of that name"})
	}
	if len(refused) > 0 {
		return nil, refused
	}
	v := new(T)
	err := codec.Decode(values.JSON(), v)
	if c, ok := any(v).(api.Validator); ok && err == nil {
		err = c.Validate()
	}
	if err == nil && s.Check != nil {
		err = s.Check(v)
	}
	if err == nil {
		return v, nil
	}
	problem := api.ConfigProblem{Path: s.Name, Message: err.Error()}
	if e := api.AsError(err); e != nil {
		problem.Message = e.Message
		if len(e.Details.Fields) > 0 {
			problem.Path += "." + strings.ReplaceAll(strings.TrimPrefix(e.Details.Fields[0], "/"), "/", ".")
		}
	}
	return nil, []api.ConfigProblem{problem}
}
