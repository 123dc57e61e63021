package secret_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/secret"
)

func redactor(values ...string) *secret.Redactor {
	var all []*secret.Value
	for _, v := range values {
		all = append(all, secret.NewValue([]byte(v)))
	}
	return secret.NewRedactor(all...)
}

func TestRedactor(t *testing.T) {
	pem := "-----BEGIN KEY-----\nMIIabcdefgh\nqrstuvwxyz==\n-----END KEY-----\n"
	r := redactor("sk-123456", `quo"te\d/<tag>`, "grün-wörter", pem, "sk-123456-longer")
	for in, want := range map[string]string{
		"":                                   "",
		"nothing":                            "nothing",
		"key sk-123456, sk-123456.":          "key ***, ***.",
		"sk-123456-longer":                   "***",
		"sk-12345":                           "sk-12345",
		`a quo"te\d/<tag>`:                   "a ***",
		"line MIIabcdefgh of it":             "line *** of it",
		url.QueryEscape(`quo"te\d/<tag>`):    "***",
		`{"k":"quo\"te\\d/<tag>"}`:           `{"k":"***"}`,
		`{"k":"quo\"te\\d\/<tag>"}`:          `{"k":"***"}`,
		`{"k":"gr\u00fcn-w\u00f6rter"}`:      `{"k":"***"}`,
		`{"k":"quo\"te\\d/\u003ctag\u003e"}`: `{"k":"***"}`,
	} {
		if got := r.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if got := string(r.Bytes([]byte(in))); got != want {
			t.Errorf("the bytes %q became %q, want %q", in, got, want)
		}
	}
	if got := r.Text(pem); strings.Contains(got, "MII") || strings.Contains(got, "qrs") {
		t.Errorf("%q", got)
	}
	if redactor("short", "tiny\n") != nil {
		t.Error("short values are looked for")
	}
	none := redactor()
	if none.Text("a") != "a" || none.Cut("a") != "a" || string(none.Bytes([]byte("a"))) != "a" || string(none.JSON([]byte("1"))) != "1" || none.Stream().Next("a") != "a" {
		t.Error("no redactor changes something")
	}
}

func TestRedactedJSONIsJSON(t *testing.T) {
	r := redactor("1234567890", "true-or-false")
	for in, want := range map[string]string{
		`{"a":"x1234567890"}`: `{"a":"x***"}`, `{"a":1234567890}`: `"***"`, `[1,2]`: `[1,2]`, `"true-or-false"`: `"***"`,
	} {
		if got := string(r.JSON([]byte(in))); got != want {
			t.Errorf("%s became %s, want %s", in, got, want)
		}
	}
}

// However JSON is written, a value in one of its strings is found, and what is left is JSON.
func TestValuesInJSONAreFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOfN(rapid.RuneFrom([]rune("abc\"\\/<>&éß😀 \t")), 8, 20, -1).Draw(t, "value")
		if len(strings.TrimSpace(value)) < 6 {
			return
		}
		r := redactor(value)
		body := map[string]string{"k": "before " + strings.TrimSpace(value) + " after"}
		mabus, _ := codec.Marshal(body)
		std, _ := json.Marshal(body)
		for _, raw := range [][]byte{mabus, std} {
			got := r.JSON(raw)
			var back map[string]string
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatalf("%s became %s: %v", raw, got, err)
			}
			if strings.Contains(back["k"], strings.TrimSpace(value)) {
				t.Fatalf("%q is in %q, from %s", value, back["k"], raw)
			}
		}
	})
}

// A text in pieces becomes what it would have become as a whole, and no piece shows a value's beginning that goes on.
func TestStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[ab]{6,9}`), 1, 3).Draw(t, "values")
		r := redactor(values...)
		var text strings.Builder
		for range rapid.IntRange(0, 4).Draw(t, "parts") {
			text.WriteString(rapid.StringMatching(`[abc]{0,6}`).Draw(t, "between"))
			text.WriteString(rapid.SampledFrom(values).Draw(t, "value"))
		}
		s := r.Stream()
		var out strings.Builder
		for rest := text.String(); rest != ""; {
			n := rapid.IntRange(1, min(5, len(rest))).Draw(t, "n")
			out.WriteString(s.Next(rest[:n]))
			rest = rest[n:]
		}
		out.WriteString(s.Rest())
		for _, v := range values {
			if strings.Contains(out.String(), v) {
				t.Fatalf("%q of %q is in %q", v, text.String(), out.String())
			}
		}
	})
}

func TestCut(t *testing.T) {
	r := redactor("sk-123456")
	for in, want := range map[string]string{
		"a sk-1": "a ***", "a sk-": "a sk-", "a sk-12345": "a ***", "a sk-123456": "a ***", "a sk-1 ": "a sk-1 ",
	} {
		if got := r.Cut(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
