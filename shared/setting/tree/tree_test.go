package tree_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

func object(t testing.TB, text string) tree.Object {
	t.Helper()
	o, err := tree.ParseObject("", json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// objects are small, so that two of them have names in common.
func objects() *rapid.Generator[tree.Object] {
	return rapid.Custom(func(t *rapid.T) tree.Object { return draw(t, 3) })
}

func draw(t *rapid.T, levels int) tree.Object {
	o := tree.Object{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c-d", "e_f"}), 0, 4, rapid.ID[string]).Draw(t, "names") {
		if levels > 0 && rapid.Bool().Draw(t, "inner") {
			o[name] = tree.Value{Object: draw(t, levels-1)}
		} else {
			leaf := rapid.SampledFrom([]string{"1", "2", `"x"`, "true", "[1,2]", "9007199254740993", "0.10"}).Draw(t, "leaf")
			o[name] = tree.Value{Leaf: json.RawMessage(leaf)}
		}
	}
	return o
}

func equal(a, b tree.Object) bool {
	return tree.Equal(tree.Value{Object: a}, tree.Value{Object: b})
}

func TestADifferenceAppliedIsTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := objects().Draw(t, "a"), objects().Draw(t, "b")
		before := string(a.JSON())
		got, err := a.Apply(tree.Diff(a, b))
		if err != nil || !equal(got, b) {
			t.Fatalf("%s, want %s: %v", got.JSON(), b.JSON(), err)
		}
		if string(a.JSON()) != before {
			t.Fatalf("%s was changed in place to %s", before, a.JSON())
		}
		if len(tree.Diff(a, a)) != 0 {
			t.Fatal("something differs from itself")
		}
	})
}

func TestTextAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := objects().Draw(t, "a")
		b, err := tree.ParseObject("", a.JSON())
		if err != nil || !equal(a, b) {
			t.Fatalf("%s became %s: %v", a.JSON(), b.JSON(), err)
		}
	})
}

func TestWhatIsSetIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := objects().Draw(t, "a")
		path := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c-d"}), 1, 4).Draw(t, "path"), ".")
		v := tree.Value{Leaf: json.RawMessage("7")}
		b, err := a.Set(path, v)
		_, blocked := a.Get(path)
		if (err == nil) != (blocked == nil) {
			t.Fatalf("set says %v, and get %v", err, blocked)
		}
		if err != nil {
			return
		}
		if got, err := b.Get(path); err != nil || !tree.Equal(got, v) {
			t.Fatalf("%s: %v", got.JSON(), err)
		}
		c, err := b.Unset(path)
		if got, err2 := c.Get(path); err != nil || err2 != nil || !got.IsZero() {
			t.Fatalf("%s: %v, %v", got.JSON(), err, err2)
		}
		// Everything else is as it was.
		for _, x := range tree.Diff(a, b) {
			if !tree.Within(x.Path, path) && !tree.Within(path, x.Path) {
				t.Fatalf("%s has changed %s", path, x.Path)
			}
		}
	})
}

func TestMergePutsOneOverTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		under, over := objects().Draw(t, "under"), objects().Draw(t, "over")
		got := tree.Merge(tree.Value{Object: under}, tree.Value{Object: over}).Object
		over.Leaves(func(path string, leaf tree.Value) bool {
			have, err := got.Get(path)
			if err != nil || leaf.Object == nil && !tree.Equal(have, leaf) {
				t.Fatalf("%s is %s, want %s", path, have.JSON(), leaf.JSON())
			}
			return true
		})
		under.Leaves(func(path string, leaf tree.Value) bool {
			if v, err := over.Get(path); err == nil && v.IsZero() {
				if have, err := got.Get(path); err != nil || !tree.Equal(have, leaf) {
					t.Fatalf("%s is %s, want %s", path, have.JSON(), leaf.JSON())
				}
			}
			return true
		})
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, reason := range map[string]string{
		"": api.ReasonMalformed, "{": api.ReasonMalformed, "1 2": api.ReasonMalformed, "null": api.ReasonNullValue, `{"a":null}`: api.ReasonNullValue,
		`{"a b":1}`: api.ReasonPathMalformed, `{"":1}`: api.ReasonPathMalformed, `{"a.b":1}`: api.ReasonPathMalformed, `{"a":1,"a":2}`: api.ReasonMalformed,
		strings.Repeat("[", 65) + strings.Repeat("]", 65):   api.ReasonConfigTooLarge,
		strings.Repeat("[", 1e5):                            api.ReasonConfigTooLarge,
		`"` + strings.Repeat("x", api.MaxConfigBytes) + `"`: api.ReasonConfigTooLarge,
	} {
		if _, err := tree.Parse("x", json.RawMessage(text)); api.ReasonOf(err) != reason {
			t.Errorf("%.40s: %v, want %s", text, err, reason)
		}
	}
	if o := object(t, ` {"a" : { "n":9007199254740993 , "l":[ 1, null ]} } `); string(o.JSON()) != `{"a":{"l":[1,null],"n":9007199254740993}}` {
		t.Errorf("%s", o.JSON())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":{"b":[1,2,{"x":null}]}}`, `"\ud800"`, "\xff", `{"a":1e400}`, " \n1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := tree.Parse("x", json.RawMessage(text))
		if err != nil {
			if api.AsError(err) == nil {
				t.Fatal(err)
			}
			return
		}
		again, err := tree.Parse("x", v.JSON())
		if err != nil || !tree.Equal(v, again) {
			t.Fatalf("%q became %q: %v", text, v.JSON(), err)
		}
	})
}
