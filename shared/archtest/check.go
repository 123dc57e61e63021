package archtest

import (
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Violation is one breach of a rule.
type Violation struct {
	Rule   string // the name of the rule
	At     string // file and line
	What   string
	Reason string
}

// String returns the violation on one line.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s (%s: %s)", v.At, v.What, v.Rule, v.Reason)
}

// Check reads the tree of the repository at root and returns every breach, in the order of the files.
func Check(root fs.FS) ([]Violation, error) {
	files, err := load(root)
	if err != nil {
		return nil, err
	}
	pureDirs := map[string]bool{}
	for _, f := range files {
		doc := strings.Join(strings.Fields(f.syntax.Doc.Text()), " ")
		if !f.test && (matches(f.dir, pure) || pureMark.MatchString(doc)) {
			pureDirs[f.dir] = true
		}
	}
	var found []Violation
	for _, f := range files {
		found = append(found, checkSize(f)...)
		found = append(found, checkName(f)...)
		if f.test {
			continue
		}
		found = append(found, checkLayers(f)...)
		found = append(found, checkServices(f)...)
		if pureDirs[f.dir] {
			found = append(found, checkPureImports(f, pureDirs)...)
			found = append(found, checkPureUses(f)...)
		}
	}
	return found, nil
}

func checkSize(f *file) []Violation {
	if f.lines <= maxLines || f.generated() {
		return nil
	}
	return []Violation{{
		Rule: "size", At: f.path, What: fmt.Sprintf("%d lines", f.lines),
		Reason: fmt.Sprintf("a file holds one thing and at most %d lines", maxLines),
	}}
}

func checkName(f *file) []Violation {
	var found []Violation
	name := strings.TrimSuffix(f.syntax.Name.Name, "_test")
	if slices.Contains(refusedNames, name) || slices.Contains(refusedNames, path.Base(f.dir)) {
		found = append(found, Violation{
			Rule: "name", At: f.path, What: fmt.Sprintf("package %s in %s", f.syntax.Name.Name, f.dir),
			Reason: "a package is named after what it holds",
		})
	}
	return found
}

func checkLayers(f *file) []Violation {
	var found []Violation
	for _, l := range layers {
		if !matches(f.dir, l.from) || matches(f.dir, l.except) {
			continue
		}
		for _, i := range f.imports {
			denied := matches(i.path, l.deny)
			if l.only != nil {
				denied = !matches(i.path, l.only) && (!l.std || !i.standard())
			}
			if denied {
				found = append(found, breach(f, i, l.name, l.reason))
			}
		}
	}
	return found
}

func checkServices(f *file) []Violation {
	service, ok := serviceOf(f.dir)
	if !ok {
		return nil
	}
	var found []Violation
	for _, i := range f.imports {
		dir, own := i.own()
		if !own {
			continue
		}
		if other, ok := serviceOf(dir); ok && other != service {
			found = append(found, breach(f, i, "services", "a service calls another one over NATS, since it may run elsewhere"))
		}
	}
	return found
}

func serviceOf(dir string) (string, bool) {
	rest, ok := strings.CutPrefix(dir, "services/")
	name, _, _ := strings.Cut(rest, "/")
	return name, ok
}

func checkPureImports(f *file, pureDirs map[string]bool) []Violation {
	allowed := pureImports
	for place, extra := range pureExtra {
		if matches(f.dir, []string{place}) {
			allowed = slices.Concat(allowed, extra)
		}
	}
	var found []Violation
	for _, i := range f.imports {
		dir, own := i.own()
		if i.name != "." && (own && pureDirs[dir] || matches(i.path, allowed)) {
			continue
		}
		found = append(found, breach(f, i, "pure imports", pureReason))
	}
	return found
}

func checkPureUses(f *file) []Violation {
	packages := map[string]string{}
	for _, i := range f.imports {
		packages[i.name] = i.path
	}
	var found []Violation
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		limits, ok := pureUses[packages[x.Name]]
		if !ok {
			return true
		}
		name := sel.Sel.Name
		if slices.Contains(limits.deny, name) || limits.allow != nil && !slices.Contains(limits.allow, name) {
			found = append(found, Violation{
				Rule: "pure uses", At: f.at(sel.Pos()), What: "uses " + x.Name + "." + name, Reason: pureReason,
			})
		}
		return true
	})
	return found
}

func breach(f *file, i imported, rule, reason string) Violation {
	return Violation{Rule: rule, At: f.at(i.pos), What: "imports " + strings.TrimPrefix(i.path, "./"), Reason: reason}
}
