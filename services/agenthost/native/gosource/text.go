package gosource

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Text lays the report out for people, in plain text of at most about 100 columns.
func (r *Report) Text() string {
	var b strings.Builder
	t := &r.Totals
	fmt.Fprintf(&b, "Go source\n\n")
	for _, row := range []struct {
		name  string
		count int
		note  string
	}{
		{"files", t.Files, fmt.Sprintf("%s of them tests, %s do not parse", thousands(t.TestFiles), thousands(t.ParseErrors))},
		{"packages", t.Packages, ""},
		{"lines", t.Lines, fmt.Sprintf("%s of code, %s of comments", thousands(t.CodeLines), thousands(t.CommentLines))},
		{"functions", t.Functions, ""},
		{"methods", t.Methods, ""},
		{"types", t.Types, ""},
		{"complexity", t.Complexity, "cyclomatic, the sum over all functions and methods"},
	} {
		line := fmt.Sprintf("  %-12s %12s  %s", row.name, thousands(row.count), row.note)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if t.NoResult > 0 {
		fmt.Fprintf(&b, "  %s tasks brought no result and are in no figure\n", thousands(t.NoResult))
	}
	r.writePackages(&b)
	r.writeFunctions(&b)
	r.writeImports(&b)
	r.writeAssembly(&b)
	return b.String()
}

func (r *Report) writePackages(b *strings.Builder) {
	if len(r.Packages) == 0 {
		return
	}
	fmt.Fprintf(b, "\nMost complex packages\n\n  %-52s %10s %10s %8s\n", "", "complexity", "functions", "each")
	for _, p := range r.Packages {
		fmt.Fprintf(b, "  %-52s %10s %10s %8.1f\n", p.Path, thousands(p.Complexity), thousands(p.Functions), p.PerFunction())
	}
}

func (r *Report) writeFunctions(b *strings.Builder) {
	if len(r.Functions) == 0 {
		return
	}
	fmt.Fprintf(b, "\nMost complex functions\n\n")
	for _, f := range r.Functions {
		fmt.Fprintf(b, "  %7s  %-36s %s:%d\n", thousands(f.Complexity), f.Name, f.Path, f.Line)
	}
}

func (r *Report) writeImports(b *strings.Builder) {
	g := &r.Imports
	if g.Packages == 0 {
		return
	}
	fmt.Fprintf(b, "\nImports between packages, without tests\n\n  %s packages, %s imports; %s packages from elsewhere\n",
		thousands(g.Packages), thousands(g.Edges), thousands(g.External))
	fmt.Fprintf(b, "  import cycles: %s; counting tests: %s", thousands(g.Cycles), thousands(g.CyclesWithTests))
	if g.CyclesWithTests > 0 {
		fmt.Fprintf(b, ", the largest of %s packages", thousands(g.LargestCycleWithTests))
	}
	fmt.Fprintf(b, "\n\n  %-42s %8s  %-36s %8s\n", "most imported", "by", "importing most", "imports")
	for i := range max(len(g.MostImported), len(g.HighestFanOut)) {
		var left, right string
		if i < len(g.MostImported) {
			left = fmt.Sprintf("%-42s %8s", g.MostImported[i].Path, thousands(g.MostImported[i].Count))
		}
		if i < len(g.HighestFanOut) {
			right = fmt.Sprintf("%-36s %8s", g.HighestFanOut[i].Path, thousands(g.HighestFanOut[i].Count))
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("  %-51s  %s", left, right), " ") + "\n")
	}
	if len(g.LongestChain) > 1 {
		fmt.Fprintf(b, "\n  longest chain of imports, %d packages:\n%s\n", len(g.LongestChain), wrap(g.LongestChain, " > ", "    ", 96))
	}
}

func (r *Report) writeAssembly(b *strings.Builder) {
	a := &r.Assembly
	if a.Files == 0 {
		return
	}
	fmt.Fprintf(b, "\nAssembly\n\n  %-12s %10s %12s %12s %12s\n", "", "files", "lines", "TEXT symbols", "comments")
	row := func(name string, a Assembly) {
		fmt.Fprintf(b, "  %-12s %10s %12s %12s %12s\n", name, thousands(a.Files), thousands(a.Lines), thousands(a.TextSymbols), thousands(a.CommentLines))
	}
	archs := slices.SortedFunc(maps.Keys(a.ByArch), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.ByArch[y].Lines, a.ByArch[x].Lines), cmp.Compare(x, y))
	})
	for _, arch := range archs {
		row(arch, a.ByArch[arch])
	}
	row("all", a.Assembly)
}

// thousands writes n as in 1,234,567.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// wrap joins words into lines of at most width columns, as far as the words allow.
func wrap(words []string, sep, indent string, width int) string {
	var b strings.Builder
	column := 0
	for i, w := range words {
		if i > 0 {
			w = sep + w
		}
		if column > 0 && column+len(w) > width {
			b.WriteString("\n")
			column = 0
			w = strings.TrimLeft(w, " ")
		}
		if column == 0 {
			w = indent + w
		}
		b.WriteString(w)
		column += len(w)
	}
	return b.String()
}
