package settings_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/services/registry/settings"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/schema"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

const text = `{"type":"object","additionalProperties":false,"properties":{
	"n":{"type":"integer","minimum":0,"maximum":9},"late":{"type":"integer","restart":true},"mine":{"type":"string","protected":true},
	"in":{"type":"object","additionalProperties":false,"properties":{"a":{"type":"boolean"},"b":{"type":"string"}}},
	"map":{"type":"object","additionalProperties":{"type":"integer"}},"list":{"type":"array","items":{"type":"integer"}}}}`

// rules are those of two sections of the same kind.
func rules(t testing.TB) settings.Rules {
	t.Helper()
	compiled, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := settings.Rules{Sections: map[string]*settings.Section{}}
	for _, name := range []string{"one", "two"} {
		r.Sections[name] = &settings.Section{ConfigSection: api.ConfigSection{Name: name}, Schema: compiled, Defaults: tree.Object{}}
	}
	r.Sections["two"].Rule = func(value json.RawMessage) error {
		if strings.Contains(string(value), `"n":7`) {
			return errors.New("not seven")
		}
		return nil
	}
	return r
}

var by = settings.Author{Who: "ann", Operator: true, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Comment: "why"}

func value(path, v string) api.ConfigValue {
	return api.ConfigValue{Path: path, Value: json.RawMessage(v)}
}

func TestWhatIsSetIsStamped(t *testing.T) {
	t.Parallel()
	r := rules(t)
	d, err := r.Set(nil, []api.ConfigValue{value("one.n", " 5 "), value("one.in", `{"a": true}`)}, nil, by)
	if err != nil {
		t.Fatal(err)
	}
	want := &api.ConfigDocument{
		Version: 1, Config: json.RawMessage(`{"one":{"in":{"a":true},"n":5}}`), ChangedAt: by.At, ChangedBy: "ann", Action: api.ConfigSetAction,
		Paths: []string{"one.in.a", "one.n"}, Comment: "why",
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	if same, err := r.Set(d, []api.ConfigValue{value("one.n", "5")}, nil, by); err != nil || same != d {
		t.Errorf("%+v, %v", same, err)
	}
	r.Base = 40
	if next, err := r.Reset(nil, "one", by); err != nil || next != nil {
		t.Errorf("%+v, %v", next, err)
	}
	if d, err := r.Set(nil, []api.ConfigValue{value("one.n", "5")}, nil, by); err != nil || d.Version != 41 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	r := rules(t)
	old, err := r.Set(nil, []api.ConfigValue{value("one.n", "5"), value("one.in.b", `"x"`), value("one.mine", `"m"`)}, nil, by)
	if err != nil {
		t.Fatal(err)
	}
	before := string(old.Config)
	stranger, wrong := by, uint64(9)
	stranger.Operator = false
	late := by
	late.Expect = &wrong
	big := `"` + strings.Repeat("x", 200<<10) + `"`
	half, err := r.Set(nil, []api.ConfigValue{value("one.in.b", big)}, nil, by)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		reason string
		err    error
	}{
		{api.ReasonPathUnknown, fail(r.Set(old, []api.ConfigValue{value("three.n", "1")}, nil, by))},
		{api.ReasonPathUnknown, fail(r.Set(old, []api.ConfigValue{value("one.none", "1")}, nil, by))},
		{api.ReasonPathBlocked, fail(r.Set(old, []api.ConfigValue{value("one.n.x", "1")}, nil, by))},
		{api.ReasonValueRefused, fail(r.Set(old, []api.ConfigValue{value("one.n", "10")}, nil, by))},
		{api.ReasonValueRefused, fail(r.Set(old, []api.ConfigValue{value("two.n", "7")}, nil, by))},
		{api.ReasonValueRefused, fail(r.Set(old, []api.ConfigValue{value("one.list", `[1,"x"]`)}, nil, by))},
		{api.ReasonNullValue, fail(r.Set(old, []api.ConfigValue{value("one.in", `{"a":null}`)}, nil, by))},
		{api.ReasonMalformed, fail(r.Set(old, []api.ConfigValue{value("one.n", `{`)}, nil, by))},
		{api.ReasonMalformed, fail(r.Set(old, []api.ConfigValue{value("one.in", `{"a":true,"a":false}`)}, nil, by))},
		{api.ReasonPathsConflict, fail(r.Set(old, []api.ConfigValue{value("one.n", "1")}, []string{"one.n"}, by))},
		{api.ReasonPathsConflict, fail(r.Set(old, []api.ConfigValue{value("one.in", "{}"), value("one.in.a", "true")}, nil, by))},
		{api.ReasonProtectedPath, fail(r.Set(old, []api.ConfigValue{value("one.mine", `"x"`)}, nil, stranger))},
		{api.ReasonProtectedPath, fail(r.Unset(old, []string{"one"}, stranger))},
		{api.ReasonProtectedPath, fail(r.Rollback(old, nil, stranger))},
		{api.ReasonProtectedPath, fail(r.Reset(old, "", stranger))},
		{api.ReasonConfigChanged, fail(r.Set(old, []api.ConfigValue{value("one.n", "1")}, nil, late))},
		{api.ReasonPathUnknown, fail(r.Unset(old, []string{"one.none"}, by))},
		{api.ReasonSectionNotFound, fail(r.Reset(old, "three", by))},
		{api.ReasonConfigTooLarge, fail(r.Set(half, []api.ConfigValue{value("two.in.b", big)}, nil, by))},
	} {
		if api.ReasonOf(x.err) != x.reason {
			t.Errorf("%v, want %s", x.err, x.reason)
		}
	}
	if string(old.Config) != before {
		t.Errorf("%s has become %s", before, old.Config)
	}
}

