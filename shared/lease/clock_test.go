package lease

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Nothing that decides over life and death may use the wall clock, which can be set: the package reads the time in its clock
// alone, and that keeps the reading of Go's monotonic clock.
func TestNothingReadsTheWallClock(t *testing.T) {
	if !strings.Contains(began.String(), " m=") {
		t.Errorf("the clock's start is %s, without a monotonic reading", began)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "clock.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				t.Errorf("%s uses time.%s: use elapsed", name, sel.Sel.Name)
			}
			return true
		})
	}
	if checked < 5 {
		t.Errorf("only %d files were checked", checked)
	}
}

func TestClockGoesOn(t *testing.T) {
	for before := elapsed(); ; {
		if now := elapsed(); now < before {
			t.Fatalf("%s after %s", now, before)
		} else if now > before {
			return
		}
	}
}
