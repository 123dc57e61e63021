package job

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// Parse is ParseIn where no variable is set.
func Parse(data []byte) (*Job, error) {
	return ParseIn(data, func(string) (string, bool) { return "", false })
}

// ParseIn reads a job file, checks it and fills in the defaults. Its errors are invalid *api.Errors whose message begins with
// the line and the field, for example "line 7, agents[0].replicas: ...".
//
// In http.url and http.model, and nowhere else, ${NAME} stands for a variable of env and ${NAME:-fallback} for one that may
// be unset or empty; another that is unset or empty is an error. The values are in the agents' specifications, which everybody
// sees who may read the registry, so they must be no secrets: a key stays where the agent hosts run, and is named
// by http.key_env, http.key or secrets.
func ParseIn(data []byte, env Env) (*Job, error) {
	if len(data) > MaxFileBytes {
		return nil, api.Errorf(api.Invalid, "a job file has at most %d bytes, this one has %d", MaxFileBytes, len(data))
	}
	if unclosed(data) > maxUnclosed {
		return nil, api.Errorf(api.Invalid, "the file has more than %d brackets open at one time", maxUnclosed)
	}
	root, err := tree(data)
	if err != nil {
		return nil, err
	}
	// The detour over JSON gives YAML the types of JSON, so that 1 is no string and the schema means what Parse does.
	var value any
	if err := decode(root, &value); err != nil {
		return nil, syntaxError(err)
	}
	body, err := codec.Marshal(value)
	if err != nil {
		return nil, api.Errorf(api.Invalid, "the file holds a number that JSON does not have, such as .inf, or is not UTF-8")
	}
	if err := checkNull(value, "", root); err != nil {
		return nil, err
	}
	var j Job
	if err := codec.Decode(body, &j); err != nil {
		return nil, located(root, decodeProblem(err))
	}
	if p := j.expand(env); p != nil {
		return nil, located(root, p)
	}
	if p := j.check(value); p != nil {
		return nil, located(root, p)
	}
	j.fillDefaults()
	return &j, nil
}

// maxUnclosed bounds the nesting that the YAML parser, which takes quadratic time of it, is given to read.
const maxUnclosed = 1000

// unclosed is how many brackets are open at one time, wherever they stand.
func unclosed(data []byte) int {
	open, most := 0, 0
	for _, c := range data {
		switch c {
		case '[', '{':
			open++
			most = max(most, open)
		case ']', '}':
			open = max(0, open-1)
		}
	}
	return most
}

// Validate checks a job that was made or changed in Go. Parse has done it already.
func (j *Job) Validate() error {
	if p := j.check(nil); p != nil {
		return api.Errorf(api.Invalid, "%s: %s", readable(p.pointer), p.message).WithFields(readable(p.pointer))
	}
	return nil
}

// problem is what is wrong with the value at a JSON pointer.
type problem struct{ pointer, message string }

func decodeProblem(err error) *problem {
	p := &problem{message: err.Error()}
	if e := api.AsError(err); e != nil {
		if len(e.Details.Fields) > 0 {
			p.pointer = e.Details.Fields[0]
		}
		if e.Details.Reason == api.ReasonUnknownField {
			p.message = "there is no such field in a job file"
			return p
		}
		_, why, _ := strings.Cut(e.Message, ": ")
		p.message = strings.TrimPrefix(why, p.pointer+": ")
		if kind, ok := strings.CutPrefix(p.message, "JSON value must be "); ok {
			p.message = "must be of the type " + strings.TrimSuffix(kind, " type")
		}
	}
	return p
}

func located(root ast.Node, p *problem) error {
	name := readable(p.pointer)
	return api.Errorf(api.Invalid, "line %d, %s: %s", lineOf(root, p.pointer), name, p.message).WithFields(name)
}

// readable writes /agents/0/name as agents[0].name.
func readable(pointer string) string {
	var b strings.Builder
	for _, part := range split(pointer) {
		if _, err := strconv.Atoi(part); err == nil {
			b.WriteString("[" + part + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	if b.Len() == 0 {
		return "the file"
	}
	return b.String()
}

func split(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}

// tree parses the one document of the file, and refuses what YAML has beyond JSON.
func tree(data []byte) (node ast.Node, err error) {
	defer recovered(&err)
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	var docs []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			docs = append(docs, d.Body)
		}
	}
	if len(docs) != 1 {
		return nil, api.Errorf(api.Invalid, "a job file is one YAML document, this one has %d; begin with \"version: 1\"", len(docs))
	}
	var found ast.Node
	ast.Walk(visitor(func(n ast.Node) {
		switch n.Type() {
		case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType, ast.DirectiveType:
			if found == nil {
				found = n
			}
		}
	}), docs[0])
	if found != nil {
		return nil, api.Errorf(api.Invalid, "line %d: anchors, aliases, merge keys and tags have no place in a job file", found.GetToken().Position.Line)
	}
	return docs[0], nil
}

func decode(root ast.Node, v *any) (err error) {
	defer recovered(&err)
	return yaml.NodeToValue(root, v)
}

// recovered turns a panic of the YAML library, which takes text from outside, into an error.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = api.Errorf(api.Invalid, "the file cannot be read as YAML: %v", r)
	}
}

type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

func syntaxError(err error) error {
	if e := api.AsError(err); e != nil {
		return e
	}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		return api.Errorf(api.Invalid, "line %d: %s", y.GetToken().Position.Line, y.GetMessage())
	}
	return api.Errorf(api.Invalid, "the file cannot be read as YAML: %v", err)
}

// checkNull refuses fields that are there and empty, everywhere but in an agent's own config.
func checkNull(v any, pointer string, root ast.Node) error {
	switch v := v.(type) {
	case nil:
		return located(root, &problem{pointer, "has no value; give it one, or leave it out"})
	case map[string]any:
		for key, item := range v {
			parts := split(pointer)
			if key == "config" && len(parts) == 2 && parts[0] == "agents" && item != nil {
				continue
			}
			if err := checkNull(item, pointer+"/"+escape(key), root); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range v {
			if err := checkNull(item, fmt.Sprintf("%s/%d", pointer, i), root); err != nil {
				return err
			}
		}
	}
	return nil
}

func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// lineOf finds the line of the value at the pointer, or of the nearest thing around it.
func lineOf(node ast.Node, pointer string) int {
	line := node.GetToken().Position.Line
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		line = m.Values[0].Key.GetToken().Position.Line
	}
	for _, part := range split(pointer) {
		var next ast.Node
		switch n := node.(type) {
		case *ast.MappingNode:
			for _, item := range n.Values {
				if keyOf(item) == part {
					line, next = item.Key.GetToken().Position.Line, item.Value
				}
			}
		case *ast.MappingValueNode:
			if keyOf(n) == part {
				line, next = n.Key.GetToken().Position.Line, n.Value
			}
		case *ast.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i < len(n.Values) {
				next = n.Values[i]
				line = next.GetToken().Position.Line
				if m, ok := next.(*ast.MappingNode); ok && len(m.Values) > 0 {
					line = m.Values[0].Key.GetToken().Position.Line
				}
			}
		}
		if next == nil {
			break
		}
		node = next
	}
	return line
}

func keyOf(item *ast.MappingValueNode) string {
	if s, ok := item.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return item.Key.GetToken().Value
}
