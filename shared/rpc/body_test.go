package rpc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

func TestARequestComesBackFromTheSDKAndFromABareClient(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	resp, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "hällo"})
	if err != nil || resp.Text != "hällo" {
		t.Errorf("the SDK got %v, %v", resp, err)
	}
	if got := f.raw(t, "mabus.test.echo.say", `{"text":"hi"}`); string(got.Data) != `{"text":"hi"}` || len(got.Header) != 0 {
		t.Errorf("a bare client got %s with headers %v", got.Data, got.Header)
	}
	if got := f.raw(t, "mabus.test.echo.say", ""); string(got.Data) != `{"text":""}` {
		t.Errorf("an empty body is an empty object, got %s", got.Data)
	}
}

func TestBadBodiesAreRefusedAndNameThePlace(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	long := strings.Repeat("x", 400<<10)
	for name, c := range map[string]struct {
		body, reason string
		says         string // in the message
		field        string
	}{
		"unknown field":         {`{"txet":"x"}`, "unknown_field", "txet", "/txet"},
		"unknown nested field":  {`{"parts":[{"name":"a"},{"nam":"b"}]}`, "unknown_field", "/parts/1/nam", "/parts/1/nam"},
		"other case":            {`{"Text":"x"}`, "unknown_field", "Text", "/Text"},
		"wrong type":            {`{"text":7}`, "malformed", "/text", "/text"},
		"wrong nested type":     {`{"parts":[{"name":"a"},{"name":{}}]}`, "malformed", "/parts/1/name", "/parts/1/name"},
		"fraction for integer":  {`{"times":1.5}`, "malformed", "/times", "/times"},
		"integer out of range":  {`{"times":99999999999999999999}`, "malformed", "/times", "/times"},
		"bad duration":          {`{"after":"soon"}`, "malformed", `want a duration such as "1.5s"`, "/after"},
		"truncated":             {`{"text":"x`, "malformed", "at byte", ""},
		"space only":            {` `, "malformed", "", ""},
		"two values":            {`{} {}`, "malformed", "at byte 3", ""},
		"no JSON":               {`hello`, "malformed", "at byte 0", ""},
		"an array":              {`[]`, "malformed", "array", ""},
		"a string":              {`"x"`, "malformed", "string", ""},
		"a number":              {`7`, "malformed", "number", ""},
		"null":                  {`null`, "malformed", "must be a JSON object", ""},
		"repeated field":        {`{"text":"a","text":"b"}`, "malformed", "duplicate", "/text"},
		"invalid UTF-8":         {"{\"text\":\"\xff\xfe\"}", "malformed", "UTF-8", "/text"},
		"invalid UTF-8 in name": {"{\"\xff\":1}", "malformed", "UTF-8", ""},
		"huge nesting":          {`{"text":` + strings.Repeat("[", 100_000), "malformed", "", ""},
		"closed huge nesting":   {`{"text":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "malformed", "", ""},
		"huge unknown field":    {`{"` + long + `":1}`, "unknown_field", "xxx", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := f.refusal(t, "mabus.test.echo.say", c.body)
			wantCode(t, e, api.Invalid, c.reason)
			if !strings.Contains(e.Message, c.says) {
				t.Errorf("%q does not say %q", e.Message, c.says)
			}
			if c.field != "" && !slices.Equal(e.Details.Fields, []string{c.field}) {
				t.Errorf("fields %q, want %q", e.Details.Fields, c.field)
			}
			if len(e.Message) > 1000 {
				t.Errorf("the message has %d bytes", len(e.Message))
			}
			for _, goish := range []string{"rpc_test", "sayRequest", "Go ", "json:"} {
				if strings.Contains(e.Message, goish) {
					t.Errorf("%q speaks of %q", e.Message, goish)
				}
			}
		})
	}
	if _, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "still here"}); err != nil {
		t.Errorf("after the bad bodies: %v", err)
	}
}

func TestValidateRefuses(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	_, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Times: -1})
	wantCode(t, err, api.Invalid, "")
	if e := api.AsError(err); e == nil || !slices.Equal(e.Details.Fields, []string{"times"}) {
		t.Errorf("got %+v, want the field times", e)
	}
}

func TestLargeBodiesTravelByReference(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	text := strings.Repeat("0123456789abcdef", 2<<20/16)
	resp, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Text != text {
		t.Error("the body came back changed")
	}
	obj, err := f.ask.JS.ObjectStore(t.Context(), "mabus_blobs")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := obj.List(t.Context()); err == nil {
		t.Errorf("%d bodies are left in the object store", len(left))
	}
	// A bare client does by hand what the SDK does.
	ref, err := f.ask.Blobs.Put(t.Context(), []byte(`{"text":"from the store"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.raw(t, "mabus.test.echo.say", "", "Mabus-Blob", ref); string(got.Data) != `{"text":"from the store"}` {
		t.Errorf("got %s", got.Data)
	}
}

func TestBadReferencesAreRefused(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, nil)
	put := func(body string) []string {
		ref, err := f.ask.Blobs.Put(t.Context(), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(ref, ":")
	}
	a, b := put(`{"text":"a"}`), put(`{"text":"b"}`)
	for name, ref := range map[string]string{
		"no reference":     "hello",
		"no size":          a[0] + ":" + a[1],
		"size no number":   a[0] + ":" + a[1] + ":x",
		"negative size":    a[0] + ":" + a[1] + ":-1",
		"too large":        a[0] + ":" + a[1] + ":268435457",
		"name with dots":   "a.b:" + a[1] + ":12",
		"wildcard":         "*:" + a[1] + ":12",
		"short digest":     a[0] + ":" + a[1][2:] + ":12",
		"other size":       a[0] + ":" + a[1] + ":13",
		"other's digest":   a[0] + ":" + b[1] + ":12",
		"nothing there":    "nothing:" + a[1] + ":12",
		"a reference more": a[0] + ":" + a[1] + ":12:x",
	} {
		wantCode(t, f.refusal(t, "mabus.test.echo.say", "", "Mabus-Blob", ref), api.Invalid, "")
		if t.Failed() {
			t.Fatalf("with %s", name)
		}
	}
	wantCode(t, f.refusal(t, "mabus.test.echo.say", "", "Mabus-Blob", strings.Join(put(`{"x":1}`), ":")), api.Invalid, "unknown_field")
}

func TestAnAnswerThatIsNoJSONIsNotTakenForOne(t *testing.T) {
	f := start(t, rpc.ServerConfig{}, func(s *rpc.Server) { rpc.Handle(s, say, echo) })
	_, err := rpc.Call(t.Context(), f.ask, say, &sayRequest{Text: "\xff"})
	wantCode(t, err, api.Invalid, "")
	if err := codec.Read([]byte(`{"text":"a","newer":1}`), new(sayResponse)); err != nil {
		t.Errorf("a field of a newer version: %v", err)
	}
}
