package variable_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/coordination/variable"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

func TestConstraintsOfValues(t *testing.T) {
	long := `"` + strings.Repeat("a", 60_000) + `"`
	cases := []struct {
		constraints string
		good, bad   []string
	}{
		{`{}`, []string{`null`, `1`, `"a"`, `[]`, `{}`}, []string{`"` + strings.Repeat("a", api.MaxVariableValue) + `"`}},
		{`{"type":"number"}`, []string{`1`, `-1.5e300`}, []string{`"1"`, `null`, `[1]`}},
		{`{"type":"integer"}`, []string{`1`, `1.0`, `1e3`, `0.0`, `-0`, `150e-1`}, []string{`1.5`, `1e-3`, `"1"`, `15e-1`}},
		{`{"type":"string"}`, []string{`""`}, []string{`1`, `null`}},
		{`{"type":"boolean"}`, []string{`true`, `false`}, []string{`0`, `null`}},
		{`{"type":"object"}`, []string{`{}`}, []string{`[]`, `null`}},
		{`{"type":"array"}`, []string{`[]`}, []string{`{}`}},
		{
			`{"min":0,"max":100}`,
			[]string{`0`, `100`, `-0`, `1e2`, `99.99999999999999999999`, `0.0000000001`},
			[]string{`5000`, `-1`, `100.00000000000000000001`, `-0.0000000001`, `1e999999999999`, `"50"`, `null`},
		},
		{`{"min":-0.5}`, []string{`-0.5`, `-5e-1`, `1e40`}, []string{`-0.50000001`}},
		{`{"max":1,"type":"integer"}`, []string{`-7`}, []string{`0.5`, `2`}},
		{`{"max_length":3}`, []string{`"äöü"`, `"\u00e4\n\ud83d\ude00"`, `[1,2,3]`, `""`}, []string{`"abcd"`, `[1,2,3,4]`, `1`, `{}`}},
		{`{"pattern":"[a-z]+"}`, []string{`"abc"`}, []string{`"abc1"`, `"1abc"`, `""`, `"abc\n"`, `1`}},
		{`{"pattern":"a|b"}`, []string{`"a"`, `"b"`}, []string{`"ac"`, `"cb"`}},
		{`{"pattern":"(?m)^a$"}`, []string{`"a"`}, []string{`"a\na"`}},
		{`{"pattern":"[a-z]{1,1000}"}`, []string{`"` + strings.Repeat("a", 1000) + `"`}, []string{`"` + strings.Repeat("a", 1001) + `"`, long}},
		{`{"pattern":"a*"}`, []string{long}, nil},
		{`{"enum":[1,"a",{"x":[1,2],"y":null}]}`, []string{`1.0`, `10e-1`, `"\u0061"`, `{"y":null,"x":[1.0,2e0]}`}, []string{`2`, `"b"`, `{"x":[2,1],"y":null}`, `{"x":[1,2]}`, `true`}},
	}
	for _, c := range cases {
		var con api.VariableConstraints
		if err := codec.Decode([]byte(c.constraints), &con); err != nil {
			t.Fatal(err)
		}
		con, err := variable.CheckConstraints(con)
		if err != nil {
			t.Fatalf("%s: %v", c.constraints, err)
		}
		for want, values := range map[string][]string{"": c.good, api.ReasonConstraint: c.bad} {
			for _, raw := range values {
				value, err := variable.Normal("value", json.RawMessage(raw))
				if err != nil {
					t.Fatal(err)
				}
				if err := variable.CheckValue(&con, value); api.ReasonOf(err) != want || (want == "") != (err == nil) {
					t.Errorf("%s, %.50s: %v, want %q", c.constraints, raw, err, want)
				}
			}
		}
	}
}

