package gosource

import (
	"go/ast"
	"go/token"
)

// cyclomatic is the cyclomatic complexity of a function after T. J. McCabe, "A Complexity Measure", IEEE Transactions on
// Software Engineering SE-2(4), 1976, counted as github.com/fzipp/gocyclo counts it: one, and one more for every if, for,
// range, case and communication clause that is not the default, && and ||. Function literals count within the function
// that holds them; those outside any function are not counted.
func cyclomatic(fn *ast.FuncDecl) int {
	n := 1
	ast.Inspect(fn, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			n++
		case *ast.CaseClause:
			if x.List != nil {
				n++
			}
		case *ast.CommClause:
			if x.Comm != nil {
				n++
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				n++
			}
		}
		return true
	})
	return n
}
