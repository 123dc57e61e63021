package gosource_test

import (
	"encoding/json"
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost/native/gosource"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// analysed is what go-analyser answers for each of the files.
func analysed(t testing.TB, files map[string]string) []gosource.Result {
	t.Helper()
	var results []gosource.Result
	for name, content := range files {
		raw, err := codec.Marshal(gosource.Analyse(name, content))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, gosource.Result{Capability: "go-analyse", Input: name, Result: raw})
	}
	return results
}

var module = map[string]string{
	"src/m.go":                  "package m\nimport (\"ex.org/m/a\"; \"ex.org/m/b\"; \"fmt\"; \"C\")\n",
	"src/a/a.go":                "package a\nimport (\"ex.org/m/b\"; \"dep.org/d\")\nfunc F() { if true {} }\n",
	"src/a/a_test.go":           "package a_test\nimport \"ex.org/m/c\"\n",
	"src/b/b.go":                "package b\n",
	"src/b/gen.go":              "//go:build ignore\n\npackage main\nimport \"ex.org/m/a\"\n",
	"src/c/c.go":                "package c\nimport \"ex.org/m/a\"\n",
	"src/c/testdata/x/x.go":     "package x\nimport \"ex.org/m/c\"\n",
	"src/vendor/dep.org/d/d.go": "package d\nimport \"ex.org/mother\"\n",
	"src/broken/x.go":           "package\n",
}

func TestReportOnAModule(t *testing.T) {
	results := analysed(t, module)
	results = append(results,
		gosource.Result{Capability: "asm-lines", Input: "x", Result: json.RawMessage(`{"path":"a/x_linux_arm64_test.s","lines":5,"text_symbols":2,"comment_lines":1}`)},
		gosource.Result{Capability: "asm-lines", Input: "y", Result: json.RawMessage(`{"path":"a/y.s","lines":7,"text_symbols":1,"comment_lines":0}`)},
		gosource.Result{Capability: "asm-lines", Input: "z"},
		gosource.Result{Capability: "other", Input: "z"},
	)
	r, err := gosource.Build(results, gosource.Options{Root: "src/", Module: "ex.org/m"})
	if err != nil {
		t.Fatal(err)
	}
	want := gosource.ImportGraph{
		Packages: 5, Edges: 5, External: 2, // fmt and ex.org/mother
		MostImported:  []gosource.Degree{{Path: "a", Count: 2}, {Path: "b", Count: 2}, {Path: "vendor/dep.org/d", Count: 1}},
		HighestFanOut: []gosource.Degree{{Path: ".", Count: 2}, {Path: "a", Count: 2}, {Path: "c", Count: 1}},
		Cycles:        0, CyclesWithTests: 1, LargestCycleWithTests: 2,
		LongestChain: r.Imports.LongestChain,
	}
	if d := cmp.Diff(want, r.Imports); d != "" {
		t.Error(d)
	}
	if len(r.Imports.LongestChain) != 3 {
		t.Errorf("longest chain %v", r.Imports.LongestChain)
	}
	totals := gosource.Totals{
		Files: 9, TestFiles: 1, ParseErrors: 1, Packages: 6, Lines: 19, CodeLines: 17, CommentLines: 1,
		Functions: 1, Complexity: 2, NoResult: 1, Other: 1,
	}
	if d := cmp.Diff(totals, r.Totals); d != "" {
		t.Error(d)
	}
	asm := gosource.AssemblyReport{
		Assembly: gosource.Assembly{Files: 2, Lines: 12, TextSymbols: 3, CommentLines: 1},
		ByArch:   map[string]gosource.Assembly{"arm64": {Files: 1, Lines: 5, TextSymbols: 2, CommentLines: 1}, "any": {Files: 1, Lines: 7, TextSymbols: 1}},
	}
	if d := cmp.Diff(asm, r.Assembly); d != "" {
		t.Error(d)
	}
	if p := r.Packages[0]; p.Path != "a" || p.Complexity != 2 || p.Files != 2 || p.PerFunction() != 2 {
		t.Errorf("%+v", p)
	}
	for _, want := range []string{"1 tasks brought no result", "counting tests: 1, the largest of 2", "arm64", "src/a/a.go:3"} {
		if !strings.Contains(r.Text(), want) {
			t.Errorf("the text does not say %q:\n%s", want, r.Text())
		}
	}
}

