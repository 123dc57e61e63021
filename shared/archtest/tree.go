package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the import path of the repository.
const module = "github.com/mabus-project/mabus"

// file is one Go file of the tree.
type file struct {
	path    string // relative to the repository, with slashes
	dir     string
	test    bool
	lines   int
	imports []imported
	syntax  *ast.File
	fset    *token.FileSet
}

// imported is one import: path is relative to the module, with a leading "./", if it is a package of the module.
type imported struct {
	path string
	name string // as the file calls it
	pos  token.Pos
}

// own returns the directory of an imported package of the module.
func (i imported) own() (dir string, ok bool) { return strings.CutPrefix(i.path, "./") }

// standard tells whether the import is of the standard library, where alone a first element has no dot.
func (i imported) standard() bool {
	first, _, _ := strings.Cut(i.path, "/")
	return !strings.Contains(first, ".")
}

func (f *file) generated() bool { return ast.IsGenerated(f.syntax) }

// at says where a node is.
func (f *file) at(pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, f.fset.Position(pos).Line)
}

// load parses every Go file of the module. Nested modules, hidden directories and testdata are left out.
func load(root fs.FS) ([]*file, error) {
	var files []*file
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if skipped(root, p) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(p, ".go"):
			return nil
		}
		f, err := parse(root, p)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func skipped(root fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	if slices.Contains([]string{"testdata", "vendor", "bin", "dist", "node_modules"}, base) {
		return true
	}
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}

func parse(root fs.FS, p string) (*file, error) {
	source, err := fs.ReadFile(root, p)
	if err != nil {
		return nil, err
	}
	f := &file{
		path:  p,
		dir:   path.Dir(p),
		test:  strings.HasSuffix(p, "_test.go"),
		lines: bytes.Count(source, []byte("\n")),
		fset:  token.NewFileSet(),
	}
	f.syntax, err = parser.ParseFile(f.fset, p, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, spec := range f.syntax.Imports {
		full, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.at(spec.Pos()), err)
		}
		i := imported{path: full, name: nameOf(full), pos: spec.Pos()}
		if rest, ok := strings.CutPrefix(full, module+"/"); ok {
			i.path = "./" + rest
		}
		if spec.Name != nil {
			i.name = spec.Name.Name
		}
		f.imports = append(f.imports, i)
	}
	return f, nil
}

// nameOf guesses a package's name: the last element of its path that is not a major version.
func nameOf(importPath string) string {
	base := path.Base(importPath)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(importPath))
	}
	return base
}

// matches tells whether a path fits one of the patterns. Each element is as in path.Match, and a last ... stands for any
// number of elements, also none.
func matches(p string, patterns []string) bool {
	have := strings.Split(p, "/")
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		want := strings.Split(pattern, "/")
		if last := len(want) - 1; want[last] == "..." {
			want = want[:last]
			if len(have) < len(want) {
				return false
			}
		} else if len(have) != len(want) {
			return false
		}
		for i, w := range want {
			if ok, err := path.Match(w, have[i]); !ok || err != nil {
				return false
			}
		}
		return true
	})
}
