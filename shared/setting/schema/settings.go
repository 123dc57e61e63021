package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

// Duration is the format of a string that is a Go duration.
const Duration = "go-duration"

// maxLevels bounds how deep a schema is looked into.
const maxLevels = api.MaxConfigDepth

// node is what is read of a schema.
type node struct {
	Type                 json.RawMessage   `json:"type"`
	Properties           map[string]node   `json:"properties"`
	AdditionalProperties json.RawMessage   `json:"additionalProperties"`
	Description          string            `json:"description"`
	Format               string            `json:"format"`
	Enum                 []json.RawMessage `json:"enum"`
	Minimum              json.RawMessage   `json:"minimum"`
	Maximum              json.RawMessage   `json:"maximum"`
	MinItems             json.RawMessage   `json:"minItems"`
	MaxItems             json.RawMessage   `json:"maxItems"`
	MinLength            json.RawMessage   `json:"minLength"`
	MaxLength            json.RawMessage   `json:"maxLength"`
	MinDuration          string            `json:"minimum_duration"`
	MaxDuration          string            `json:"maximum_duration"`
	Restart              bool              `json:"restart"`
	Protected            bool              `json:"protected"`
}

// UnmarshalJSON implements json.Unmarshaler: what does not have the form that is looked for here is as if it were not there, since a
// schema may be of any form.
func (n *node) UnmarshalJSON(text []byte) error {
	type plain node
	var p plain
	if err := codec.Read(text, &p); err != nil {
		return nil //nolint:nilerr // true and false are schemas too
	}
	*n = node(p)
	return nil
}

func (n *node) kind() string {
	if n.Format == Duration {
		return "duration"
	}
	var one string
	if codec.Read(n.Type, &one) != nil || one == "" {
		return "any"
	}
	if one == "object" {
		return "map"
	}
	return one
}

// Settings returns the paths that may be set, in order.
func (s *Schema) Settings(section string) []api.ConfigSetting {
	return s.root.settings(section, false, false, 1, nil)
}

func (n *node) settings(path string, restart, protected bool, level int, all []api.ConfigSetting) []api.ConfigSetting {
	restart, protected = restart || n.Restart, protected || n.Protected
	if len(n.Properties) > 0 && level < maxLevels {
		for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
			inner := n.Properties[name]
			all = inner.settings(path+"."+name, restart, protected, level+1, all)
		}
		return all
	}
	s := api.ConfigSetting{Path: path, Type: n.kind(), Doc: n.Description, OneOf: n.Enum, Restart: restart, Protected: protected}
	s.Least, s.Most = bound(n.MinDuration, n.Minimum, n.MinLength, n.MinItems), bound(n.MaxDuration, n.Maximum, n.MaxLength, n.MaxItems)
	return append(all, s)
}

func bound(duration string, numbers ...json.RawMessage) string {
	for _, n := range numbers {
		if duration == "" {
			duration = string(n)
		}
	}
	return duration
}

// Restart tells whether a path is taken up only when a process starts. Path begins with the section.
func (s *Schema) Restart(path string) bool {
	return s.marked(path, func(n *node) bool { return n.Restart })
}

// Protected tells whether a path is for operators alone.
func (s *Schema) Protected(path string) bool {
	return s.marked(path, func(n *node) bool { return n.Protected })
}

func (s *Schema) marked(path string, mark func(*node) bool) bool {
	n := s.root
	_, rest, more := strings.Cut(path, ".")
	for {
		if mark(&n) {
			return true
		}
		if !more {
			return false
		}
		var name string
		name, rest, more = strings.Cut(rest, ".")
		n = n.Properties[name]
	}
}

// durations finds values that are no durations, or out of their bounds.
func (n *node) durations(path string, v tree.Value, found []api.ConfigProblem) []api.ConfigProblem {
	for _, name := range slices.Sorted(maps.Keys(v.Object)) {
		if inner, ok := n.Properties[name]; ok && len(found) < maxProblems {
			found = inner.durations(path+"."+name, v.Object[name], found)
		}
	}
	if n.Format != Duration || v.Leaf == nil {
		return found
	}
	var text string
	have, err := time.Duration(0), codec.Read(v.Leaf, &text)
	if err == nil {
		have, err = time.ParseDuration(text)
	}
	if err != nil {
		return append(found, api.ConfigProblem{Path: path, Message: "must be a duration such as \"1.5s\""})
	}
	least, hasLeast := limit(n.MinDuration)
	most, hasMost := limit(n.MaxDuration)
	switch {
	case hasLeast && have < least:
		return append(found, api.ConfigProblem{Path: path, Message: fmt.Sprintf("must be at least %s", n.MinDuration)})
	case hasMost && have > most:
		return append(found, api.ConfigProblem{Path: path, Message: fmt.Sprintf("must be at most %s", n.MaxDuration)})
	}
	return found
}

func limit(text string) (time.Duration, bool) {
	d, err := time.ParseDuration(text)
	return d, err == nil
}