// TestReportDoesNotDependOnOrder: tasks end in any order.
func TestReportDoesNotDependOnOrder(t *testing.T) {
	results := analysed(t, module)
	first, err := gosource.Build(slices.Clone(results), gosource.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		r, err := gosource.Build(rapid.Permutation(results).Draw(t, "order"), gosource.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first, r); d != "" || first.Text() != r.Text() {
			t.Fatal(d)
		}
	})
}

// TestStandardLibraryHasNoCycles checks the graph by what the compiler guarantees of one real tree.
func TestStandardLibraryHasNoCycles(t *testing.T) {
	root := filepath.Join(build.Default.GOROOT, "src")
	files := map[string]string{}
	for _, dir := range []string{"strings", "sort", "unicode", "io", "errors", "internal", "sync", "iter", "unsafe", "slices", "cmp", "math"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") {
				return err
			}
			content, err := os.ReadFile(name)
			rel, _ := filepath.Rel(root, name)
			files[filepath.ToSlash(rel)] = string(content)
			return err
		})
		if err != nil {
			t.Skipf("Go is installed without its source, which the test reads: %v", err)
		}
	}
	r, err := gosource.Build(analysed(t, files), gosource.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := r.Imports
	if g.Cycles != 0 || g.Packages < 50 || g.Edges < 100 || g.LongestChain[len(g.LongestChain)-1] != "unsafe" && len(g.LongestChain) < 5 {
		t.Errorf("%+v", g)
	}
}

func TestModules(t *testing.T) {
	analyse, err := gosource.Analyser.New(t.Context(), agent.Env{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := gosource.Reporter.New(t.Context(), agent.Env{Spec: api.AgentSpec{Config: json.RawMessage(`{"root":"src"}`)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gosource.Reporter.New(t.Context(), agent.Env{Spec: api.AgentSpec{Config: json.RawMessage(`{"rood":"src"}`)}}); api.CodeOf(err) != api.Invalid {
		t.Errorf("an unknown setting: %v", err)
	}
	for _, c := range []struct {
		handler       agent.Handler
		payload, want string
		code          api.Code
	}{
		{analyse, `{"path":"a.go","content":"package a\n"}`, `"package":"a"`, ""},
		{analyse, `{"path":"a.go","content_base64":"cGFja2FnZSBh/w=="}`, `"parse_error"`, ""},
		{analyse, `{"content":"package a\n"}`, "", api.Invalid},
		{analyse, `{"path":"a.go","contents":""}`, "", api.Invalid},
		{analyse, `[`, "", api.Invalid},
		{report, `{"job":{"id":"x"},"results":[]}`, `"text":"Go source`, ""},
		{report, `{"results":[{"capability":"go-analyse","input":"a.go","result":7}]}`, "", api.Invalid},
		{report, `{"results":7}`, "", api.Invalid},
	} {
		got, err := c.handler.Handle(t.Context(), &agent.Message{Payload: json.RawMessage(c.payload)})
		if api.CodeOf(err) != c.code || !strings.Contains(string(got), c.want) {
			t.Errorf("%s: %s, %v", c.payload, got, err)
		}
	}
}

func BenchmarkAnalyse(b *testing.B) {
	content, err := os.ReadFile(filepath.Join(build.Default.GOROOT, "src", "net", "http", "server.go"))
	if err != nil {
		b.Skip(err)
	}
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if f := gosource.Analyse("server.go", string(content)); f.ParseError != "" {
			b.Fatal(fmt.Errorf("%s", f.ParseError))
		}
	}
}

// Two folders by their absolute paths are two arguments, so the paths of their files begin with a slash.
func TestAbsolutePaths(t *testing.T) {
	var results []gosource.Result
	for _, p := range []string{"/a/one/x.go", "/b/two/y.go"} {
		body, err := codec.Marshal(gosource.Analyse(p, "package x\n\nimport \"fmt\"\n\nfunc F() { fmt.Println() }\n"))
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, gosource.Result{Capability: "go-analyse", Input: p, Result: body})
	}
	r, err := gosource.Build(results, gosource.Options{})
	if err != nil || r.Totals.Files != 2 {
		t.Fatalf("got %+v, %v", r, err)
	}
}