func TestConstraintsThatNoValueCouldMeet(t *testing.T) {
	enum := `{"enum":[` + strings.Repeat("1,", api.MaxVariableEnum) + `1]}`
	for _, c := range []string{
		`{"type":"text"}`, `{"min":2,"max":1}`, `{"max_length":-1}`, `{"type":"string","min":1}`, `{"type":"number","pattern":"a"}`,
		`{"type":"boolean","max_length":1}`, `{"pattern":"a","max":1}`, `{"max_length":1,"max":1}`, `{"pattern":"a)|(b"}`, `{"pattern":"("}`,
		`{"pattern":"a{1001}"}`, `{"pattern":"` + strings.Repeat("a", variable.MaxPattern+1) + `"}`, `{"pattern":"` + strings.Repeat("a{1000}", 70) + `"}`,
		enum, `{"enum":["` + strings.Repeat("a", variable.MaxConstraintBytes) + `"]}`, `{"enum":[` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `]}`,
	} {
		var con api.VariableConstraints
		if err := codec.Decode([]byte(c), &con); err != nil {
			t.Fatal(err)
		}
		if _, err := variable.CheckConstraints(con); api.CodeOf(err) != api.Invalid {
			t.Errorf("%.80s: %v", c, err)
		}
	}
}

// texts are JSON values and what is nearly one.
var texts = []string{
	`null`, ` { "b" : 1.0e5, "a":[true,"\u0041\/<"] } `, `1E5`, `-0`, `"\ud83d\ude00"`, `[[[]]]`, `{"a":{"b":{}}}`, `"a\\"`, `"\""`, `[1,2`, `{"a":1,"a":2}`,
	`1 2`, `"\ud800"`, `nul`, `1e99999999999999999999`, `0.1e-5`, `{"":""}`, "\"\xff\"", `[,]`, `{"a"}`, `]`, ``,
}

func FuzzValues(f *testing.F) {
	for i, x := range texts {
		f.Add(x, texts[(i+7)%len(texts)], "a*", "array", int64(i), 3)
	}
	f.Fuzz(func(t *testing.T, a, b, pattern, kind string, limit int64, length int) {
		max := api.Decimal(limit)
		var all []api.VariableConstraints
		for _, c := range []api.VariableConstraints{
			{Type: kind, Enum: []json.RawMessage{json.RawMessage(b)}}, {Pattern: pattern}, {MaxLength: length}, {Min: &max}, {Max: &max},
		} {
			if c, err := variable.CheckConstraints(c); err == nil {
				all = append(all, c)
			}
		}
		x, errX := variable.Normal("value", json.RawMessage(a))
		if (errX == nil) != (a == "" || codec.Valid([]byte(a))) && errX != nil && !strings.Contains(errX.Error(), "levels") {
			t.Fatalf("%q: %v", a, errX)
		}
		if errX != nil {
			return
		}
		if again, err := variable.Normal("value", x); err != nil || string(again) != string(x) {
			t.Fatalf("%q, and again %q: %v", x, again, err)
		}
		if !variable.Equal(x, x) {
			t.Fatalf("%q is not itself", x)
		}
		for i := range all {
			err := variable.CheckValue(&all[i], x)
			if err != nil && api.ReasonOf(err) != api.ReasonConstraint {
				t.Fatalf("%q: %v", x, err)
			}
			if err == nil && len(all[i].Enum) > 0 && !variable.Equal(x, all[i].Enum[0]) {
				t.Fatalf("%q is not %q", x, all[i].Enum[0])
			}
		}
	})
}

func TestDepthIsBounded(t *testing.T) {
	for _, n := range []int{variable.MaxDepth, variable.MaxDepth + 1} {
		_, err := variable.Normal("value", json.RawMessage(strings.Repeat("[", n)+`"[["`+strings.Repeat("]", n)))
		if (err == nil) != (n == variable.MaxDepth) {
			t.Errorf("%d levels: %v", n, err)
		}
	}
}

// TestRewritingKeepsEquality shuffles members and rewrites numbers.
func TestRewritingKeepsEquality(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := drawTree(t, 3)
		a, b := tree.write(t), tree.write(t)
		other := drawTree(t, 3)
		x, y := must(variable.Normal("a", json.RawMessage(a))), must(variable.Normal("b", json.RawMessage(b)))
		if !variable.Equal(x, y) {
			t.Fatalf("%s is not %s", x, y)
		}
		z := must(variable.Normal("z", json.RawMessage(other.write(t))))
		if variable.Equal(x, z) != (tree.key() == other.key()) {
			t.Fatalf("%s and %s: %v", x, z, variable.Equal(x, z))
		}
	})
}
