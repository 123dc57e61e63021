package gosource

import (
	"cmp"
	"encoding/json"
	"maps"
	"path"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// The lengths of the report's lists.
const (
	topPackages  = 15
	topFunctions = 10
	topEdges     = 10
)

// Capabilities whose results the report understands; others are counted and left aside.
const (
	capGo  = "go-analyse"
	capAsm = "asm-lines"
)

// Options are the config of a go-report agent.
type Options struct {
	// Root is the folder of the inputs that import paths begin in, for example "src" when the input was a GOROOT; the
	// input itself unless given.
	Root string `json:"root,omitempty"`
	// Module is the import path of Root, for example "github.com/nats-io/nats.go"; none for the standard library.
	Module string `json:"module,omitempty"`
}

// Result is the outcome of one task of the job.
type Result struct {
	Capability string          `json:"capability"`
	Input      string          `json:"input"`
	Result     json.RawMessage `json:"result"`
}

// Report is what a whole tree comes to.
type Report struct {
	Totals    Totals         `json:"totals"`
	Packages  []Package      `json:"packages"`  // the most complex, at most 15
	Functions []FoundFunc    `json:"functions"` // the most complex, at most 10
	Imports   ImportGraph    `json:"imports"`
	Assembly  AssemblyReport `json:"assembly"`
}

// Totals add up every Go file of the tree. Lines, and nothing else, include the files that do not parse.
type Totals struct {
	Files        int `json:"files"`
	TestFiles    int `json:"test_files"`
	ParseErrors  int `json:"parse_errors"`
	Packages     int `json:"packages"` // directories with Go files that parse
	Lines        int `json:"lines"`
	CodeLines    int `json:"code_lines"`
	CommentLines int `json:"comment_lines"`
	Functions    int `json:"functions"`
	Methods      int `json:"methods"`
	Types        int `json:"types"`
	Complexity   int `json:"complexity"`
	// NoResult counts tasks of the two capabilities that brought no result, and Other the results of other capabilities.
	NoResult int `json:"no_result"`
	Other    int `json:"other"`
}

// Package is one directory: its path relative to Options.Root, which is the import path without the module.
type Package struct {
	Path       string `json:"path"`
	Files      int    `json:"files"`
	Lines      int    `json:"lines"`
	Functions  int    `json:"functions"` // functions and methods
	Complexity int    `json:"complexity"`
}

// PerFunction is the package's mean complexity of a function, 0 when it has none.
func (p Package) PerFunction() float64 {
	if p.Functions == 0 {
		return 0
	}
	return float64(p.Complexity) / float64(p.Functions)
}

// FoundFunc is a function and where it is.
type FoundFunc struct {
	Function
	Path string `json:"path"`
}

// Build adds up results, in any order, to the same report. A result that is not of the shape its capability promises is an
// invalid *api.Error that names its input.
func Build(results []Result, opts Options) (*Report, error) {
	r := &Report{Assembly: AssemblyReport{ByArch: map[string]Assembly{}}}
	opts.Root = path.Clean(opts.Root)
	packages := map[string]*Package{}
	var graph graphBuilder
	for i := range results {
		res := &results[i]
		if res.Capability != capGo && res.Capability != capAsm {
			r.Totals.Other++
			continue
		}
		if len(res.Result) == 0 || string(res.Result) == "null" {
			r.Totals.NoResult++
			continue
		}
		if res.Capability == capAsm {
			var a asmFile
			if err := codec.Read(res.Result, &a); err != nil {
				return nil, badResult(res, err)
			}
			r.Assembly.add(&a)
			continue
		}
		var f File
		if err := codec.Read(res.Result, &f); err != nil {
			return nil, badResult(res, err)
		}
		r.Totals.add(&f)
		if f.ParseError != "" {
			continue
		}
		dir := relative(opts.Root, path.Dir(f.Path))
		p := packages[dir]
		if p == nil {
			p = &Package{Path: dir}
			packages[dir] = p
		}
		p.Files++
		p.Lines += f.Lines
		p.Functions += f.Functions + f.Methods
		p.Complexity += f.Complexity.Total
		for _, fn := range f.FunctionsDetail {
			r.Functions = append(r.Functions, FoundFunc{fn, f.Path})
		}
		if len(r.Functions) > 4096 {
			r.Functions = mostComplex(r.Functions)
		}
		graph.add(dir, &f)
	}
	r.Totals.Packages = len(packages)
	r.Functions = mostComplex(r.Functions)
	r.Packages = heaviest(packages)
	r.Imports = graph.figures(opts.Module)
	return r, nil
}

func badResult(res *Result, err error) error {
	return api.Errorf(api.Invalid, "the result of %s for %q is not one of that capability: %v", res.Capability, res.Input, err)
}

func (t *Totals) add(f *File) {
	t.Files++
	t.Lines += f.Lines
	t.CodeLines += f.CodeLines
	t.CommentLines += f.CommentLines
	t.Functions += f.Functions
	t.Methods += f.Methods
	t.Types += f.Types
	t.Complexity += f.Complexity.Total
	if f.Test {
		t.TestFiles++
	}
	if f.ParseError != "" {
		t.ParseErrors++
	}
}

func mostComplex(fs []FoundFunc) []FoundFunc {
	slices.SortFunc(fs, func(a, b FoundFunc) int {
		return cmp.Or(cmp.Compare(b.Complexity, a.Complexity), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return fs[:min(len(fs), topFunctions)]
}

func heaviest(packages map[string]*Package) []Package {
	all := make([]Package, 0, len(packages))
	for p := range maps.Values(packages) {
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.Complexity, a.Complexity), cmp.Compare(a.Path, b.Path))
	})
	return all[:min(len(all), topPackages)]
}
