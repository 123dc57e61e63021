package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// source is what the comments of a Go package say.
type source struct {
	structs map[string]structComments
	consts  []constant
	types   map[string]string // comments of the other types
}

type structComments struct {
	doc    string
	fields map[string]string // by Go name
}

// constant is a constant with its comment.
type constant struct{ Name, Type, Value, Doc string }

func readSource(dir string) (*source, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	s := &source{structs: map[string]structComments{}, types: map[string]string{}}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read comments: %w", err)
		}
		for _, decl := range file.Decls {
			if gen, ok := decl.(*ast.GenDecl); ok {
				s.read(gen)
			}
		}
	}
	return s, nil
}

func (s *source) read(gen *ast.GenDecl) {
	for _, spec := range gen.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				s.types[spec.Name.Name] = text(gen.Doc)
				continue
			}
			c := structComments{doc: text(gen.Doc), fields: map[string]string{}}
			for _, f := range st.Fields.List {
				for _, name := range f.Names {
					if c.fields[name.Name] = text(f.Comment); f.Comment == nil {
						c.fields[name.Name] = text(f.Doc)
					}
				}
			}
			s.structs[spec.Name.Name] = c
		case *ast.ValueSpec:
			if gen.Tok == token.CONST && len(spec.Values) == 1 {
				s.consts = append(s.consts, constant{spec.Names[0].Name, typeName(spec.Type), value(spec.Values[0]), text(spec.Doc, spec.Comment)})
			}
		}
	}
}

// text returns comments as one line.
func text(groups ...*ast.CommentGroup) string {
	var words []string
	for _, g := range groups {
		words = append(words, strings.Fields(g.Text())...)
	}
	return strings.Join(words, " ")
}

func typeName(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// value returns what a literal, a product or a shift of literals stands for; "" for anything else.
func value(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
		return strings.ReplaceAll(e.Value, "_", "")
	case *ast.BinaryExpr:
		x, errX := strconv.Atoi(value(e.X))
		y, errY := strconv.Atoi(value(e.Y))
		switch {
		case errX != nil || errY != nil:
		case e.Op == token.MUL:
			return strconv.Itoa(x * y)
		case e.Op == token.SHL:
			return strconv.Itoa(x << y)
		}
	}
	return ""
}

// ofType returns the constants of a type, in the order of the source.
func (s *source) ofType(name string) []constant {
	return s.pick(func(c constant) bool { return c.Type == name })
}

// named returns the constants without a type whose names begin so.
func (s *source) named(prefix string) []constant {
	return s.pick(func(c constant) bool { return c.Type == "" && strings.HasPrefix(c.Name, prefix) })
}

func (s *source) pick(want func(constant) bool) []constant {
	var found []constant
	for _, c := range s.consts {
		if want(c) {
			found = append(found, c)
		}
	}
	return found
}
