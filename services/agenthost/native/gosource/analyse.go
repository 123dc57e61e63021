package gosource

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxDetail is how many functions of a file are told one by one. A report of the N most complex functions of a whole tree
// is exact as long as N is not above it.
const maxDetail = 10

// File is what go-analyser finds in one file.
type File struct {
	Path string `json:"path"`
	// Package is the name in the package clause; empty when there is none.
	Package string `json:"package,omitempty"`
	// Imports are the import paths, sorted, each once.
	Imports []string `json:"imports,omitempty"`
	// Functions and Methods count declarations, also those without a body; Types counts types declared outside functions.
	Functions int `json:"functions"`
	Methods   int `json:"methods"`
	Types     int `json:"types"`
	// Lines counts every line, CodeLines those with code on them, CommentLines those with a comment and no code.
	Lines        int        `json:"lines"`
	CodeLines    int        `json:"code_lines"`
	CommentLines int        `json:"comment_lines"`
	Complexity   Complexity `json:"complexity"`
	// Test is true for files that end in _test.go.
	Test bool `json:"test,omitempty"`
	// BuildIgnored is true for files that the go command never builds into the directory's package: those that need the
	// build tag "ignore" and those whose names begin with '_' or '.'.
	BuildIgnored bool `json:"build_ignored,omitempty"`
	// FunctionsDetail has the most complex functions, at most ten, the most complex first.
	FunctionsDetail []Function `json:"functions_detail,omitempty"`
	// ParseError says why the file is not Go. Such a file still has its lines counted, and nothing else.
	ParseError string `json:"parse_error,omitempty"`
}

// Complexity sums up the cyclomatic complexities of a file's functions and methods.
type Complexity struct {
	Total int `json:"total"`
	Max   int `json:"max"`
	// MaxFunction names the function that has Max.
	MaxFunction string `json:"max_function,omitempty"`
}

// Function is one function or method, named as in "Parse" or "(*Decoder).Decode".
type Function struct {
	Name       string `json:"name"`
	Line       int    `json:"line"`
	Complexity int    `json:"complexity"`
}

// Analyse measures one file. A file that does not parse is not an error: trees of real Go hold files that are broken on
// purpose, and the result says so in ParseError.
func Analyse(name, content string) File {
	f := File{Path: name, Test: strings.HasSuffix(name, "_test.go")}
	f.Lines, f.CodeLines, f.CommentLines = countLines(content)
	base := path.Base(name)
	f.BuildIgnored = strings.HasPrefix(base, "_") || strings.HasPrefix(base, ".") || needsIgnoreTag(content)

	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, content, parser.SkipObjectResolution)
	if tree != nil && tree.Name != nil && tree.Name.Name != "_" {
		f.Package = tree.Name.Name
	}
	if err != nil {
		f.ParseError = strings.ToValidUTF8(err.Error(), "\uFFFD")
		return f
	}
	f.Imports = imports(tree)
	all := make([]Function, 0, len(tree.Decls))
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			if d.Tok == token.TYPE {
				f.Types += len(d.Specs)
			}
		case *ast.FuncDecl:
			if d.Recv == nil {
				f.Functions++
			} else {
				f.Methods++
			}
			fn := Function{functionName(d), fset.PositionFor(d.Pos(), false).Line, cyclomatic(d)}
			f.Complexity.Total += fn.Complexity
			all = append(all, fn)
		}
	}
	slices.SortStableFunc(all, func(a, b Function) int { return cmp.Compare(b.Complexity, a.Complexity) })
	if len(all) > 0 {
		f.Complexity.Max, f.Complexity.MaxFunction = all[0].Complexity, all[0].Name
		f.FunctionsDetail = all[:min(len(all), maxDetail)]
	}
	return f
}

func imports(tree *ast.File) []string {
	var paths []string
	for _, spec := range tree.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, strings.ToValidUTF8(p, "\uFFFD")) // "\xff" is a legal string, and no legal JSON
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// functionName names methods as gocyclo does: "(T).M" and "(*T).M", without type parameters.
func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t, star := d.Recv.List[0].Type, ""
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t, star = x.X, "*"
		case *ast.ParenExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return fmt.Sprintf("(%s%s).%s", star, x.Name, d.Name.Name)
		default:
			return "(?)." + d.Name.Name
		}
	}
}
