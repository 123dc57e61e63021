package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/setting/schema"
	"github.com/mabus-project/mabus/shared/setting/tree"
)

const text = `{"type":"object","additionalProperties":false,"properties":{
	"n":{"type":"integer","minimum":1,"maximum":9},"d":{"type":"string","format":"go-duration","minimum_duration":"1s","maximum_duration":"1h"},
	"in":{"type":"object","restart":true,"protected":true,"additionalProperties":false,"properties":{"a":{"type":"boolean"},"deep":{"properties":{"x":{}}}}},
	"map":{"type":"object","additionalProperties":{"type":"integer"}},"odd":true}}`

func TestCheck(t *testing.T) {
	t.Parallel()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{
		`{}`: "", `{"n":9,"d":"1h","in":{"a":true},"map":{"k":1},"odd":[{}]}`: "", `{"in":{"deep":{"x":1}}}`: "",
		`{"n":0}`: "s.n", `{"n":10}`: "s.n", `{"n":"1"}`: "s.n", `{"n":1.5}`: "s.n", `{"map":{"k":"v"}}`: "s.map.k", `{"in":{"a":1}}`: "s.in.a",
		`{"d":"999ms"}`: "s.d", `{"d":"61m"}`: "s.d", `{"d":"soon"}`: "s.d", `{"d":5}`: "s.d", `{"none":1}`: "?s.none", `{"in":{"b":1}}`: "?s.in.b",
	} {
		o, err := tree.ParseObject("", json.RawMessage(value))
		if err != nil {
			t.Fatal(err)
		}
		unknown, refused := s.Check("s", o)
		got := make([]string, 0, len(unknown)+len(refused))
		for _, path := range unknown {
			got = append(got, "?"+path)
		}
		for _, p := range refused {
			if p.Message == "" {
				t.Errorf("%s: nothing is said of %s", value, p.Path)
			}
			got = append(got, p.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", value, got, want)
		}
	}
}

func TestMarksHoldForAllBelow(t *testing.T) {
	t.Parallel()
	s, err := schema.Compile([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"s.in": true, "s.in.a": true, "s.in.deep.x": true, "s.n": false, "s": false, "s.none.x": false} {
		if s.Restart(path) != want || s.Protected(path) != want {
			t.Errorf("%s: %v, %v", path, s.Restart(path), s.Protected(path))
		}
	}
	for _, x := range s.Settings("s") {
		if want := strings.HasPrefix(x.Path, "s.in."); x.Restart != want || x.Protected != want {
			t.Errorf("%+v", x)
		}
	}
}

func TestWhatIsNoSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", "5", `{"type":5}`, `{"$ref":"file:///etc/passwd"}`, `{"$ref":"https://example.org/s"}`, `{"properties":[]}`, `{"pattern":"("}`,
		`{"$schema":"https://example.org/mine"}`, `{"properties":{"a":{"$ref":"#/none"}}}`,
	} {
		if _, err := schema.Compile([]byte(text)); api.ReasonOf(err) != api.ReasonSchemaInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(text, `{"n":5}`)
	f.Add(`{"properties":{"a":{"$ref":"#"}}}`, `{"a":{"a":{}}}`)
	f.Add(`true`, `{}`)
	f.Add(`{"properties":{"a":{"type":["object"],"properties":{"b":false}}}}`, `{"a":{"b":1}}`)
	f.Fuzz(func(t *testing.T, text, value string) {
		s, err := schema.Compile([]byte(text))
		if err != nil {
			if api.ReasonOf(err) != api.ReasonSchemaInvalid {
				t.Fatal(err)
			}
			return
		}
		o, err := tree.ParseObject("", json.RawMessage(value))
		if err != nil {
			return
		}
		s.Check("s", o)
		for _, x := range s.Settings("s") {
			s.Restart(x.Path)
		}
	})
}
