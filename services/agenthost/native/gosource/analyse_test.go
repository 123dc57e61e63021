package gosource_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/services/agenthost/native/gosource"
)

const sample = `// Copyright.

//go:build !race

package sample

import (
	"fmt"
	str "strings"
)
import "fmt"

/* Two
lines */
type (
	T[K any] struct{}
	U       = int
)

type V int

var global = func(a, b bool) bool { return a && b } // not in a function

func asm() int

func (t *T[K]) M(n int) { // + 1
	for range n { // + 1
		switch {
		case n > 1 && n < 3, n == 9: // + 2
		default:
		}
	}
	go func() {
		if n == 1 || n == 2 { // + 2
		}
	}()
	select {
	case <-make(chan int): // + 1
	default:
	}
	s := ` + "`raw // no comment\n\n/* nor this `" + `
	fmt.Println(s, str.ToUpper("// \" x"), '\'', '"')
}

func (V) N() {}
`

func TestAnalyse(t *testing.T) {
	got := gosource.Analyse("dir/sample_test.go", sample)
	want := gosource.File{
		Path: "dir/sample_test.go", Package: "sample", Imports: []string{"fmt", "strings"}, Functions: 1, Methods: 2, Types: 3,
		Lines: 47, CodeLines: 34, CommentLines: 4, Test: true,
		Complexity: gosource.Complexity{Total: 9, Max: 7, MaxFunction: "(*T).M"},
		FunctionsDetail: []gosource.Function{
			{Name: "(*T).M", Line: 26, Complexity: 7}, {Name: "asm", Line: 24, Complexity: 1}, {Name: "(V).N", Line: 47, Complexity: 1},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAnalyseTakesAnything(t *testing.T) {
	for name, c := range map[string]struct {
		content              string
		pkg                  string
		lines, code, comment int
	}{
		"empty":               {"", "", 0, 0, 0},
		"half a file":         {"package x\nfunc {\n// y\n", "x", 3, 2, 1},
		"open comment":        {"package x\n/* a\n\nb", "", 4, 1, 2},
		"open string":         {"package x\nvar s = \"a\n// c\n", "x", 3, 2, 1},
		"open raw string":     {"package x\nvar s = `a\n// c\n\n", "x", 4, 4, 0},
		"binary":              {"\xff\x00\n", "", 1, 1, 0},
		"lone quote at end":   {"package x\nvar r = '\\", "x", 2, 2, 0},
		"broken import bytes": {"package x\nimport \"\\xff\"\nvar 1", "x", 3, 3, 0},
	} {
		f := gosource.Analyse("a.go", c.content)
		if f.ParseError == "" || f.Functions != 0 || len(f.Imports) != 0 {
			t.Errorf("%s: %+v is no broken file", name, f)
		}
		if f.Package != c.pkg || f.Lines != c.lines || f.CodeLines != c.code || f.CommentLines != c.comment {
			t.Errorf("%s: package %q, lines %d = %d code + %d comment", name, f.Package, f.Lines, f.CodeLines, f.CommentLines)
		}
	}
}

func TestBuildIgnored(t *testing.T) {
	for _, c := range []struct {
		path, header string
		want         bool
	}{
		{"a.go", "//go:build ignore\n\n", true},
		{"a.go", "// Copyright\n\n/* licence\ntext */\n//go:build ignore && linux\n\n", true},
		{"a.go", "//go:build ignore || linux\n\n", false},
		{"a.go", "//go:build !ignore\n\n", false},
		{"a.go", "", false},
		{"_a.go", "", true},
		{"d/.a.go", "", true},
	} {
		if got := gosource.Analyse(c.path, c.header+"package a\n").BuildIgnored; got != c.want {
			t.Errorf("%s with %q: %v", c.path, c.header, got)
		}
	}
	if gosource.Analyse("a.go", "package a\n\n//go:build ignore\n").BuildIgnored {
		t.Error("a constraint after the package clause counts")
	}
}

func TestDetailIsTheTopTen(t *testing.T) {
	var b strings.Builder
	b.WriteString("package a\n")
	for i := range 30 {
		b.WriteString("func f" + strings.Repeat("x", i) + "() {" + strings.Repeat("if true {}\n", i) + "}\n")
	}
	f := gosource.Analyse("a.go", b.String())
	if len(f.FunctionsDetail) != 10 || f.FunctionsDetail[0].Complexity != 30 || f.FunctionsDetail[9].Complexity != 21 {
		t.Errorf("%+v", f.FunctionsDetail)
	}
}

func FuzzAnalyse(f *testing.F) {
	f.Add(sample)
	f.Add("package a\nimport \"\\xff\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		got := gosource.Analyse("a.go", content)
		if got.CodeLines+got.CommentLines > got.Lines {
			t.Errorf("%+v", got)
		}
	})
}
