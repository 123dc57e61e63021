package variable_test

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/variable"
)

func drawNumber(t *rapid.T) string {
	return rapid.StringMatching(`-?(0|[1-9][0-9]{0,4}|10{0,5})(\.[0-9]{1,4}|\.0{1,5}[1-9]?)?([eE][+-]?[0-9]{1,2})?`).Draw(t, "number")
}

// TestNumbersAreExact compares with rational numbers.
func TestNumbersAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawNumber(t)
		b := rapid.OneOf(rapid.Just(a), rapid.Custom(drawNumber)).Draw(t, "b")
		x, ok := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		if !ok || !ok2 {
			t.Fatalf("%s %s", a, b)
		}
		if got := variable.CompareNumbers(a, b); got != x.Cmp(y) {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, x.Cmp(y))
		}
		p, whole := variable.NumberText(a)
		q, _ := variable.NumberText(b)
		if (p == q) != (x.Cmp(y) == 0) || whole != x.IsInt() {
			t.Fatalf("%s is %s, %s is %s; integer %v", a, p, b, q, whole)
		}
	})
}

// tree is a JSON value that can be written in several ways.
type tree struct {
	scalar  string
	number  *big.Rat
	names   []string
	members []*tree // of an object, when there are names, or of an array
}

func drawTree(t *rapid.T, levels int) *tree {
	kind := rapid.IntRange(0, 3).Draw(t, "kind")
	if levels == 0 {
		kind = min(kind, 1)
	}
	x := &tree{}
	switch kind {
	case 0:
		x.scalar = rapid.SampledFrom([]string{`null`, `true`, `""`, `"a"`, `"a,}]\""`, `"\\"`}).Draw(t, "scalar")
	case 1:
		x.number = big.NewRat(rapid.Int64Range(-30, 30).Draw(t, "n"), 10)
	case 2:
		x.names = []string{}
		x.names = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{`"a"`, `"a:"`, `"b,"`, `""`, `"\""`}), 0, 3, rapid.ID[string]).Draw(t, "names")
		if x.names == nil {
			x.names = []string{}
		}
		for range x.names {
			x.members = append(x.members, drawTree(t, levels-1))
		}
	case 3:
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			x.members = append(x.members, drawTree(t, levels-1))
		}
	}
	return x
}

// write writes the value in one of its ways.
func (x *tree) write(t *rapid.T) string {
	switch {
	case x.scalar != "":
		return x.scalar
	case x.number != nil:
		s := x.number.FloatString(rapid.IntRange(1, 3).Draw(t, "places"))
		if e := rapid.IntRange(-2, 2).Draw(t, "exponent"); e != 0 {
			scale := big.NewRat(1000, 1)
			for range e + 3 {
				scale.Quo(scale, big.NewRat(10, 1))
			}
			s = new(big.Rat).Mul(x.number, scale).FloatString(6) + "e" + strconv.Itoa(e)
		}
		return s
	}
	order := make([]int, len(x.members))
	for i := range order {
		order[i] = i
	}
	if x.names != nil {
		order = rapid.Permutation(order).Draw(t, "order")
	}
	parts := make([]string, len(order))
	for i, j := range order {
		if parts[i] = x.members[j].write(t); x.names != nil {
			parts[i] = x.names[j] + ": " + parts[i]
		}
	}
	if x.names != nil {
		return "{" + strings.Join(parts, " ,") + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// key is the same for equal values.
func (x *tree) key() string {
	switch {
	case x.scalar != "":
		return x.scalar
	case x.number != nil:
		return x.number.String()
	}
	parts := make([]string, len(x.members))
	for i, m := range x.members {
		if parts[i] = m.key(); x.names != nil {
			parts[i] = x.names[i] + parts[i]
		}
	}
	if x.names != nil {
		slices.Sort(parts)
		return fmt.Sprintf("{%q}", parts)
	}
	return fmt.Sprintf("[%q]", parts)
}