func fail(_ *api.ConfigDocument, err error) error { return err }

// values are such as may be set, and some that may not.
func values(t *rapid.T) []api.ConfigValue {
	n := rapid.IntRange(1, 4).Draw(t, "n")
	list := make([]api.ConfigValue, n)
	for i := range list {
		section := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "section")
		pair := rapid.SampledFrom([][2]string{
			{".n", "%d"},
			{".late", "%d"},
			{".mine", `"%d"`},
			{".in.a", "true"},
			{".in.b", `"%d"`},
			{".map.k%d", "%[1]d"},
			{".list", "[%d]"},
			{".in", "{}"},
			{"", `{"n":%d}`},
			{".map", `{"k":%d}`},
		}).Draw(t, "pair")
		x := rapid.IntRange(0, 11).Draw(t, "x")
		path := section + pair[0]
		if strings.Contains(pair[0], "%") {
			path = section + fmt.Sprintf(pair[0], x)
		}
		v := pair[1]
		if strings.Contains(v, "%") {
			v = fmt.Sprintf(v, x)
		}
		list[i] = value(path, v)
	}
	return list
}

// Any sequence of changes can be gone back to, step by step, and each is all or nothing.
func TestChangesCanBeGoneBackTo(t *testing.T) {
	t.Parallel()
	r := rules(t)
	rapid.Check(t, func(t *rapid.T) {
		var now *api.ConfigDocument
		past := []*api.ConfigDocument{nil}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			list := values(t)
			next, err := r.Set(now, list, nil, by)
			if err != nil {
				if api.CodeOf(err) != api.Invalid && api.CodeOf(err) != api.NotFound {
					t.Fatalf("%v", err)
				}
				continue
			}
			have, err := settings.Config(next)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list { // all of it is there
				got, err := have.Get(v.Path)
				want, _ := tree.Parse("", v.Value)
				if err != nil || !tree.Equal(got, want) {
					t.Fatalf("%s is %s, %v", v.Path, got.JSON(), err)
				}
			}
			if next != now {
				if next.Version != settings.Version(now)+1 || len(next.Paths) == 0 {
					t.Fatalf("%+v after %+v", next, now)
				}
				now = next
				past = append(past, now)
			}
		}
		to := rapid.SampledFrom(past).Draw(t, "to")
		back, err := r.Rollback(now, to, by)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := settings.Config(to)
		got, _ := settings.Config(back)
		if !tree.Equal(tree.Value{Object: got}, tree.Value{Object: want}) {
			t.Fatalf("%s, want %s", got.JSON(), want.JSON())
		}
		if changes, err := settings.Compare(back, to); err != nil || len(changes) != 0 {
			t.Fatalf("%+v, %v", changes, err)
		}
	})
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	r := rules(t)
	s := r.Sections["one"]
	s.Defaults, _ = tree.ParseObject("", json.RawMessage(`{"n":3,"in":{"b":"x"}}`))
	set, _ := tree.ParseObject("", json.RawMessage(`{"one":{"n":99,"gone":1}}`))
	d := s.Describe(set)
	got := map[string]api.ConfigSetting{}
	for _, x := range d.Settings {
		got[x.Path] = x
	}
	if n := got["one.n"]; string(n.Default) != "3" || string(n.Set) != "99" || n.Least != "0" || n.Most != "9" || n.Type != "integer" {
		t.Errorf("%+v", n)
	}
	if !got["one.late"].Restart || !got["one.mine"].Protected || got["one.map"].Type != "map" || string(got["one.in.b"].Default) != `"x"` {
		t.Errorf("%+v", d.Settings)
	}
	if len(d.Problems) != 2 {
		t.Errorf("%+v", d.Problems)
	}
	if late := r.Restart([]string{"one.late", "one.n", "none.x"}); len(late) != 1 {
		t.Errorf("%v", late)
	}
}

func FuzzSet(f *testing.F) {
	f.Add("one.n", "5")
	f.Add("one.in", `{"a":true,"b":"\u0000"}`)
	f.Add("one.map.x.y", `{"a":[{}]}`)
	f.Add("..", `null`)
	f.Add("two", `{"list":[1e999]}`)
	r := rules(f)
	old, err := r.Set(nil, []api.ConfigValue{value("one.in.b", `"x"`)}, nil, by)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, v string) {
		q := api.ConfigSetRequest{Values: []api.ConfigValue{value(path, v)}}
		if q.Validate() != nil {
			return
		}
		next, err := r.Set(old, q.Values, nil, by)
		if err != nil {
			if e := api.AsError(err); e == nil || e.Code == api.Internal {
				t.Fatalf("%s=%s: %v", path, v, err)
			}
			return
		}
		if _, err := settings.Config(next); err != nil {
			t.Fatalf("%s=%s gives %s: %v", path, v, next.Config, err)
		}
	})
}
